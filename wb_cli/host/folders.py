"""The folders that are mounted into an instance's containers: create, check."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.errors import WbError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ENOUGH_BYTES = 100 * 1024**2
DEFAULT_MODE = 0o755


class Trouble(StrEnum):
    """What is wrong with a folder, in the words that follow its path in a message."""

    MISSING = "is missing"
    NO_FOLDER = "is not a folder"
    UNREADABLE = "cannot be read by this user"


def create(root: Path, names: Iterable[str], modes: Mapping[str, int]) -> dict[str, bool]:
    """Make the missing folders below ``root``; for each, whether it was created.

    What exists is left as it is, whoever owns it and whatever its mode.

    Raises:
        WbError: something stands in the way, or this user may not write there.
    """
    with _folder_errors(root):
        root.mkdir(mode=DEFAULT_MODE, parents=True, exist_ok=True)
    return {name: _create_one(root / name, modes.get(name, DEFAULT_MODE)) for name in names}


def _create_one(path: Path, mode: int) -> bool:
    with _folder_errors(path):
        if path.is_dir():
            return False
        path.mkdir()
        path.chmod(mode)  # mkdir's own mode is cut by the umask
    return True


def is_same_path(path: str, other: str) -> bool:
    """Whether two paths lead to one place, through links and detours."""
    return path == other or os.path.realpath(path) == os.path.realpath(other)


def trouble(path: Path) -> Trouble | None:
    """What is wrong with a folder; ``None`` where nothing is."""
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except PermissionError:
        return Trouble.UNREADABLE
    except OSError:
        return Trouble.MISSING
    if not is_folder:
        return Trouble.NO_FOLDER
    return None if os.access(path, os.R_OK | os.X_OK) else Trouble.UNREADABLE


def holds(path: Path) -> bool:
    """Whether something is there for certain, seen by this user."""
    try:
        path.stat()
    except OSError:
        return False
    return True


def may_hold(path: Path) -> bool:
    """Whether something is there, or might be, in a folder that is closed to this user."""
    try:
        path.stat()
    except PermissionError:
        return not trouble(path.parent.parent)
    except OSError:
        return False
    return True


def is_closed_to_owner_of(path: Path) -> bool:
    """Whether the owner of what is there may not pass through the folder that holds it."""
    try:
        found, above = path.stat(), path.parent.stat()
    except OSError:
        return False
    if found.st_uid == above.st_uid:
        needed = stat.S_IXUSR
    else:
        needed = stat.S_IXGRP if found.st_gid == above.st_gid else stat.S_IXOTH
    return found.st_uid != 0 and not above.st_mode & needed


def one_per_disk(paths: Iterable[Path]) -> list[Path]:
    """Of the paths that are there, the first on each disk."""
    return list({path.stat().st_dev: path for path in reversed([*paths]) if path.exists()}.values())


def free_bytes(path: Path) -> int:
    """Free space on the disk of a folder."""
    return shutil.disk_usage(path).free


def is_read_only(path: Path) -> bool:
    """Whether the disk of a folder is mounted such that nobody may write, not even root."""
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


class Place(Struct, frozen=True):
    """Where a path leads: its name without links, and what is there (device and inode), if any."""

    name: str
    inode: tuple[int, int] | None

    def overlaps(self, other: Place) -> bool:
        """Whether both are the same folder, or one lies inside the other."""
        if self.inode and self.inode == other.inode:
            return True
        mine, theirs = (f"{name.rstrip('/')}/" for name in (self.name, other.name))
        return mine.startswith(theirs) or theirs.startswith(mine)


def place(path: str | Path) -> Place:
    """Where a path leads, now."""
    name = os.path.realpath(path)
    try:
        found = Path(name).stat()
    except OSError:
        return Place(name, None)
    return Place(name, (found.st_dev, found.st_ino))


@contextmanager
def _folder_errors(path: Path) -> Iterator[None]:
    """Turn the system's refusal into an error that names the path and the remedy."""
    try:
        yield
    except OSError as error:
        raise WbError(
            f"cannot create {path}: {error.strerror or error}",
            "Check who owns the folder above it, or run wb as root.",
        ) from error
