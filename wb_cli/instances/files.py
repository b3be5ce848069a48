"""Files that several processes share: locked, and written whole or not at all."""

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from wb_cli.errors import LockedError, WbError

LOCK_POLL_S = 0.02
LOCK_WITHIN_S = 10.0
MAY_ONLY_READ = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def locked(path: Path, within: float = LOCK_WITHIN_S) -> Iterator[None]:
    """Hold the lock that lies beside a file; the kernel lets go of it when the process ends."""
    lock = path.with_name(f"{path.name}.lock")
    with file_errors(lock, "lock"):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _open(lock)
    try:
        if not take(descriptor, time.monotonic() + within):
            raise LockedError(
                f"another process has been writing for too long: it holds {lock}",
                f"`fuser -v {lock}` names it. Repeat the command when it has ended.",
            )
        yield
    finally:
        os.close(descriptor)


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace a file's content so that no crash leaves half of it.

    An existing file keeps its mode and owner; a new one gets ``mode``. Of a symbolic link the
    target is replaced.
    """
    import tempfile  # (10 ms, and most commands only read)

    target = Path(os.path.realpath(path))
    with file_errors(target, "write"):
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                _take_after(target, file.fileno(), mode)
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)


@contextmanager
def file_errors(path: Path, verb: str) -> Iterator[None]:
    """Say which file the operating system refused, and what would help."""
    try:
        yield
    except OSError as error:
        raise WbError(f"cannot {verb} {path}: {reason(error)}", _remedy(error, path)) from error


def reason(error: OSError) -> str:
    """The operating system's own words, in lower case."""
    return (error.strerror or str(error)).lower()


def _remedy(error: OSError, path: Path) -> str:
    if isinstance(error, PermissionError):
        return f"Run wb as the owner of {path.parent}, or as root."
    if isinstance(error, IsADirectoryError):
        return f"A file is expected there: move the folder {path} away, or set another path."
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"Free some space at {path.parent}, then repeat the command."
    return f"See to {path.parent}, then repeat the command."


def open_lock(lock: Path) -> int:
    """Open a lock file that is there, for writing where that is allowed.

    Local file systems let a reader take another user's lock; NFS asks for write access.
    """
    try:
        return os.open(lock, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno not in MAY_ONLY_READ:
            raise
        return os.open(lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)


def take(descriptor: int, deadline: float, pause: Callable[[float], object] = time.sleep) -> bool:
    """Take the lock on an open file or folder; ``False`` where the deadline came first."""
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= deadline:
            return False
        pause(LOCK_POLL_S)


def _open(lock: Path) -> int:
    try:
        return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except PermissionError:
        if not lock.exists():
            raise
        return open_lock(lock)


def _take_after(target: Path, descriptor: int, mode: int) -> None:
    try:
        old = target.stat()
    except FileNotFoundError:
        os.fchmod(descriptor, mode)
        return
    try:
        os.fchown(descriptor, old.st_uid, old.st_gid)
    except PermissionError:
        # A member of the file's group may write it too; what the others need is the group.
        os.fchown(descriptor, -1, old.st_gid)
    os.fchmod(descriptor, old.st_mode & 0o7777)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
