"""Ask many things side by side, with one deadline for all."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from wb_cli.errors import EngineUnreachableError, WbError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

K = TypeVar("K")
V = TypeVar("V")
# The engine client's own number of connections.
AT_A_TIME = 32


def ask_all(jobs: Mapping[K, Callable[[], V]], deadline_s: float) -> dict[K, V | WbError]:
    """Ask all, and give the answers that came in time, or the error in the place of an answer.

    wb does not wait for a thread that hangs, neither here nor at its end.

    Raises:
        EngineUnreachableError: the engine went away meanwhile.
    """
    return Asked(jobs).gather(time.monotonic() + deadline_s)


class Asked(dict[K, "V | WbError"]):
    """The answers, as they come."""

    def __init__(self, jobs: Mapping[K, Callable[[], V]], at_a_time: int = AT_A_TIME) -> None:
        super().__init__()
        self._waiting: queue.SimpleQueue[tuple[K, Callable[[], V]]] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[K, V | BaseException]] = queue.SimpleQueue()
        self._missing = len(jobs)
        for job in jobs.items():
            self._waiting.put(job)
        for _ in range(min(len(jobs), at_a_time)):
            threading.Thread(target=self._work, daemon=True).start()

    def gather(self, deadline: float) -> dict[K, V | WbError]:
        """Wait for the answers until all have come, or until the deadline (a monotonic time)."""
        while self._missing:
            try:
                key, answer = self._answers.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                break
            self._missing -= 1
            self[key] = _keep(answer)
        return self

    def _work(self) -> None:
        while True:
            try:
                key, job = self._waiting.get_nowait()
            except queue.Empty:
                return
            try:
                self._answers.put((key, job()))
            except BaseException as error:  # noqa: BLE001  (it is raised in the caller's thread)
                self._answers.put((key, error))


def _keep(answer: V | BaseException) -> V | WbError:
    if isinstance(answer, EngineUnreachableError):
        raise answer
    if isinstance(answer, WbError) or not isinstance(answer, BaseException):
        return answer
    raise answer
