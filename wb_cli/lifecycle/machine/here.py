"""The machine on which wb runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wb_cli.host import database_files, folders, listeners, mounts, ports, removal, routes
from wb_cli.instances.files import file_errors
from wb_cli.lifecycle.guard.folder_lock import folder_locked
from wb_cli.lifecycle.machine.base import Disk
from wb_cli.lifecycle.readiness import probes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from wb_cli.host.database_files import DataVersion
    from wb_cli.host.folders import Access, FolderProblem, Place
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.lifecycle.readiness.probes import Answer


class ThisMachine:
    """See :class:`wb_cli.lifecycle.machine.base.Machine`."""

    def find_problem(self, path: Path) -> FolderProblem | None:
        """See the protocol."""
        return folders.find_problem(path)

    def is_present(self, path: Path) -> bool:
        """See the protocol."""
        return folders.is_present(path)

    def can_be_present(self, path: Path) -> bool:
        """See the protocol."""
        return folders.can_be_present(path)

    def is_closed_to_owner_of(self, path: Path) -> bool:
        """See the protocol."""
        return folders.is_closed_to_owner_of(path)

    def read_data_version(self, databases: Path) -> DataVersion:
        """See the protocol."""
        return database_files.read_data_version(databases)

    def read_file(self, path: Path) -> str:
        """See the protocol."""
        with file_errors(path, "read"):
            try:
                return path.read_text(errors="replace")
            except (FileNotFoundError, NotADirectoryError):
                return ""

    def locate(self, paths: Iterable[str]) -> Mapping[str, Place]:
        """See the protocol."""
        return {path: folders.locate(path) for path in paths}

    def find_disks(self, paths: Iterable[Path]) -> list[Disk]:
        """See the protocol."""
        return [
            Disk(path, folders.count_free_bytes(path), folders.is_read_only(path))
            for path in folders.pick_one_per_disk(paths)
        ]

    def find_unmounted_volume(self, path: Path) -> str:
        """See the protocol."""
        return mounts.find_unmounted_volume(path)

    def create(
        self, root: Path, names: Iterable[str], modes: Mapping[str, int]
    ) -> Mapping[str, bool]:
        """See the protocol."""
        return folders.create(root, names, modes)

    def read_access(self, path: Path) -> Access | None:
        """See the protocol."""
        return next(iter(folders.read_access([path])), None)

    def list_precious(self, settings: Settings) -> Mapping[str, Path]:
        """See the protocol."""
        return {
            "the home folder": Path.home(),
            "the mount path": settings.mount_path,
            "the registry file": settings.servers_file,
            "the folder of secrets": settings.secrets_dir,
            "the settings": settings.config_file,
        }

    def list_entries(self, folder: Path) -> list[Path]:
        """See the protocol."""
        return removal.list_entries(folder)

    def read_link(self, path: Path) -> str:
        """See the protocol."""
        return str(path.readlink()) if path.is_symlink() else ""

    def measure(self, folder: Path) -> int | None:
        """See the protocol."""
        return removal.measure(folder)

    def find_mount_points(self, folder: Path) -> list[Path]:
        """See the protocol."""
        return removal.find_mount_points(folder)

    def remove(self, folder: Path, check: Callable[[], None]) -> None:
        """See the protocol."""
        removal.remove(folder, check)

    def remove_if_empty(self, folder: Path) -> None:
        """See the protocol."""
        removal.remove_if_empty(folder)

    def is_address_here(self, address: str) -> bool:
        """See the protocol."""
        return ports.is_address_here(address)

    def is_free(self, port: int, address: str) -> bool:
        """See the protocol."""
        return ports.is_free(port, address)

    def name_listener(self, port: int) -> str:
        """See the protocol."""
        listener = listeners.read_listeners({port}).get(port)
        return str(listener) if listener else ""

    def ask_http(self, host: str, port: int, path: str) -> Answer:
        """See the protocol."""
        return probes.ask_http(host, port, path)

    def read_routes(self) -> list[str]:
        """See the protocol."""
        return routes.read_routes()

    def folder_locked(
        self, path: Path, pause: Callable[[float], None]
    ) -> AbstractContextManager[None]:
        """See the protocol."""
        return folder_locked(Path(path), pause)


THIS_MACHINE = ThisMachine()
