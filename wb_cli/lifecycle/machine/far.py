"""A machine elsewhere, as the script there sees it."""

from __future__ import annotations

import re
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.errors import WbError
from wb_cli.host import mounts, routes
from wb_cli.host.database_files import VERSION_FILE, DataVersion, parse_data_version
from wb_cli.host.folders import DEFAULT_MODE, Access, FolderProblem, Place, is_closed
from wb_cli.host.listeners import is_any_address, parse_listening
from wb_cli.lifecycle.machine.base import Disk
from wb_cli.lifecycle.readiness.probes import SERVER_ERROR, Answer, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.lifecycle.machine.outpost import Outpost, Reply

LOCK_POLL_S = 0.25
NAME_TAKEN = 3
NOTHING_CAN_ASK = 5
TOOK_TOO_LONG = 124  # of the command `timeout`
SHARED = Path("/usr/local/share/wb")
NO_SPACE = "No space left on device"


class Seen(Struct, frozen=True):
    """What is at a path."""

    is_folder: bool
    mode: int
    owner: int
    group: int
    inode: tuple[int, int]


class FarMachine:
    """See :class:`wb_cli.lifecycle.machine.base.Machine`. The script runs there as root."""

    def __init__(self, outpost: Outpost) -> None:
        self.outpost = outpost

    def find_problem(self, path: Path) -> FolderProblem | None:
        """See the protocol."""
        seen = self._look(path)
        if seen is None:
            return FolderProblem.MISSING
        return None if seen.is_folder else FolderProblem.NOT_A_FOLDER

    def is_present(self, path: Path) -> bool:
        """See the protocol."""
        return self._look(path) is not None

    def can_be_present(self, path: Path) -> bool:
        """See the protocol. Root may look everywhere."""
        return self.is_present(path)

    def is_closed_to_owner_of(self, path: Path) -> bool:
        """See the protocol."""
        held, holder = self._look_at_all([path, path.parent])
        if held is None or holder is None:
            return False
        return is_closed(held.owner, held.group, holder.owner, holder.group, holder.mode)

    def read_data_version(self, databases: Path) -> DataVersion:
        """See the protocol. Root may look everywhere."""
        path = databases / VERSION_FILE
        if not self.is_present(path):
            return DataVersion()
        return parse_data_version(self._read(path), path)

    def locate(self, paths: Iterable[str]) -> Mapping[str, Place]:
        """See the protocol."""
        wanted = list(dict.fromkeys(paths))
        if not wanted:
            return {}
        names = self._ask("resolve", *wanted).lines
        seen = self._look_at_all(map(Path, wanted))
        return {
            path: Place(name, there.inode if there else None)
            for path, name, there in zip(wanted, names, seen, strict=True)
        }

    def find_disks(self, paths: Iterable[Path]) -> list[Disk]:
        """See the protocol."""
        wanted = list(paths)
        found = zip(wanted, self._look_at_all(wanted), strict=True)
        per_disk = {seen.inode[0]: path for path, seen in reversed([*found]) if seen}
        chosen = list(per_disk.values())
        if not chosen:
            return []
        free = self._ask("measure_free", *map(str, chosen)).lines
        names = self.locate(map(str, chosen))
        mounted = self._read_mounts()
        return [
            Disk(path, int(kib) * 1024, _is_read_only(Path(names[str(path)].name), mounted))
            for path, kib in zip(chosen, free, strict=True)
        ]

    def measure_disks(self, paths: Iterable[Path]) -> list[tuple[str, int, int, int, int, bool]]:
        """Measure each disk once: path, size, free bytes, inodes, free ones, whether read-only."""
        wanted = list(paths)
        mounted = self._read_mounts()
        measured: dict[str, tuple[str, int, int, int, int, bool]] = {}
        lines = self._ask("measure_disks", *map(str, wanted)).lines
        for path, line in zip(wanted, lines, strict=True):
            if line == "-":
                continue
            device, name, *numbers = line.split("|")
            block, size, free, inodes, free_inodes = map(int, numbers)
            is_read_only = _is_read_only(Path(name), mounted)
            found = (str(path), size * block, free * block, inodes, free_inodes, is_read_only)
            measured.setdefault(device, found)
        return list(measured.values())

    def read_file(self, path: Path) -> str:
        """See the protocol."""
        return self._read(path)

    def read_access(self, path: Path) -> Access | None:
        """Read who may use a file or folder."""
        seen = self._look(path)
        return Access(str(path), seen.mode, seen.owner) if seen else None

    def find_unmounted_volume(self, path: Path) -> str:
        """See the protocol. Only the lines of fstab are known, no units of systemd."""
        kept = mounts.parse_fstab(self._read(mounts.FSTAB))
        return mounts.find_unmounted(path, self._read_mounts(), kept)

    def create(
        self, root: Path, names: Iterable[str], modes: Mapping[str, int]
    ) -> Mapping[str, bool]:
        """See the protocol."""
        reply = self.outpost.ask("make_folders_above", f"{DEFAULT_MODE:o}", str(root))
        if reply.code:
            raise _make_creation_error(root, reply)
        return {
            name: self._make(root / name, modes.get(name, DEFAULT_MODE)) == "made" for name in names
        }

    def _make(self, path: Path, mode: int) -> str:
        reply = self.outpost.ask("make_folder", f"{mode:o}", str(path))
        if reply.code == NAME_TAKEN:
            raise WbError(f"cannot create {path}: a file has its name", "Move it away first.")
        if reply.code:
            raise _make_creation_error(path, reply)
        return reply.text.strip()

    def list_precious(self, settings: Settings) -> Mapping[str, Path]:
        """See the protocol. Of wb only its locks and histories are there."""
        return {
            "the home folder of root": Path("/root"),
            "the mount path": settings.mount_path,
            "wb's locks and histories": SHARED,
        }

    def list_entries(self, folder: Path) -> list[Path]:
        """See the protocol."""
        return sorted(folder / name for name in self._ask("list_folder", str(folder)).lines)

    def read_link(self, path: Path) -> str:
        """See the protocol."""
        return self._ask("read_link", str(path)).text.removesuffix("\n")

    def measure(self, folder: Path) -> int | None:
        """See the protocol."""
        reply = self.outpost.ask("measure", str(folder))
        return int(reply.text) * 1024 if reply.text.strip().isdecimal() else None

    def find_mount_points(self, folder: Path) -> list[Path]:
        """See the protocol."""
        real = Path(self.locate([str(folder)])[str(folder)].name)
        points = (Path(mount.path) for mount in self._read_mounts())
        return [point for point in points if point.is_relative_to(real)]

    def remove(self, folder: Path, check: Callable[[], None]) -> None:
        """See the protocol. The script there works for some seconds at a time."""
        while (reply := self.outpost.ask("remove", str(folder))).code == TOOK_TOO_LONG:
            check()
        if reply.code:
            raise WbError(f"cannot remove {folder}: {reply.text.strip()}")

    def remove_if_empty(self, folder: Path) -> None:
        """See the protocol."""
        if self.is_present(folder) and not self.list_entries(folder):
            self._ask("remove_empty", str(folder))

    def is_address_here(self, address: str) -> bool:
        """See the protocol."""
        wanted = ip_address(address)
        if is_any_address(address) or wanted.is_loopback:
            return True
        if wanted.version == 6:  # noqa: PLR2004  (of IP)
            lines = self._read(Path("/proc/net/if_inet6")).splitlines()
            return any(int(line.split()[0], 16) == int(wanted) for line in lines)
        return str(wanted) in routes.parse_own_addresses(self._read(Path("/proc/net/fib_trie")))

    def is_free(self, port: int, address: str) -> bool:
        """See the protocol. Outgoing connections are not looked at."""
        taken = {place for place, number in self._read_listening() if number == port}
        if is_any_address(address):
            return not taken
        return address not in taken and not any(map(is_any_address, taken))

    def name_listener(self, port: int) -> str:
        """See the protocol. The script sees no processes but its own."""
        is_taken = any(number == port for _, number in self._read_listening())
        return "a process there" if is_taken else ""

    def ask_http(self, host: str, port: int, path: str) -> Answer:
        """See the protocol."""
        reply = self.outpost.ask("ask_http", host, str(port), path)
        head, _, body = reply.text.replace("\r\n", "\n").partition("\n\n")
        status = re.match(r"HTTP/\S+ (\d{3})", head)
        if reply.code == NOTHING_CAN_ASK:
            return Answer(Verdict.UNREACHABLE, "the machine has neither curl nor bash to ask it")
        if not status:
            return Answer(Verdict.NOT_YET)
        is_ready = int(status[1]) < SERVER_ERROR
        return Answer(Verdict.READY if is_ready else Verdict.NOT_YET, body)

    def read_routes(self) -> list[str]:
        """See the protocol."""
        return routes.parse_routes(self._read(routes.ROUTES))

    @contextmanager
    def folder_locked(self, path: Path, pause: Callable[[float], None]) -> Iterator[None]:
        """See the protocol."""
        while (reply := self.outpost.ask("take_folder", str(path))).code == 1:
            pause(LOCK_POLL_S)
        try:
            yield
        finally:
            if reply.code == 0:
                self.outpost.ask("release", reply.text)

    def _look(self, path: Path) -> Seen | None:
        (seen,) = self._look_at_all([path])
        return seen

    def _look_at_all(self, paths: Iterable[Path]) -> list[Seen | None]:
        return list(map(_read_seen, self._ask("look", *map(str, paths)).lines))

    def _read(self, *files: Path) -> str:
        return self._ask("read_files", *map(str, files)).text

    def _read_mounts(self) -> list[mounts.MountPoint]:
        return mounts.parse_mounts(self._read(mounts.MOUNTS))

    def _read_listening(self) -> set[tuple[str, int]]:
        return set(parse_listening(self._read(Path("/proc/net/tcp"), Path("/proc/net/tcp6"))))

    def _ask(self, *words: str) -> Reply:
        reply = self.outpost.ask(*words)
        if reply.code:
            raise WbError(f"the engine's machine refuses `{words[0]}`: {reply.text.strip()}")
        return reply


def _make_creation_error(path: Path, reply: Reply) -> WbError:
    said = reply.text.strip()
    hint = (
        f"The disk of {path} on that machine is full (`df -h`, `df -i`): free some space there, "
        "then repeat the command."
    )
    return WbError(f"cannot create {path}: {said}", hint if NO_SPACE in said else "")


def _read_seen(line: str) -> Seen | None:
    if line == "-":
        return None
    kind, mode, owner, group, device, inode, _ = line.split("|")
    return Seen(
        kind == "directory", int(mode, 8), int(owner), int(group), (int(device), int(inode))
    )


def _is_read_only(path: Path, mounted: list[mounts.MountPoint]) -> bool:
    mount = mounts.find_mount(path, mounted)
    return mount is not None and "ro" in mount.options.split(",")
