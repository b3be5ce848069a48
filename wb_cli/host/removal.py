"""Folders that are removed for good: how large they are, what is mounted in them, and their end.

No symbolic link is followed. A link is removed, and what it leads to stays.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from wb_cli.errors import WbError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOUNTS = Path("/proc/self/mountinfo")
MOUNT_POINT = 4  # which word of a line
BLOCK_BYTES = 512  # the unit of st_blocks, whatever the disk's own is


def entries(folder: Path) -> list[Path]:
    """What lies in a folder, by name; nothing where the folder is not there.

    Raises:
        WbError: this user may not look into it.
    """
    with _translated("look into", folder):
        try:
            return sorted(folder.iterdir())
        except FileNotFoundError:
            return []


def size(folder: Path) -> int:
    """The bytes that a folder takes on its disk. A file with several names counts once.

    Raises:
        WbError: this user may not look into all of it.
    """
    seen: set[tuple[int, int]] = set()
    total = 0
    with _translated("look into", folder):
        for _, folders, files, inside in _walk(folder):
            for name in (*folders, *files):
                found = os.stat(name, dir_fd=inside, follow_symlinks=False)
                if (found.st_dev, found.st_ino) not in seen:
                    seen.add((found.st_dev, found.st_ino))
                    total += found.st_blocks * BLOCK_BYTES
    return total


def mount_points(folder: Path) -> list[Path]:
    """Where something is mounted: at the folder itself, or below it."""
    real = Path(os.path.realpath(folder))
    lines = MOUNTS.read_text("utf-8", "surrogateescape").splitlines()
    points = (Path(_plain(line.split(" ")[MOUNT_POINT])) for line in lines)
    return [point for point in points if point.is_relative_to(real)]


def remove(folder: Path, check: Callable[[], None] = lambda: None) -> None:
    """Remove a folder with all that lies in it. ``check`` is called often, and may raise to end.

    Raises:
        WbError: the system refused. What was not removed by then is still there.
    """
    with _translated("remove", folder):
        for _, folders, files, inside in _walk(folder):
            check()
            for name in files:
                os.unlink(name, dir_fd=inside)
            for name in folders:
                _remove_entry(name, inside)
        folder.rmdir()


def remove_if_empty(folder: Path) -> None:
    """Remove a folder in which nothing lies."""
    if entries(folder):
        return
    with _translated("remove", folder), suppress(FileNotFoundError):
        folder.rmdir()


def _walk(folder: Path) -> Iterator[tuple[str, list[str], list[str], int]]:
    """Each folder after those in it, opened, so that no link that is put there leads elsewhere."""
    return os.fwalk(folder, topdown=False, onerror=_fail, follow_symlinks=False)


def _fail(error: OSError) -> None:
    raise error


def _remove_entry(name: str, inside: int) -> None:
    """Remove a folder that is empty by now, or a link to a folder."""
    if stat.S_ISDIR(os.stat(name, dir_fd=inside, follow_symlinks=False).st_mode):
        os.rmdir(name, dir_fd=inside)
    else:
        os.unlink(name, dir_fd=inside)


def _plain(written: str) -> str:
    """A path of the list of mounts, in which the kernel writes a space as an octal number."""
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), written)


@contextmanager
def _translated(verb: str, folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        inside = f" ({error.filename})" if error.filename else ""
        raise WbError(
            f"cannot {verb} {folder}{inside}: {error.strerror or error}",
            "Check who owns it, or run wb as root.",
        ) from error
