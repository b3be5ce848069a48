"""What wb asks of the machine on which the engine runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from wb_cli.host.database_files import DataVersion
    from wb_cli.host.folders import Access, FolderProblem, Place
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.lifecycle.readiness.probes import Answer


class Disk(Struct, frozen=True):
    """The disk of a path."""

    path: Path
    free_bytes: int
    is_read_only: bool


class Machine(Protocol):
    """The machine of an engine. The functions of `wb_cli.host` have the same names.

    A machine elsewhere raises ``EngineUnreachableError`` if the connection breaks.
    """

    def find_problem(self, path: Path) -> FolderProblem | None:
        """The problem of a folder; ``None`` where it has none."""
        ...

    def is_present(self, path: Path) -> bool:
        """Whether this user sees a file or folder at the path."""
        ...

    def can_be_present(self, path: Path) -> bool:
        """Whether a file is at the path, or can be: its folder may be closed to this user."""
        ...

    def is_closed_to_owner_of(self, path: Path) -> bool:
        """Whether the owner of a file or folder may not pass through the folder that holds it."""
        ...

    def read_data_version(self, databases: Path) -> DataVersion:
        """The version of the database in an instance's folder ``databases``."""
        ...

    def read_file(self, path: Path) -> str:
        """Read a small file; "" if it is not there."""
        ...

    def locate(self, paths: Iterable[str]) -> Mapping[str, Place]:
        """The places that paths lead to now."""
        ...

    def find_disks(self, paths: Iterable[Path]) -> list[Disk]:
        """The disks of those paths that exist, each once."""
        ...

    def find_unmounted_volume(self, path: Path) -> str:
        """Find the volume that should hold a path and is not mounted now; "" if none is known."""
        ...

    def create(
        self, root: Path, names: Iterable[str], modes: Mapping[str, int]
    ) -> Mapping[str, bool]:
        """Make the missing folders below ``root``; say for each name whether it was created."""
        ...

    def read_access(self, path: Path) -> Access | None:
        """Read the mode and the owner of a file or folder."""
        ...

    def list_precious(self, settings: Settings) -> Mapping[str, Path]:
        """What must not be removed with an instance's folder, by name."""
        ...

    def list_entries(self, folder: Path) -> list[Path]:
        """The paths in a folder, by name; none where the folder is not there."""
        ...

    def read_link(self, path: Path) -> str:
        """The target of a symbolic link; "" where there is none."""
        ...

    def measure(self, folder: Path) -> int | None:
        """The bytes that a folder takes on its disk; ``None`` if the count takes too long."""
        ...

    def find_mount_points(self, folder: Path) -> list[Path]:
        """The mount points at the folder itself and below it."""
        ...

    def remove(self, folder: Path, check: Callable[[], None]) -> None:
        """Remove a folder with its content. ``check`` is called often, and may raise an error.

        No symbolic link is followed, and nothing is removed that is mounted in it.
        """
        ...

    def remove_if_empty(self, folder: Path) -> None:
        """Remove a folder if it is empty."""
        ...

    def is_address_here(self, address: str) -> bool:
        """Whether a server could listen on an address at all."""
        ...

    def is_free(self, port: int, address: str) -> bool:
        """Whether a server could listen on a TCP port now."""
        ...

    def name_listener(self, port: int) -> str:
        """Name what listens on a port; "" if nothing does."""
        ...

    def ask_http(self, host: str, port: int, path: str) -> Answer:
        """Ask an HTTP server of the machine whether it is ready."""
        ...

    def read_routes(self) -> list[str]:
        """The IPv4 networks that the machine has routes to, in CIDR notation."""
        ...

    def folder_locked(
        self, path: Path, pause: Callable[[float], None]
    ) -> AbstractContextManager[None]:
        """Hold the lock of a folder. While another process has it, call ``pause``."""
        ...
