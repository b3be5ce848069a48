"""The Engine on the Docker SDK: a method makes one engine call, or a few that belong together."""

from __future__ import annotations

import json
import threading
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wb_cli.engine.base import AS_THE_CONTAINER, Streams, Surroundings
from wb_cli.engine.description import EngineDescription, read_description
from wb_cli.engine.docker import read, render
from wb_cli.engine.docker.client import (
    docker_errors,
    find_endpoint,
    make_lost_error,
    measure_clock_ahead_s,
)
from wb_cli.engine.docker.closed_root import list_written
from wb_cli.engine.docker.commands import run_command
from wb_cli.engine.docker.keeping import Kept, keep, make_again
from wb_cli.engine.docker.logs import read_lines
from wb_cli.engine.docker.outpost import Outpost, open_outpost
from wb_cli.engine.docker.passing import wait_until_gone
from wb_cli.engine.docker.remains import read_remains
from wb_cli.engine.docker.sdk_internals import close_response
from wb_cli.engine.docker.stopping import Stops
from wb_cli.engine.docker.stream import end_stream
from wb_cli.engine.docker.task import run_task
from wb_cli.engine.events import Event, filter_events, read_event
from wb_cli.engine.types import (
    ContainerDetail,
    ContainerSpec,
    EngineInfo,
    ImageInfo,
    NetworkSpec,
    Observed,
    ObservedContainer,
)
from wb_cli.engine.usage import Usage, read_usage
from wb_cli.errors import (
    EngineError,
    EngineUnreachableError,
    ImageMissingError,
    NotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    import docker
    from docker.types.daemon import CancellableStream

    from wb_cli.engine.configuration import Configuration
    from wb_cli.engine.log_lines import LogLine, LogWanted
    from wb_cli.engine.remains import Remains
    from wb_cli.engine.task import TaskEnd, TaskSpec


# The number of events that an engine keeps, and the events from which wb knows that a container is
# being stopped.
EVENTS_KEPT = 256
ENDINGS = ["kill", "start", "die"]
# The SDK has this URL for a socket on this machine. For one behind ssh it has `http+docker://ssh`.
BASE_URL_OF_A_SOCKET = "http+docker://localhost"


class DockerEngine:
    """See :class:`wb_cli.engine.base.Engine`."""

    def __init__(self, client: docker.DockerClient, elsewhere: str = "") -> None:
        """``elsewhere`` is the URL of an engine whose socket a tunnel brings to this machine."""
        self._api: Any = client.api  # partly untyped
        self._stops = Stops(client.api)
        self._elsewhere = elsewhere
        self._written: dict[str, tuple[str, ...]] = {}

    @property
    def is_local(self) -> bool:
        """Whether it is reached through a socket of this machine."""
        return not self._elsewhere and bool(self._api.base_url == BASE_URL_OF_A_SOCKET)

    def read_info(self) -> EngineInfo:
        """Read the version and the endpoint of the engine."""
        with docker_errors():
            version = self._api.version()
        return EngineInfo(
            version=version["Version"],
            endpoint=self._elsewhere or find_endpoint(),
        )

    def describe(self) -> EngineDescription:
        """Read what the engine says of itself and of its machine."""
        began = time.time()
        with docker_errors():
            info = self._api.info()
        return read_description(info, (began + time.time()) / 2)

    def observe(self) -> Observed:
        """List all containers with one call, and all networks with another."""
        with docker_errors():
            # Read the signals first. A container that gets its signal after that counts as running.
            events = self._events({"type": "container", "event": ENDINGS})
            stopping, crashed = read.stopping(events), read.crashed(events)
            containers = self._api.containers(all=True)
            networks = self._api.networks()
        return Observed(
            tuple(read.container(listed, stopping, crashed) for listed in containers),
            tuple(map(read.network, networks)),
        )

    def list_containers(self) -> tuple[ObservedContainer, ...]:
        """List all containers with one call. It is not known which are being stopped."""
        with docker_errors():
            return tuple(map(read.container, self._api.containers(all=True)))

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

    def follow_events(self, stopped: threading.Event) -> Iterator[Event]:
        """Read what happens to the containers of instances from now on, until ``stopped`` is set.

        Docker answers before it has subscribed the reader, so wb asks for the events since now.
        """
        since = f"{time.time() + self._clock_ahead_s:.6f}"
        with docker_errors():
            stream = self._api.events(since=since, filters=filter_events(), decode=True)
        _close_after(stream, stopped.wait)
        return self._read_events(stream, stopped)

    def _read_events(
        self, stream: CancellableStream[Any], stopped: threading.Event
    ) -> Iterator[Event]:
        try:
            yield from filter(None, map(read_event, _read(stream)))
            raise make_lost_error()  # the SDK ends a stream that breaks as if it were complete
        except EngineUnreachableError:
            if not stopped.is_set():
                raise

    def inspect(self, container: str) -> ContainerDetail:
        """Read the state of one container. Raises ``NotFoundError``."""
        with docker_errors():
            return read.detail(self._api.inspect_container(container))

    def read_usage(self, container: str) -> Usage | None:
        """Read what a container has used up to now; ``None`` if it does not run."""
        with docker_errors():
            try:
                return read_usage(self._api.stats(container, stream=False, one_shot=True))
            except json.JSONDecodeError as error:
                if error.doc:
                    raise
                return None  # it was removed while the engine waited for its next measurement

    def find_image(self, reference: str) -> ImageInfo | None:
        """Find the local image of a reference."""
        try:
            with docker_errors():
                return read.image(self._inspect_image(reference))
        except (ImageMissingError, NotFoundError):
            return None

    def _inspect_image(self, reference: str) -> Mapping[str, Any]:
        """Inspect an image, and note for its containers where it writes."""
        inspected: Mapping[str, Any] = self._api.inspect_image(reference)
        self._written[reference] = list_written(inspected)
        return inspected

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
        """Create a container on a network, with its secret files, and return its id.

        What the last look at its image said is not asked again.
        """
        with docker_errors():
            if spec.image not in self._written:
                self._inspect_image(spec.image)
            written = self._written[spec.image]
            arguments = render.container_arguments(self._api, spec, network, written)
            container = str(self._api.create_container(**arguments)["Id"])
        try:
            with docker_errors():
                for file in spec.secret_files:
                    start = file.folder if written else "/"
                    self._api.put_archive(container, start, render.archive(file, start))
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
            wait_until_gone(self._api, container)

    def keep(self, container: str) -> Kept:
        """Read everything that is needed to make a container again. Raises ``NotFoundError``."""
        return keep(self._api, container)

    def read_configuration(self, container: str) -> Configuration:
        """Read what a container was made with. Raises ``NotFoundError``."""
        with docker_errors():
            inspected = self._api.inspect_container(container)
        try:
            with docker_errors():
                image = self._api.inspect_image(inspected["Image"])
        except (ImageMissingError, NotFoundError):  # the image was removed by force
            image = {}
        return read.configuration(inspected, image)

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

    def read_lines(self, container: str, wanted: LogWanted) -> Generator[LogLine, None, None]:
        """Read the lines of a container's output, oldest first, with the time of each."""
        return read_lines(self._api, container, wanted)

    def read_remains(self, container: str, lines: int, at_most: int) -> Remains:
        """Read what may explain a container's end. Raises ``NotFoundError``."""
        return read_remains(self._api, container, lines, at_most)

    def recall_events(self, instance: str) -> tuple[Event, ...]:
        """Read what the engine remembers of an instance's containers, oldest first."""
        with docker_errors():
            return tuple(filter(None, map(read_event, self._events(filter_events(instance)))))

    def open_outpost(
        self, image: str, command: Sequence[str], labels: Mapping[str, str]
    ) -> Outpost:
        """Run a command of the engine's machine, as root there, in a container of an image."""
        return open_outpost(self._api, image, command, labels)

    def run_task(
        self, spec: TaskSpec, on_line: Callable[[str], None], cancelled: threading.Event
    ) -> TaskEnd:
        """Run a program in a container of its own. ``on_line`` gets each line of its output."""
        return run_task(self._api, spec, on_line, cancelled)

    def execute(self, container: str, command: Sequence[str]) -> tuple[int, bytes]:
        """Run a command inside a running container. Return its exit code and its output."""
        output: list[bytes] = []
        code = self.converse(container, command, Streams(output.append, output.append))
        return code, b"".join(output)

    def converse(
        self,
        container: str,
        command: Sequence[str],
        streams: Streams,
        surroundings: Surroundings = AS_THE_CONTAINER,
    ) -> int:
        """Run a command inside a running container on the given streams. Return its exit code."""
        return run_command(self._api, container, command, streams, surroundings)


def _close_after(stream: CancellableStream[Any], wait_for_end: Callable[[], object]) -> None:
    """End a stream in another thread, because its reader may wait for the next line for ever."""

    def close() -> None:
        wait_for_end()
        end_stream(stream)

    threading.Thread(target=close, daemon=True).start()


def _read(stream: CancellableStream[Any]) -> Iterator[Any]:
    """Read the pieces that the engine sends, and end the stream after the last."""
    try:
        with docker_errors():
            yield from stream
    finally:
        end_stream(stream)
        close_response(stream)
