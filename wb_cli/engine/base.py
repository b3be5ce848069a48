"""The protocols of an Engine and of its images. Code above this package makes no other calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    import threading
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from wb_cli.engine.configuration import Configuration
    from wb_cli.engine.description import EngineDescription
    from wb_cli.engine.docker.keeping import Kept
    from wb_cli.engine.events import Event
    from wb_cli.engine.image_content import ImageContent, StoreInfo
    from wb_cli.engine.log_lines import LogLine, LogWanted
    from wb_cli.engine.pull_progress import PullProgress
    from wb_cli.engine.remains import Remains
    from wb_cli.engine.task import TaskEnd, TaskSpec
    from wb_cli.engine.types import (
        BuildSpec,
        ContainerDetail,
        ContainerSpec,
        EngineInfo,
        ImageInfo,
        ListedImage,
        NetworkSpec,
        Observed,
        ObservedContainer,
    )
    from wb_cli.engine.usage import Usage

OnOutput = Callable[[bytes], None]


class Terminal(Protocol):
    """A terminal that a command can use for a while."""

    def lent(self, resize: Callable[[int, int], None]) -> AbstractContextManager[None]:
        """Pass on every key. Call ``resize`` with lines and columns, now and after each change.

        ``resize`` is called in a thread, so it may wait.
        """
        ...


class Streams(Struct, frozen=True):
    """The input and the outputs of a command inside a container.

    ``source`` is the file descriptor of the input; ``None`` means that there is no input. With a
    ``terminal`` the command gets its own terminal of the same size, and ``on_stdout`` gets all
    output.
    """

    on_stdout: OnOutput
    on_stderr: OnOutput
    source: int | None = None
    terminal: Terminal | None = None


class Surroundings(Struct, frozen=True):
    """Who a command inside a container runs as, and where. Empty means as the container does.

    ``environment`` has entries ``NAME=VALUE``, in addition to the container's own.
    """

    user: str = ""
    workdir: str = ""
    environment: tuple[str, ...] = ()


AS_THE_CONTAINER = Surroundings()


class Channel(Protocol):
    """The input and the output of a command that runs on the machine of an engine."""

    def send(self, data: bytes) -> None:
        """Send bytes to the input of the command."""
        ...

    def receive(self, within_s: float) -> bytes:
        """Give the next bytes of its output. Raises ``EngineUnreachableError`` after a time."""
        ...

    def close(self) -> None:
        """End the command, and wait until it is gone."""
        ...


class Engine(Protocol):
    """A Docker Engine. Every call raises ``EngineUnreachableError`` if the engine does not answer.

    Containers and networks are named by id, because two of them may have the same name. Calls
    block. Several threads may call at once.
    """

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine, so that wb can check folders and ports."""
        ...

    def read_info(self) -> EngineInfo:
        """Read the version and the endpoint of the engine."""
        ...

    def describe(self) -> EngineDescription:
        """Read what the engine says of itself and of its machine."""
        ...

    def observe(self) -> Observed:
        """List all containers with one call, and all networks with another, wb's and others'.

        A container that was sent a stop signal and has not ended yet is marked as stopping. wb
        knows this from the engine's events, of which the engine remembers the latest.
        """
        ...

    def list_containers(self) -> tuple[ObservedContainer, ...]:
        """List all containers with one call, wb's and others'.

        It is not known which are being stopped, or have crashed.
        """
        ...

    def remembers(self, moment: float) -> bool:
        """Whether the engine still has all events since a moment (seconds since the epoch)."""
        ...

    def follow_events(self, stopped: threading.Event) -> Iterator[Event]:
        """Read what happens to the containers of instances from now on, until ``stopped`` is set.

        The engine is asked at once, before the first event is read. So a listing that is made after
        this call and the events tell everything. An event may come twice.

        The reading raises ``EngineUnreachableError`` when the engine goes away.
        """
        ...

    def inspect(self, container: str) -> ContainerDetail:
        """Read the state of one container. Raises ``NotFoundError``."""
        ...

    def read_usage(self, container: str) -> Usage | None:
        """Read what a container has used up to now; ``None`` if it does not run.

        Raises ``NotFoundError``.
        """
        ...

    def find_image(self, reference: str) -> ImageInfo | None:
        """Find the local image of a reference."""
        ...

    def create_network(self, spec: NetworkSpec) -> str:
        """Make a bridge network and return its id. Raises ``AddressPoolError`` on overlap."""
        ...

    def remove_network(self, network: str) -> None:
        """Remove a network. Do nothing if it is gone."""
        ...

    def create_container(self, spec: ContainerSpec, network: str) -> str:
        """Create a container on a network, with its secret files, and return its id.

        The container is not started. Its restart policy is ``no``. Raises ``ImageMissingError``.
        Raises ``EngineError`` if the name is taken or a mount source is missing.
        """
        ...

    def start(self, container: str) -> None:
        """Start a container. Do nothing if it already runs."""
        ...

    def stop(self, container: str, timeout: int) -> int | None:
        """Stop a container and wait until its process has ended. Kill it after ``timeout`` seconds.

        Returns the exit code of the process that this call ended; 137 if it had to be killed.
        Returns ``None`` if there was no process to end: the container was down, or not there. The
        engine may still be cleaning up; later calls wait for that.
        """
        ...

    def remove_container(self, container: str) -> None:
        """Remove a stopped container and wait until it is gone. Do nothing if it is gone."""
        ...

    def keep(self, container: str) -> Kept:
        """Read everything that is needed to make a container again. Raises ``NotFoundError``."""
        ...

    def read_configuration(self, container: str) -> Configuration:
        """Read what a container was made with, whoever made it. Raises ``NotFoundError``."""
        ...

    def make_again(self, kept: Kept, network: str) -> str:
        """Create a removed container again as it was, without starting it. Return its new id."""
        ...

    def rename(self, container: str, name: str) -> None:
        """Give a container another name."""
        ...

    def set_restart_policy(self, container: str, policy: str) -> None:
        """Switch the restart policy (``no`` or ``always``) of a container."""
        ...

    def read_logs(self, container: str, tail: int) -> str:
        """Read the last lines of a container's output, stdout and stderr, as text."""
        ...

    def read_lines(self, container: str, wanted: LogWanted) -> Generator[LogLine, None, None]:
        """Read the lines of a container's output, oldest first, with the time of each.

        The engine is asked when the first line is read. A caller that stops early must close the
        generator. Raises ``NotFoundError``.
        """
        ...

    def read_remains(self, container: str, lines: int, at_most: int) -> Remains:
        """Read what may explain a container's end, with the last lines of its log.

        The log has at most ``at_most`` bytes. Raises ``NotFoundError``.
        """
        ...

    def recall_events(self, instance: str) -> tuple[Event, ...]:
        """Read what the engine remembers of an instance's containers, oldest first."""
        ...

    def execute(self, container: str, command: Sequence[str]) -> tuple[int, bytes]:
        """Run a command inside a running container. Return its exit code and its output."""
        ...

    def open_outpost(
        self, image: str, command: Sequence[str], labels: Mapping[str, str]
    ) -> Channel:
        """Run a command as root of the engine's machine, in a container of an image.

        Command and container end with the channel. Raises ``ImageMissingError``.
        """
        ...

    def run_task(
        self, spec: TaskSpec, on_line: Callable[[str], None], cancelled: threading.Event
    ) -> TaskEnd:
        """Run a program in a container of its own. ``on_line`` gets each line of its output.

        The container is gone when this call ends, and soon after wb has died. Raises
        ``InterruptedError`` when ``cancelled`` is set; then the program was told to end. Raises
        ``ImageMissingError``, and ``EngineError`` if the program was killed from outside or a mount
        source is missing. What takes more memory than its limit is killed.
        """
        ...

    def converse(
        self,
        container: str,
        command: Sequence[str],
        streams: Streams,
        surroundings: Surroundings = AS_THE_CONTAINER,
    ) -> int:
        """Run a command inside a running container on the given streams. Return its exit code.

        An exception of a stream is passed on. Then the command is told to end: first it is
        interrupted, and then it gets the signal of a terminal that was closed.
        """
        ...


