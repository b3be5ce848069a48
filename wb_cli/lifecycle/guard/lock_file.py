"""The lock file of an instance, and the folder that is locked if no file can be made.

A command holds the folder of the registry file while it makes a lock file. If it cannot make one,
it holds the folder until its work is done. So no other command can make a lock file meanwhile and
work on the same instance.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from wb_cli.errors import LockedError, WbError
from wb_cli.instances.files import MAY_ONLY_READ, describe_reason, open_lock, take_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Pause = Callable[[float], object]

NO_FILE_CAN_BE_MADE = MAY_ONLY_READ | {errno.ENOSPC, errno.EDQUOT}
MADE_WITHIN_S = 2.0  # another command needs only a moment to make its lock file
# The threads of one process wait for each other without a deadline.
_one_of_ours = threading.Lock()


@contextmanager
def opened(
    path: Path, deadline: float, pause: Pause, report: Callable[[str], None]
) -> Iterator[int | None]:
    """Open the lock file; make it if it is missing. Give ``None`` if the folder is held instead.

    Raises:
        LockedError: another command holds the folder.
        WbError: neither a file nor the folder can be locked.
    """
    with ExitStack() as held:
        try:
            descriptor = _open_existing(path)
            if descriptor is None:
                held.enter_context(_folder_held(path, deadline, pause))
                # The command that held the folder before may have made the file.
                descriptor = _open_existing(path)
            if descriptor is None:
                descriptor = _make(path, report)
        except InterruptedError:
            raise
        except OSError as error:
            raise _describe_refusal(path, error) from error
        if descriptor is not None:
            held.close()
            held.callback(os.close, descriptor)
        yield descriptor


def _open_existing(path: Path) -> int | None:
    with suppress(FileNotFoundError):
        return open_lock(path)
    return None


def _make(path: Path, report: Callable[[str], None]) -> int | None:
    """Make a lock file that the owners of the registry file's folder can all use."""
    locks, folder = path.parent, path.parent.parent
    try:
        with suppress(FileExistsError):
            locks.mkdir()
            os.close(_share(locks, os.O_RDONLY | os.O_DIRECTORY, folder))
        return _share(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, folder)
    except OSError as error:
        if error.errno not in NO_FILE_CAN_BE_MADE:
            raise
        report(
            f"no lock file can be made at {path} ({describe_reason(error)}): {folder} is locked "
            "instead, and others without a lock file wait"
        )
        return None


def _share(new: Path, flags: int, folder: Path) -> int:
    """Open a new file or folder; give it the owner, the group and the rights of ``folder``."""
    descriptor = os.open(new, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    like, is_folder = folder.stat(), bool(flags & os.O_DIRECTORY)
    with suppress(PermissionError):
        os.fchown(descriptor, like.st_uid, like.st_gid)
    with suppress(PermissionError):
        os.fchmod(descriptor, like.st_mode & (0o7777 if is_folder else 0o666))
    return descriptor


@contextmanager
def _folder_held(path: Path, deadline: float, pause: Pause) -> Iterator[None]:
    folder = path.parent.parent
    while not _one_of_ours.acquire(blocking=False):
        pause(0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if not take_lock(descriptor, max(deadline, time.monotonic() + MADE_WITHIN_S), pause):
                raise LockedError(
                    f"{path.stem} may be being changed: it has no lock file, and another wb "
                    f"command holds {folder}",
                    "Wait for it with `--wait SECONDS`. The lock ends with that process.",
                )
            yield
        finally:
            os.close(descriptor)
    finally:
        _one_of_ours.release()


def _describe_refusal(path: Path, error: OSError) -> WbError:
    hint = f"Run wb as the owner of {path.parent.parent}, or as root."
    return WbError(
        f"cannot lock {path.stem}: {path}: {describe_reason(error)}",
        hint if isinstance(error, PermissionError) else "",
    )
