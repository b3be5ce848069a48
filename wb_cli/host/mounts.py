"""Read what is mounted on this machine, and what is mounted again after a reboot."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOUNTS = Path("/proc/self/mountinfo")
FSTAB = Path("/etc/fstab")
# systemd makes units of its own for the lines of fstab, and others for disks that name their place.
UNIT_FOLDERS = tuple(
    map(Path, ("/etc/systemd/system", "/run/systemd", "/usr/lib/systemd/system", "/lib/systemd"))
)
# ZFS keeps in the pool where each of its file systems is mounted.
MOUNTED_BY_THEMSELVES = {"zfs"}


class MountPoint(Struct, frozen=True):
    """One line of the list of mounts. ``root`` is the mounted folder of the file system."""

    path: str
    root: str
    device: str
    kind: str
    source: str
    options: str


def read_mounts(mounts: Path = MOUNTS) -> list[MountPoint]:
    """Read what is mounted now. Where a place has several mounts, the last of them is seen."""
    return parse_mounts(mounts.read_text("utf-8", "surrogateescape"))


def parse_mounts(text: str) -> list[MountPoint]:
    """Read the text of such a list."""
    return [_parse_mount(line) for line in text.splitlines()]


def _parse_mount(line: str) -> MountPoint:
    first, _, second = line.partition(" - ")
    _, _, device, root, path, options, *_ = first.split(" ")
    kind, source, *_ = second.split(" ")
    return MountPoint(decode(path), decode(root), device, kind, decode(source), options)


def find_mount(path: Path, mounts: Iterable[MountPoint]) -> MountPoint | None:
    """Find the mount that a path without links lies in."""
    holders = [mount for mount in mounts if path.is_relative_to(mount.path)]
    longest = max((len(mount.path) for mount in holders), default=0)
    return next((mount for mount in reversed(holders) if len(mount.path) == longest), None)


def find_lost_mounts(
    paths: Iterable[Path], mounts: list[MountPoint], kept: set[str]
) -> Iterator[MountPoint]:
    """Find the mounts under paths that would not be there after a reboot, each once.

    ``kept`` are the places that are mounted at each start of the machine. A folder that is mounted
    at its own place needs no entry: an engine does this to its root folder.
    """
    root = find_mount(Path("/"), mounts)
    found: dict[str, MountPoint] = {}
    for path in paths:
        mount = find_mount(path.resolve(), mounts)
        if mount is None or mount.path in kept or mount.kind in MOUNTED_BY_THEMSELVES:
            continue
        is_itself = root is not None and (mount.device, mount.root) == (root.device, mount.path)
        if mount.path != "/" and not is_itself:
            found[mount.path] = mount
    yield from found.values()


def find_unmounted(path: Path, mounted: Iterable[MountPoint], kept: Iterable[str]) -> str:
    """Find the place above a path that should be mounted, as ``kept`` says, and is not; or ""."""
    places = {place for place in kept if path.is_relative_to(place)}
    return max(places - {mount.path for mount in mounted}, key=len, default="")


def find_unmounted_volume(path: Path) -> str:
    """Find the volume that should hold a path and is not mounted now; "" if none is known."""
    try:
        return find_unmounted(path, read_mounts(), read_kept_mounts())
    except OSError:  # a machine without these lists
        return ""


def read_kept_mounts(fstab: Path = FSTAB, units: Iterable[Path] = UNIT_FOLDERS) -> set[str]:
    """Read the places that are mounted at each start: those of fstab and of systemd's units."""
    return {*_read_fstab(fstab), *_read_units(units)}


def _read_fstab(fstab: Path) -> Iterator[str]:
    with suppress(FileNotFoundError):
        yield from parse_fstab(fstab.read_text("utf-8", "surrogateescape"))


def parse_fstab(text: str) -> Iterator[str]:
    """Read the places that the text of an fstab names."""
    for line in text.splitlines():
        fields = line.split()
        if len(fields) > 1 and not fields[0].startswith("#") and "noauto" not in line:
            yield decode(fields[1]).rstrip("/") or "/"


def _read_units(folders: Iterable[Path]) -> Iterator[str]:
    for folder in folders:
        for kind in ("*.mount", "*.automount"):
            for unit in folder.glob(f"**/{kind}"):
                with suppress(OSError):
                    place = re.search(
                        r"^Where=(.+)$", unit.read_text(errors="replace"), re.MULTILINE
                    )
                    if place:
                        yield place[1].strip().rstrip("/") or "/"


def decode(path: str) -> str:
    r"""Decode a path of the list of mounts, in which the kernel writes a space as ``\040``."""
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), path)
