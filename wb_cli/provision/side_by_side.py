"""Run several jobs at a time. A job that fails does not stop the others."""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from wb_cli.errors import WbError

T = TypeVar("T")


def run_side_by_side(
    jobs: Mapping[str, Callable[[], T]], limit: int
) -> Iterator[tuple[str, T | WbError]]:
    """Run jobs in threads, ``limit`` at a time. Yield the result or error of each when it ends.

    If the caller is interrupted, it does not wait for the threads.
    """
    waiting: queue.SimpleQueue[tuple[str, Callable[[], T]]] = queue.SimpleQueue()
    ended: queue.SimpleQueue[tuple[str, T | BaseException]] = queue.SimpleQueue()
    for job in jobs.items():
        waiting.put(job)
    for _ in range(min(limit, len(jobs))):
        threading.Thread(target=_work, args=(waiting, ended), daemon=True).start()
    for _ in jobs:
        name, outcome = ended.get()
        if isinstance(outcome, BaseException) and not isinstance(outcome, WbError):
            raise outcome
        yield name, outcome


def _work(
    waiting: queue.SimpleQueue[tuple[str, Callable[[], T]]],
    ended: queue.SimpleQueue[tuple[str, T | BaseException]],
) -> None:
    while True:
        try:
            name, job = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            ended.put((name, job()))
        except BaseException as error:  # noqa: BLE001  (the caller's thread raises it again)
            ended.put((name, error))
