"""The Engine on the Docker SDK: a method makes one engine call, or a few that belong together."""

from __future__ import annotations

import threading
import time
from contextlib import closing, nullcontext, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wb_cli.engine import read, render
from wb_cli.engine.base import Streams
from wb_cli.engine.client import docker_errors, measure_clock_ahead_s
from wb_cli.engine.keeping import Kept, keep, make_again
from wb_cli.engine.sdk_internals import close_response
from wb_cli.engine.session import Connection, converse
from wb_cli.engine.stopping import Stops
from wb_cli.engine.stream import end_stream
from wb_cli.engine.types import (
    ContainerDetail,
    ContainerSpec,
    EngineInfo,
    ImageInfo,
    NetworkSpec,
    Observed,
)
from wb_cli.errors import EngineError, ImageMissingError, NotFoundError, WbError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    import docker
    from docker.types.daemon import CancellableStream

    from wb_cli.engine.base import Terminal


# The number of events that an engine keeps, and the events from which wb knows that a container is
# being stopped.
EVENTS_KEPT = 256
ENDINGS = ["kill", "start", "die"]
# The SDK has this URL for a socket on this machine. For one behind ssh it has `http+docker://ssh`.
BASE_URL_OF_A_SOCKET = "http+docker://localhost"


class DockerEngine:
    """See :class:`wb_cli.engine.base.Engine`."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._api: Any = client.api  # partly untyped
        self._stops = Stops(client.api)

    @property
    def is_local(self) -> bool:
        """Whether it is reached through a socket of this machine."""
        return bool(self._api.base_url == BASE_URL_OF_A_SOCKET)

    def read_info(self) -> EngineInfo:
        """Read the version and the endpoint of the engine."""
        with docker_errors():
            version = self._api.version()
        return EngineInfo(
            version=version["Version"],
            endpoint=str(self._api.base_url),
        )

    def observe(self) -> Observed:
        """List all containers with one call, and all networks with another."""
        with docker_errors():
            # Read the signals first. A container that gets its signal after that counts as running.
            stopping = read.stopping(self._events({"type": "container", "event": ENDINGS}))
            containers = self._api.containers(all=True)
            networks = self._api.networks()
        return Observed(
            tuple(read.container(listed, stopping) for listed in containers),
            tuple(map(read.network, networks)),
        )

    def remembers(self, moment: float) -> bool:
        """Whether the engine still has all events since a moment (seconds since the epoch)."""
        with docker_errors():
            events = self._events({})
        return len(events) < EVENTS_KEPT or events[0]["timeNano"] / 1e9 <= moment

    @cached_property
    def _clock_ahead_s(self) -> float:
        return 0.0 if self.is_local else measure_clock_ahead_s(self._api)

    def _events(self, filters: dict[str, Any]) -> list[dict[str, Any]]:
        """Read the events that the engine remembers, oldest first."""
        until = f"{time.time() + self._clock_ahead_s:.6f}"
        return list(self._api.events(since=0, until=until, filters=filters, decode=True))

    def inspect(self, container: str) -> ContainerDetail:
        """Read the state of one container. Raises ``NotFoundError``."""
        with docker_errors():
            return read.detail(self._api.inspect_container(container))

    def find_image(self, reference: str) -> ImageInfo | None:
        """Find the local image of a reference."""
        try:
            with docker_errors():
                return read.image(self._api.inspect_image(reference))
        except (ImageMissingError, NotFoundError):
            return None

    def create_network(self, spec: NetworkSpec) -> str:
        """Make a bridge network and return its id. Raises ``AddressPoolError`` on overlap."""
        with docker_errors():
            created = self._api.create_network(**render.network_arguments(spec))
        return str(created["Id"])

    def remove_network(self, network: str) -> None:
        """Remove a network. Do nothing if it is gone."""
        self._stops.settle()
        try:
            with docker_errors():
                self._api.remove_network(network)
        except NotFoundError:
            return

    def create_container(self, spec: ContainerSpec, network: str) -> str:
        """Create a container on a network, with its secret files, and return its id."""
        with docker_errors():
            arguments = render.container_arguments(self._api, spec, network)
            container = str(self._api.create_container(**arguments)["Id"])
        try:
            with docker_errors():
                for file in spec.secret_files:
                    self._api.put_archive(container, "/", render.archive(file))
        except EngineError:
            self.remove_container(container)
            raise
        return container

    def start(self, container: str) -> None:
        """Start a container. Do nothing if it already runs."""
        self._stops.settle(container)
        with docker_errors():
            self._api.start(container)

    def stop(self, container: str, timeout: int) -> int | None:
        """Stop a container. Kill it after ``timeout`` seconds. Return the exit code of this end."""
        return self._stops.stop(container, timeout)

    def remove_container(self, container: str) -> None:
        """Remove a stopped container and wait until it is gone. Do nothing if it is gone."""
        self._stops.settle(container)
        try:
            with docker_errors():
                self._api.remove_container(container, v=True)
        except NotFoundError:
            return
        except EngineError as error:
            if "already in progress" not in error.message:
                raise
            self._wait_until_removed(container)

    def _wait_until_removed(self, container: str) -> None:
        try:
            with docker_errors():
                self._api.wait(container, condition="removed")
        except NotFoundError:
            return

    def keep(self, container: str) -> Kept:
        """Read everything that is needed to make a container again. Raises ``NotFoundError``."""
        return keep(self._api, container)

    def make_again(self, kept: Kept, network: str) -> str:
        """Create a removed container again as it was, without starting it. Return its new id."""
        return make_again(self._api, kept, network)

    def rename(self, container: str, name: str) -> None:
        """Give a container another name."""
        self._stops.settle(container)
        with docker_errors():
            self._api.rename(container, name)

    def set_restart_policy(self, container: str, policy: str) -> None:
        """Switch the restart policy (``no`` or ``always``) of a container."""
        self._stops.settle(container)
        with docker_errors():
            self._api.update_container(container, restart_policy={"Name": policy})

    def read_logs(self, container: str, tail: int) -> str:
        """Read the last lines of a container's output, stdout and stderr, as text."""
        with docker_errors():
            written = self._api.logs(container, stdout=True, stderr=True, tail=tail)
        return bytes(written).decode(errors="replace")

    def follow_logs(
        self, container: str, tail: int, wait_for_end: Callable[[], None] | None = None
    ) -> Iterator[bytes]:
        """Read the last lines of a container's output, and then new output until it ends."""
        with docker_errors():
            lines = self._api.logs(container, stream=True, follow=True, tail=tail)
        if wait_for_end:
            _close_after(lines, wait_for_end)
        yield from _read(lines)

    def execute(self, container: str, command: Sequence[str]) -> tuple[int, bytes]:
        """Run a command inside a running container. Return its exit code and its output."""
        output: list[bytes] = []
        code = self.converse(container, command, Streams(output.append, output.append))
        return code, b"".join(output)

    def converse(self, container: str, command: Sequence[str], streams: Streams) -> int:
        """Run a command inside a running container on the given streams. Return its exit code."""
        has_input, has_terminal = streams.source is not None, streams.terminal is not None
        with docker_errors():
            made = self._api.exec_create(
                container, list(command), stdin=has_input, tty=has_terminal
            )["Id"]
            started = self._api.exec_start(made, tty=has_terminal, socket=True)
        with closing(Connection(started)) as connection, self._lending(streams.terminal, made):
            converse(connection, streams)
        with docker_errors():
            code = self._api.exec_inspect(made)["ExitCode"]
        if code is None:
            raise EngineError(f"the engine has left {command[0]}, which may still be running")
        return int(code)

    def _lending(self, terminal: Terminal | None, made: str) -> AbstractContextManager[None]:
        def resize(lines: int, columns: int) -> None:
            with suppress(WbError), docker_errors():  # the command may have ended
                self._api.exec_resize(made, height=lines, width=columns)

        return terminal.lent(resize) if terminal else nullcontext()


def _close_after(stream: CancellableStream[bytes], wait_for_end: Callable[[], None]) -> None:
    """End a stream in another thread, because its reader may wait for the next line for ever."""

    def close() -> None:
        wait_for_end()
        end_stream(stream)

    threading.Thread(target=close, daemon=True).start()


def _read(stream: CancellableStream[bytes]) -> Iterator[bytes]:
    """Read the pieces that the engine sends, and end the stream after the last."""
    try:
        with docker_errors():
            yield from stream
    finally:
        end_stream(stream)
        close_response(stream)
