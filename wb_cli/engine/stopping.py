"""Stopping containers: over when the process has ended, while the engine is not done with it yet.

Between a process's end and the answer to ``docker stop`` the engine takes down the container's
network, 0.1 s in which the next container may stop already. Its ``die`` event tells the end.

A container loses the stop signal in its first moments: its first process is sent only signals
that it handles already. One that is still that young is asked again.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from wb_cli.engine.client import POOL_CONNECTIONS, docker_errors
from wb_cli.engine.sdk_internals import close_response
from wb_cli.engine.stream import end
from wb_cli.errors import NotFoundError, WbError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import docker
    from docker.types.daemon import CancellableStream

ASKED_AGAIN_AFTER_S = 1.0
YOUNG = timedelta(seconds=10)
DEFAULT_STOP_SIGNAL = "SIGTERM"


class Stops:
    """The stops of one engine's containers."""

    def __init__(self, api: docker.APIClient) -> None:
        self._api: Any = api  # partly untyped
        self._threads = ThreadPoolExecutor(POOL_CONNECTIONS)
        self._unsettled: dict[str, Future[bool]] = {}

    def stop(self, container: str, timeout: int) -> int | None:
        """Stop a container; give its exit code as soon as its process has ended.

        ``None`` where there was no process to end: it was down, between two starts, or not there.
        """
        # Submit the stop first: if waiters filled the pool, no thread would be left to send the
        # stops that they wait for.
        answered = self._threads.submit(self._ask, container, timeout)
        with docker_errors():
            ends = self._api.events(decode=True, filters={"container": container, "event": "die"})
        answered.add_done_callback(lambda _: end(ends))
        ended = self._threads.submit(_first_exit_code, ends)
        either: list[Future[Any]] = [ended, answered]
        while not wait(either, ASKED_AGAIN_AFTER_S, FIRST_COMPLETED).done:
            self._ask_again(container)
        if ended.done() and (code := ended.result()) is not None:
            self._unsettled[container] = answered
            return code
        return self._exit_code(container, answered)

    def settle(self, *containers: str) -> None:
        """Wait until the engine is done with what was stopped; with all of it if none is named."""
        for container in containers or (*self._unsettled,):
            if answered := self._unsettled.get(container):
                wait([answered])  # before it is taken off the list: others wait for it, too
                self._unsettled.pop(container, None)
                answered.result()

    def _ask(self, container: str, timeout: int) -> bool:
        """Have it stopped; whether there was a process to end."""
        with docker_errors():
            has_process = bool(self._api.inspect_container(container)["State"]["Pid"])
            self._api.stop(container, timeout=timeout)
        return has_process

    def _ask_again(self, container: str) -> None:
        """Send a young container its stop signal again; it may have ended meanwhile."""
        with suppress(WbError), docker_errors():
            inspected = self._api.inspect_container(container)
            if _age(inspected) < YOUNG:
                signal = inspected["Config"].get("StopSignal") or DEFAULT_STOP_SIGNAL
                self._api.kill(container, signal)

    def _exit_code(self, container: str, answered: Future[bool]) -> int | None:
        """Of a process that ended before its end could be heard of; ``None`` where none ended."""
        try:
            if not answered.result():
                return None
            with docker_errors():
                return int(self._api.inspect_container(container)["State"]["ExitCode"])
        except NotFoundError:
            return None


def _age(inspected: Mapping[str, Any]) -> timedelta:
    """How long a container runs, by this machine's clock."""
    return datetime.now(UTC) - datetime.fromisoformat(inspected["State"]["StartedAt"])


def _first_exit_code(ends: CancellableStream[Any]) -> int | None:
    """What the first ``die`` event says; ``None`` where the stream is closed before."""
    try:
        return int(next(ends)["Actor"]["Attributes"]["exitCode"])
    except Exception:  # noqa: BLE001  (closed by another thread, its reader raises anything)
        return None
    finally:
        close_response(ends)
