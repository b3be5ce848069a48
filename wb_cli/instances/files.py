"""Lock files that several processes share, and write them whole or not at all."""

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from wb_cli.errors import LockedError, WbError

LOCK_POLL_S = 0.02
LOCK_WITHIN_S = 10.0
MAY_ONLY_READ = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def locked(path: Path, within: float = LOCK_WITHIN_S) -> Iterator[None]:
    """Hold the lock file beside a file. The kernel frees the lock when the process ends."""
    lock = path.with_name(f"{path.name}.lock")
    with file_errors(lock, "lock"):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _open_or_create(lock)
    try:
        if not take_lock(descriptor, time.monotonic() + within):
            raise LockedError(
                f"another process has been writing for too long: it holds {lock}",
                f"`fuser -v {lock}` names it. Repeat the command when it has ended.",
            )
        yield
    finally:
        os.close(descriptor)


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace a file's content so that a crash leaves the old or the new content.

    An existing file keeps its mode and owner. A new file gets ``mode``. A symbolic link stays, and
    its target is replaced.
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
                _copy_owner_and_mode(target, file.fileno(), mode)
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)


@contextmanager
def written_whole(path: Path, *, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Write a large file piece by piece: whole, or not at all. ``mode`` is that of a new file.

    Raises:
        LockedError: another command writes the same file.
        WbError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    with file_errors(path, "write"):
        descriptor = _open_part(part, mode)
        with os.fdopen(descriptor, "wb") as output:
            try:
                yield output
                output.flush()
                os.fsync(output.fileno())
                part.replace(path)
            except BaseException:  # while the lock is held: later it may be another command's file
                part.unlink(missing_ok=True)
                raise


def _open_part(part: Path, mode: int) -> int:
    """Open the file in which another one grows, empty, and lock it as long as it is open.

    Raises:
        LockedError: another command writes to it.
    """
    while True:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, mode)
        if not take_lock(descriptor, time.monotonic()):
            os.close(descriptor)
            name = part.name.removeprefix(".").removesuffix(".part")
            raise LockedError(
                f"another command writes {part.with_name(name)} now",
                "Wait until it has ended, or name another file.",
            )
        # Whoever held the lock before has renamed or removed the file by now.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), part.stat()):
                os.ftruncate(descriptor, 0)
                return descriptor
        os.close(descriptor)


@contextmanager
def file_errors(path: Path, verb: str) -> Iterator[None]:
    """Turn the operating system's errors into an error that names the file and the remedy."""
    try:
        yield
    except OSError as error:
        raise WbError(
            f"cannot {verb} {path}: {describe_reason(error)}", _suggest_remedy(error, path)
        ) from error


def describe_reason(error: OSError) -> str:
    """The operating system's own text, in lower case."""
    return (error.strerror or str(error)).lower()


def _suggest_remedy(error: OSError, path: Path) -> str:
    if isinstance(error, PermissionError):
        return f"Run wb as the owner of {path.parent}, or as root."
    if isinstance(error, IsADirectoryError):
        return f"A file is expected there: move the folder {path} away, or set another path."
    if isinstance(error, FileNotFoundError):
        missing = "name of the file" if path.parent.is_dir() else f"folder {path.parent}"
        return f"Check the {missing}, then repeat the command."
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"Free some space at {path.parent}, then repeat the command."
    return f"Check the path {path.parent}, then repeat the command."


def open_lock(lock: Path) -> int:
    """Open an existing lock file, for writing where this user may write it.

    On a local file system a reader can take another user's lock. NFS asks for write access.
    """
    try:
        return os.open(lock, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno not in MAY_ONLY_READ:
            raise
        return os.open(lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)


def take_lock(
    descriptor: int, deadline: float, pause: Callable[[float], object] = time.sleep
) -> bool:
    """Take the lock on an open file or folder. ``False`` means that the deadline has passed."""
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= deadline:
            return False
        pause(LOCK_POLL_S)


def _open_or_create(lock: Path) -> int:
    try:
        return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except PermissionError:
        if not lock.exists():
            raise
        return open_lock(lock)


def _copy_owner_and_mode(target: Path, descriptor: int, mode: int) -> None:
    try:
        old = target.stat()
    except FileNotFoundError:
        os.fchmod(descriptor, mode)
        return
    try:
        os.fchown(descriptor, old.st_uid, old.st_gid)
    except PermissionError:
        # This user is a member of the file's group. The other members need the group to stay.
        os.fchown(descriptor, -1, old.st_gid)
    os.fchmod(descriptor, old.st_mode & 0o7777)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
