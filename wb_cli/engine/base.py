"""The few calls through which everything above reaches containers (Engine) and images."""

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
    """A terminal that can be lent to a command."""

    def lent(self, resize: Callable[[int, int], None]) -> AbstractContextManager[None]:
        """Let every key through; call ``resize`` with lines and columns, now and on changes.

        ``resize`` may wait, and is called in a thread.
        """
        ...


class Streams(Struct, frozen=True):
    """What a command inside a container reads and writes.

    ``source`` is a file descriptor; without one there is no input. With a ``terminal`` the command
    has one of its own, of the same size, and all its output is ``on_stdout``'s.
    """

    on_stdout: OnOutput
    on_stderr: OnOutput
    source: int | None = None
    terminal: Terminal | None = None


class Engine(Protocol):
    """A Docker Engine. Every call raises ``EngineUnreachableError`` where it does not answer.

    Containers and networks are named by id, as two may bear one name. Calls block; they may be
    made from several threads at once.
    """

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine, so that folders and ports can be looked at."""
        ...

    def info(self) -> EngineInfo:
        """Which engine this is."""
        ...

    def observe(self) -> Observed:
        """List all containers and networks, ours and others', in one call each.

        A container that was sent a stop signal and has not ended yet is marked as stopping, as far
        back as the engine remembers its events.
        """
        ...

    def remembers(self, moment: float) -> bool:
        """Whether its events reach back to a moment (seconds since the epoch)."""
        ...

    def inspect(self, container: str) -> ContainerDetail:
        """What one container is doing. Raises ``NotFoundError``."""
        ...

    def image(self, reference: str) -> ImageInfo | None:
        """The local image of that reference, or ``None``."""
        ...

    def create_network(self, spec: NetworkSpec) -> str:
        """Make a bridge network and give its id. Raises ``AddressPoolError`` on overlap."""
        ...

    def remove_network(self, network: str) -> None:
        """Remove a network; one that is gone already is fine."""
        ...

    def create_container(self, spec: ContainerSpec, network: str) -> str:
        """Create (not start) a container on a network, its secret files in place; give its id.

        It is created with restart policy ``no``. Raises ``ImageMissingError`` and, where the
        name is taken or a mount source is missing, ``EngineError``.
        """
        ...

    def start(self, container: str) -> None:
        """Start a container; one that runs already is fine."""
        ...

    def stop(self, container: str, timeout: int) -> int | None:
        """Stop a container, killing it after ``timeout`` seconds; wait until its process has ended.

        Gives the exit code of the end that this call brought about (137 where it had to be
        killed), or ``None`` where it brought about none: it was down already, or not there.
        What the engine then still has to tidy up, later calls wait for.
        """
        ...

    def remove_container(self, container: str) -> None:
        """Remove a stopped container and wait until it is gone; one that is gone is fine."""
        ...

    def keep(self, container: str) -> Kept:
        """Read all that it takes to make a container again. Raises ``NotFoundError``."""
        ...

    def make_again(self, kept: Kept, network: str) -> str:
        """Create (not start) a container that is gone as it was; give its new id."""
        ...

    def rename(self, container: str, name: str) -> None:
        """Give a container another name."""
        ...

    def set_restart_policy(self, container: str, policy: str) -> None:
        """Switch the restart policy (``no`` or ``always``) of a container."""
        ...

    def logs(self, container: str, tail: int) -> str:
        """The last lines a container wrote, both streams, decoded leniently."""
        ...

    def follow_logs(
        self, container: str, tail: int, wait_for_end: Callable[[], None] | None = None
    ) -> Iterator[bytes]:
        """The last lines a container wrote and then what it writes, until it ends.

        With ``wait_for_end`` also until that returns; it is waited for in a thread.
        """
        ...

    def execute(self, container: str, command: Sequence[str]) -> tuple[int, bytes]:
        """Run a command inside a running container; give its exit code and its output."""
        ...

    def converse(self, container: str, command: Sequence[str], streams: Streams) -> int:
        """Run a command inside a running container on streams of ours; give its exit code.

        What the streams raise is passed on, and the command left to itself.
        """
        ...


class ImageStore(Protocol):
    """The images of one engine. Calls block; they may be made from several threads at once.

    Every call raises ``EngineUnreachableError`` where the engine does not answer.
    """

    def find(self, reference: str) -> ImageInfo | None:
        """The local image of that reference, or ``None``."""
        ...

    def labels(self, reference: str) -> Mapping[str, str]:
        """The labels of a local image; none where there is no such image."""
        ...

    def pull(
        self, reference: str, on_progress: Callable[[PullProgress], None], *, mirror: str = ""
    ) -> None:
        """Fetch an image from its registry, or from a mirror under its own local tag.

        Raises ``NotFoundError`` where the registry knows no such image, and ``EngineError`` where
        the registry failed or said nothing for too long.
        """
        ...

    def build(self, spec: BuildSpec, on_line: Callable[[str], None]) -> None:
        """Build an image; ``on_line`` gets what the engine and the steps say.

        Raises ``EngineError`` where a step failed, with the step's own last lines.
        """
        ...

    def import_archive(self, archive: Path, reference: str, labels: Mapping[str, str]) -> None:
        """Make an image of a tar file that holds a whole system.

        Raises ``EngineError`` where it is no such file; no image is made then.
        """
        ...

    def save(self, references: Sequence[str]) -> Generator[bytes, None, None]:
        """The archive of several images, piece by piece.

        A reader that does not read it to its end must close it: the engine would go on sending.
        """
        ...

    def load(self, archive: Iterable[bytes]) -> None:
        """Take in the images of an archive."""
        ...

    def tag(self, source: str, reference: str) -> None:
        """Give a local image another name."""
        ...

    def untag(self, reference: str) -> None:
        """Take a name away from an image; with its last name the image goes."""
        ...
