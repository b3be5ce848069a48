"""Create and check the folders that are mounted into an instance's containers."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.errors import WbError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ENOUGH_BYTES = 100 * 1024**2
DEFAULT_MODE = 0o755


class FolderProblem(StrEnum):
    """A problem of a folder. The text follows the folder's path in a message."""

    MISSING = "is missing"
    NOT_A_FOLDER = "is not a folder"
    UNREADABLE = "cannot be read by this user"


def create(root: Path, names: Iterable[str], modes: Mapping[str, int]) -> dict[str, bool]:
    """Make the missing folders below ``root``; say for each name whether it was created.

    An existing folder keeps its owner and its mode.

    Raises:
        WbError: a file has the name of a folder, or this user may not write there.
    """
    with _folder_errors(root):
        root.mkdir(mode=DEFAULT_MODE, parents=True, exist_ok=True)
    return {name: _create_folder(root / name, modes.get(name, DEFAULT_MODE)) for name in names}


def _create_folder(path: Path, mode: int) -> bool:
    with _folder_errors(path):
        if path.is_dir():
            return False
        path.mkdir()
        path.chmod(mode)  # the umask takes bits away from mkdir's own mode
    return True


def is_same_path(path: str, other: str) -> bool:
    """Whether two paths lead to one place, with links and ``..`` resolved."""
    return path == other or os.path.realpath(path) == os.path.realpath(other)


def find_problem(path: Path) -> FolderProblem | None:
    """The problem of a folder; ``None`` where it has none."""
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except PermissionError:
        return FolderProblem.UNREADABLE
    except OSError:
        return FolderProblem.MISSING
    if not is_folder:
        return FolderProblem.NOT_A_FOLDER
    return None if os.access(path, os.R_OK | os.X_OK) else FolderProblem.UNREADABLE


def is_present(path: Path) -> bool:
    """Whether this user sees a file or folder at the path."""
    try:
        path.stat()
    except OSError:
        return False
    return True


def can_be_present(path: Path) -> bool:
    """Whether a file is at the path, or can be: its folder may be closed to this user."""
    try:
        path.stat()
    except PermissionError:
        return not find_problem(path.parent.parent)
    except OSError:
        return False
    return True


def is_closed_to_owner_of(path: Path) -> bool:
    """Whether the owner of a file or folder may not pass through the folder that holds it."""
    try:
        held, holder = path.stat(), path.parent.stat()
    except OSError:
        return False
    return is_closed(held.st_uid, held.st_gid, holder.st_uid, holder.st_gid, holder.st_mode)


def is_closed(user: int, group: int, owner: int, owner_group: int, mode: int) -> bool:
    """Whether a user with a group may not pass through a folder. Pure."""
    if user == owner:
        needed = stat.S_IXUSR
    else:
        needed = stat.S_IXGRP if group == owner_group else stat.S_IXOTH
    return user != 0 and not mode & needed


def pick_one_per_disk(paths: Iterable[Path]) -> list[Path]:
    """The first existing path on each disk."""
    return list({path.stat().st_dev: path for path in reversed([*paths]) if path.exists()}.values())


def count_free_bytes(path: Path) -> int:
    """The free space on the disk of a folder."""
    return shutil.disk_usage(path).free


def is_read_only(path: Path) -> bool:
    """Whether the disk of a folder is mounted read-only. Then not even root may write."""
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


class Place(Struct, frozen=True):
    """The place that a path leads to: its name without links, and its device and inode.

    ``inode`` is ``None`` where nothing is there.
    """

    name: str
    inode: tuple[int, int] | None

    def overlaps(self, other: Place) -> bool:
        """Whether both are the same folder, or one lies inside the other."""
        if self.inode and self.inode == other.inode:
            return True
        mine, theirs = (f"{name.rstrip('/')}/" for name in (self.name, other.name))
        return mine.startswith(theirs) or theirs.startswith(mine)


def locate(path: str | Path) -> Place:
    """The place that a path leads to now."""
    name = os.path.realpath(path)
    try:
        status = Path(name).stat()
    except OSError:
        return Place(name, None)
    return Place(name, (status.st_dev, status.st_ino))


class Access(Struct, frozen=True):
    """The mode and the owner of a file or folder."""

    path: str
    mode: int
    owner: int

    @property
    def is_private(self) -> bool:
        """Whether only its owner has any right."""
        return not self.mode & (stat.S_IRWXG | stat.S_IRWXO)

    @property
    def is_writable_by_others(self) -> bool:
        """Whether any user can write there, or replace what is there.

        In a folder with the sticky bit nobody can replace what is another user's.
        """
        return bool(self.mode & stat.S_IWOTH) and not self.mode & stat.S_ISVTX


def read_access(paths: Iterable[Path]) -> tuple[Access, ...]:
    """Read the modes and owners of the paths that exist and that this user can see."""
    found = []
    for path in paths:
        with suppress(OSError):
            status = path.stat()
            found.append(Access(str(path), stat.S_IMODE(status.st_mode), status.st_uid))
    return tuple(found)


@contextmanager
def _folder_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's errors into an error that names the path and the remedy."""
    try:
        yield
    except OSError as error:
        raise WbError(
            f"cannot create {path}: {error.strerror or error}",
            "Check who owns the folder above it, or run wb as root.",
        ) from error
