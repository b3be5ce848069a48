"""Remove folders for good, measure them, and find what is mounted in them.

No symbolic link is followed. A link is removed, and its target stays.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from wb_cli.errors import WbError
from wb_cli.host import mounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK_BYTES = 512  # the unit of st_blocks on every disk


def list_entries(folder: Path) -> list[Path]:
    """The paths in a folder, by name; none where the folder is not there.

    Raises:
        WbError: this user may not look into it.
    """
    with _folder_errors("look into", folder):
        try:
            return sorted(folder.iterdir())
        except FileNotFoundError:
            return []


def measure(folder: Path) -> int:
    """The bytes that a folder takes on its disk. A file with several names counts once.

    Raises:
        WbError: this user may not look into every folder in it.
    """
    counted: set[tuple[int, int]] = set()
    total = 0
    with _folder_errors("look into", folder):
        for _, folders, files, inside in _walk(folder):
            for name in (*folders, *files):
                status = os.stat(name, dir_fd=inside, follow_symlinks=False)
                if (status.st_dev, status.st_ino) not in counted:
                    counted.add((status.st_dev, status.st_ino))
                    total += status.st_blocks * BLOCK_BYTES
    return total


def find_mount_points(folder: Path) -> list[Path]:
    """The mount points at the folder itself and below it."""
    real = Path(os.path.realpath(folder))
    points = (Path(mount.path) for mount in mounts.read_mounts(mounts.MOUNTS))
    return [point for point in points if point.is_relative_to(real)]


def remove(folder: Path, check: Callable[[], None] = lambda: None) -> None:
    """Remove a folder with its content. ``check`` is called often, and may raise to end the work.

    Raises:
        WbError: the operating system refused. The rest of the content is still there.
    """
    with _folder_errors("remove", folder):
        for _, folders, files, inside in _walk(folder):
            check()
            for name in files:
                os.unlink(name, dir_fd=inside)
            for name in folders:
                _remove_entry(name, inside)
        folder.rmdir()


def remove_if_empty(folder: Path) -> None:
    """Remove a folder if it is empty."""
    if list_entries(folder):
        return
    with _folder_errors("remove", folder), suppress(FileNotFoundError):
        folder.rmdir()


def _walk(folder: Path) -> Iterator[tuple[str, list[str], list[str], int]]:
    """Each folder, after the folders in it.

    Every folder is open while its entries are removed: a link that somebody puts in its place
    meanwhile cannot lead the removal to another folder.
    """
    return os.fwalk(folder, topdown=False, onerror=_fail, follow_symlinks=False)


def _fail(error: OSError) -> None:
    raise error


def _remove_entry(name: str, inside: int) -> None:
    """Remove an empty folder, or a link to a folder."""
    if stat.S_ISDIR(os.stat(name, dir_fd=inside, follow_symlinks=False).st_mode):
        os.rmdir(name, dir_fd=inside)
    else:
        os.unlink(name, dir_fd=inside)


@contextmanager
def _folder_errors(verb: str, folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        inside = f" ({error.filename})" if error.filename else ""
        raise WbError(
            f"cannot {verb} {folder}{inside}: {error.strerror or error}",
            "Check who owns it, or run wb as root.",
        ) from error