class ImageStore(Protocol):
    """The images of one engine. Calls block. Several threads may call at once.

    Every call raises ``EngineUnreachableError`` if the engine does not answer.
    """

    def find(self, reference: str) -> ImageInfo | None:
        """Find the local image of a reference."""
        ...

    def list_all(self) -> tuple[ListedImage, ...]:
        """List all images, but for the layers of builds."""
        ...

    def read_content(self, reference: str) -> ImageContent | None:
        """Read what a local image is made of."""
        ...

    def describe_store(self) -> StoreInfo:
        """Read how the engine keeps its images, and for which processor they must be."""
        ...

    def read_labels(self, reference: str) -> Mapping[str, str]:
        """Read the labels of a local image. A missing image has none."""
        ...

    def pull(
        self, reference: str, on_progress: Callable[[PullProgress], None], *, mirror: str = ""
    ) -> None:
        """Fetch an image from its image registry, or from a mirror. Its local tag is the same.

        Raises ``NotFoundError`` if the image registry has no such image. Raises ``EngineError`` if
        the image registry failed, or was silent for too long.
        """
        ...

    def build(self, spec: BuildSpec, on_line: Callable[[str], None]) -> None:
        """Build an image. ``on_line`` gets each line of output of the engine and the steps.

        Raises ``EngineError`` if a step failed, with the last lines of the step's output.
        """
        ...

    def import_archive(self, archive: Path, reference: str, labels: Mapping[str, str]) -> None:
        """Make an image of a tar file that holds a whole system.

        Raises ``EngineError`` if the file is no such tar file. Then no image is made.
        """
        ...

    def save(self, references: Sequence[str]) -> Generator[bytes, None, None]:
        """Read the archive of several images, piece by piece.

        A caller that stops early must close the generator, or the engine would go on sending.
        """
        ...

    def load(self, archive: Iterable[bytes]) -> None:
        """Load the images of an archive into the engine."""
        ...

    def tag(self, source: str, reference: str) -> None:
        """Give a local image another name as well."""
        ...

    def untag(self, reference: str) -> None:
        """Remove a name of an image. The image is removed with its last name."""
        ...
