"""One command at a time per instance: a lock that ends with its process and names its holder."""

from __future__ import annotations

import getpass
import os
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from wb_cli.errors import LockedError
from wb_cli.instances.files import take_lock
from wb_cli.lifecycle.guard.lock_file import opened
from wb_cli.quantities import describe_duration

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from pathlib import Path

RETRY_INTERVAL_S = 0.05
SIGNED_WITHIN = 20  # tries
SIGNATURE_AT_MOST = 4096  # bytes


class Holder(Struct, frozen=True):
    """The command that holds a lock, as the lock file says. ``since`` is ISO 8601, in UTC."""

    command: str = "a wb command"
    pid: int = 0
    user: str = "unknown"
    since: str = ""

    @property
    def began(self) -> float | None:
        """When it took the lock, in seconds since the epoch. ``None`` if that is not known."""
        try:
            return datetime.fromisoformat(self.since).timestamp()
        except ValueError:
            return None

    @property
    def verb(self) -> str:
        """The command's name: the word after ``wb``."""
        return "".join(self.command.split()[1:2])

    def __str__(self) -> str:
        began = self.began
        took = f", for {describe_duration(time.time() - began)}" if began else ""
        return f"`{self.command}` of {self.user} (pid {self.pid}{took})"


class Lock(Struct, frozen=True):
    """A lock that is held.

    ``left_by`` is the last holder, if it died before it gave the lock up: it was killed, or the
    machine stopped. Its work is half done.
    """

    left_by: Holder | None = None


def find_holder(folder: Path, instance: str) -> Holder | None:
    """Find the command that works on an instance now, without touching its lock.

    It is found by its signature, so a command that could make no lock file is not found.
    """
    try:
        descriptor = os.open(folder / f"{instance}.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        holder = _read_signature(descriptor)
    finally:
        os.close(descriptor)
    return holder if holder and _is_alive(holder.pid) else None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another user's
        return True
    return pid > 0


@contextmanager
def locked(  # noqa: PLR0913, PLR0917  (the lock, its holder, and how to wait for it)
    folder: Path,
    instance: str,
    command: str,
    wait_s: float,
    cancelled: threading.Event,
    report: Callable[[str], None] = lambda _: None,
) -> Iterator[Lock]:
    """Hold the lock of an instance. Wait for it up to ``wait_s`` seconds, and report the holder.

    The lock file stays when the lock is given up: the lock on it counts, not its existence. A
    holder that ends without an error removes its signature from the file. If the work ends with an
    error, the signature of an earlier, dead holder is put back, because its work is still half
    done.

    Raises:
        LockedError: another command holds the lock. The message names it.
        InterruptedError: a signal ended the wait, or came before it.
    """

    def pause(seconds: float) -> None:
        if cancelled.wait(seconds or RETRY_INTERVAL_S):
            raise InterruptedError(instance)

    if cancelled.is_set():
        raise InterruptedError(instance)
    deadline = time.monotonic() + wait_s
    path = folder / f"{instance}.lock"
    with opened(path, deadline, pause, report) as descriptor:
        if descriptor is None:
            yield Lock()
            return
        if not take_lock(descriptor, time.monotonic()):
            _wait(descriptor, instance, deadline, pause, report)
        _refuse_removed(descriptor, path, instance)
        with _signed(descriptor, command) as left_by:
            yield Lock(left_by)


def describe_locked(name: str) -> str:
    """Describe what a lock guards by its name: an instance, or what is said behind a dot of one."""
    instance, _, thing = name.partition(".")
    return f"the {thing} of {instance}" if thing else instance


def _refuse_removed(descriptor: int, path: Path, instance: str) -> None:
    """Refuse a lock file that `wb prune` removed meanwhile: another command may have a new one."""
    with suppress(FileNotFoundError):
        if path.stat().st_ino == os.fstat(descriptor).st_ino:
            return
    raise LockedError(f"the lock file of {instance} was removed meanwhile", "Repeat the command.")


def _wait(
    descriptor: int,
    instance: str,
    deadline: float,
    pause: Callable[[float], None],
    report: Callable[[str], None],
) -> None:
    if time.monotonic() < deadline:
        report(f"waiting for {_name_holder(descriptor, pause)}")
    if not take_lock(descriptor, deadline, pause):
        raise LockedError(
            f"{describe_locked(instance)} is being changed by {_name_holder(descriptor, pause)}",
            "Wait for it with `--wait SECONDS`. The lock ends with that process.",
        )


@contextmanager
def _signed(descriptor: int, command: str) -> Iterator[Holder | None]:
    """Sign a lock. Give the earlier holder, if its signature was still there."""
    left_by = _read_signature(descriptor)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    _sign(descriptor, Holder(command, os.getpid(), name_user(), now))
    try:
        yield left_by
    except BaseException:
        _sign(descriptor, left_by)
        raise
    _sign(descriptor, None)


def name_user() -> str:
    """Name the user of this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # Python 3.13 raises OSError
        return f"user {os.getuid()}"


def _sign(descriptor: int, holder: Holder | None) -> None:
    """Write a signature, or remove it if ``holder`` is ``None``.

    The line is written before the file is cut, so a command that is killed in between leaves a
    signature. An error does not matter: the disk may be full, or the file may belong to another
    user, but the lock holds without a signature.
    """
    line = msgspec.json.encode(holder) + b"\n" if holder else b""
    with suppress(OSError):
        os.pwrite(descriptor, line, 0)
        os.ftruncate(descriptor, len(line))


def _read_signature(descriptor: int) -> Holder | None:
    """Read the signature in a lock file. A damaged signature counts as an unknown holder."""
    line, _, _ = os.pread(descriptor, SIGNATURE_AT_MOST, 0).partition(b"\n")
    if not line:
        return None
    try:
        return msgspec.json.decode(line, type=Holder)
    except ValueError:
        return Holder()


def _name_holder(descriptor: int, pause: Callable[[float], None]) -> str:
    """Name the command that signed the lock. One that has just taken it gets a moment to sign."""
    for _ in range(SIGNED_WITHIN):
        if holder := _read_signature(descriptor):
            return str(holder)
        pause(RETRY_INTERVAL_S)
    return "another wb command"
