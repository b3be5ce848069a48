"""Stop containers. A stop returns when the process has ended.

After that, the engine takes down the container's network, which takes 0.1 s. The answer to
``docker stop`` comes after this, but the ``die`` event comes before. So wb waits for the event and
can already stop the next container; ``settle`` waits for the answer.

The kernel sends to the first process of a container only signals that the process handles. A
container that has just started may not handle the stop signal yet, so wb sends the signal again.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from wb_cli.engine.docker.client import POOL_CONNECTIONS, docker_errors
from wb_cli.engine.docker.sdk_internals import close_response
from wb_cli.engine.docker.stream import end_stream
from wb_cli.errors import NotFoundError, WbError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import docker
    from docker.types.daemon import CancellableStream

ASKED_AGAIN_AFTER_S = 1.0
YOUNG = timedelta(seconds=10)
DEFAULT_STOP_SIGNAL = "SIGTERM"


class Stops:
    """Stops the containers of one engine."""

    def __init__(self, api: docker.APIClient) -> None:
        self._api: Any = api  # partly untyped
        self._threads = ThreadPoolExecutor(POOL_CONNECTIONS)
        self._unsettled: dict[str, Future[bool]] = {}

    def stop(self, container: str, timeout: int) -> int | None:
        """Stop a container. Return its exit code as soon as its process has ended.

        ``None`` means that there was no process to end: the container was down, between two
        starts, or not there.
        """
        # Submit the stop first: if waiters filled the pool, no thread would be left to send the
        # stops that they wait for.
        answered = self._threads.submit(self._ask, container, timeout)
        with docker_errors():
            ends = self._api.events(decode=True, filters={"container": container, "event": "die"})
        answered.add_done_callback(lambda _: end_stream(ends))
        ended = self._threads.submit(_read_first_exit_code, ends)
        either: list[Future[Any]] = [ended, answered]
        while not wait(either, ASKED_AGAIN_AFTER_S, FIRST_COMPLETED).done:
            self._ask_again(container)
        if ended.done() and (code := ended.result()) is not None:
            self._unsettled[container] = answered
            return code
        return self._read_exit_code(container, answered)

    def settle(self, *containers: str) -> None:
        """Wait until the engine has cleaned up after stops; without names, after all stops."""
        for container in containers or (*self._unsettled,):
            if answered := self._unsettled.get(container):
                wait(
                    [answered]
                )  # keep it in the dictionary meanwhile, so that other threads wait for it, too
                self._unsettled.pop(container, None)
                answered.result()

    def _ask(self, container: str, timeout: int) -> bool:
        """Ask the engine to stop the container. Return whether it had a process to end."""
        with docker_errors():
            has_process = bool(self._api.inspect_container(container)["State"]["Pid"])
            self._api.stop(container, timeout=timeout)
        return has_process

    def _ask_again(self, container: str) -> None:
        """Send the stop signal again to a container that has just started."""
        with suppress(WbError), docker_errors():  # the container may have ended
            inspected = self._api.inspect_container(container)
            if _measure_age(inspected) < YOUNG:
                signal = inspected["Config"].get("StopSignal") or DEFAULT_STOP_SIGNAL
                self._api.kill(container, signal)

    def _read_exit_code(self, container: str, answered: Future[bool]) -> int | None:
        """Read the exit code of a process whose ``die`` event was missed; ``None`` without one."""
        try:
            if not answered.result():
                return None
            with docker_errors():
                return int(self._api.inspect_container(container)["State"]["ExitCode"])
        except NotFoundError:
            return None


def _measure_age(inspected: Mapping[str, Any]) -> timedelta:
    """Measure how long a container has run, by this machine's clock."""
    return datetime.now(UTC) - datetime.fromisoformat(inspected["State"]["StartedAt"])


def _read_first_exit_code(ends: CancellableStream[Any]) -> int | None:
    """Read the exit code of the first ``die`` event; ``None`` if the stream is closed before."""
    try:
        return int(next(ends)["Actor"]["Attributes"]["exitCode"])
    except Exception:  # noqa: BLE001  (a stream that another thread closes can raise anything)
        return None
    finally:
        close_response(ends)
