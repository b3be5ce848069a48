"""Measure the disks that hold folders."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Disk(Struct, frozen=True):
    """The disk of a folder. Some file systems do not count inodes; then both numbers are 0."""

    path: str
    size: int
    free: int
    inodes: int
    free_inodes: int
    is_read_only: bool = False


def measure_disks(paths: Iterable[Path]) -> tuple[Disk, ...]:
    """Measure each disk once, under the first of the paths that is on it.

    A path that does not exist is skipped. Space that is kept for root does not count as free.
    """
    measured: dict[int, Disk] = {}
    for path in paths:
        try:
            device, disk = path.stat().st_dev, os.statvfs(path)
        except OSError:
            continue
        found = Disk(
            path=str(path),
            size=disk.f_blocks * disk.f_frsize,
            free=disk.f_bavail * disk.f_frsize,
            inodes=disk.f_files,
            free_inodes=disk.f_favail,
            is_read_only=bool(disk.f_flag & os.ST_RDONLY),
        )
        measured.setdefault(device, found)
    return tuple(measured.values())
