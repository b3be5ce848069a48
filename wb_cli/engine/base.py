"""The protocols of an Engine and of its images. Code above this package makes no other calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from wb_cli.engine.keeping import Kept
    from wb_cli.engine.pull_progress import PullProgress
    from wb_cli.engine.types import (
        BuildSpec,
        ContainerDetail,
        ContainerSpec,
        EngineInfo,
        ImageInfo,
        NetworkSpec,
        Observed,
    )

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

    def observe(self) -> Observed:
        """List all containers with one call, and all networks with another, wb's and others'.

        A container that was sent a stop signal and has not ended yet is marked as stopping. wb
        knows this from the engine's events, of which the engine remembers the latest.
        """
        ...

    def remembers(self, moment: float) -> bool:
        """Whether the engine still has all events since a moment (seconds since the epoch)."""
        ...

    def inspect(self, container: str) -> ContainerDetail:
        """Read the state of one container. Raises ``NotFoundError``."""
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

    def follow_logs(
        self, container: str, tail: int, wait_for_end: Callable[[], None] | None = None
    ) -> Iterator[bytes]:
        """Read the last lines of a container's output, and then new output until it ends.

        If ``wait_for_end`` is given, it is called in a thread. When it returns, the reading ends.
        """
        ...

    def execute(self, container: str, command: Sequence[str]) -> tuple[int, bytes]:
        """Run a command inside a running container. Return its exit code and its output."""
        ...

    def converse(self, container: str, command: Sequence[str], streams: Streams) -> int:
        """Run a command inside a running container on the given streams. Return its exit code.

        An exception of a stream is passed on. The command then runs on without a reader.
        """
        ...


class ImageStore(Protocol):
    """The images of one engine. Calls block. Several threads may call at once.

    Every call raises ``EngineUnreachableError`` if the engine does not answer.
    """

    def find(self, reference: str) -> ImageInfo | None:
        """Find the local image of a reference."""
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
