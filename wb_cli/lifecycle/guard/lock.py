"""One operator at a time per instance: a lock that dies with its process and names its holder."""

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

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from pathlib import Path

RETRY_INTERVAL_S = 0.05
SIGNED_WITHIN = 20  # tries
SIGNATURE_AT_MOST = 4096  # bytes


class Holder(Struct, frozen=True):
    """Who holds a lock, as its file says. ``since`` is a time in ISO 8601, in UTC."""

    command: str = "a wb command"
    pid: int = 0
    user: str = "unknown"
    since: str = ""

    @property
    def began(self) -> float | None:
        """When it took the lock, in seconds since the epoch; ``None`` where it did not say."""
        try:
            return datetime.fromisoformat(self.since).timestamp()
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"`{self.command}` of {self.user} (pid {self.pid}, since {self.since})"


class Lock(Struct, frozen=True):
    """A lock that is held.

    ``left_by`` is the holder before, where it died without giving the lock up: killed with
    signal 9, or by the end of the machine. What it had begun is half done.
    """

    left_by: Holder | None = None


@contextmanager
def locked(  # noqa: PLR0913, PLR0917  (what is locked, for whom, and how it is waited for)
    folder: Path,
    instance: str,
    command: str,
    wait_s: float,
    cancelled: threading.Event,
    report: Callable[[str], None] = lambda _: None,
) -> Iterator[Lock]:
    """Hold the lock of an instance; wait for it up to ``wait_s`` seconds, and tell for whom.

    The file stays when the lock is given up: it is the lock, not the file, that says "held".
    Who ends in an orderly way takes its signature out. Where the work ends with an error, the
    signature of a dead holder before it is put back, as what that one had begun is not finished.

    Raises:
        LockedError: somebody else holds it; the message says who.
        InterruptedError: the wait was cancelled, or nothing more is to be begun.
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
        with _signed(descriptor, command) as left_by:
            yield Lock(left_by)


def _wait(
    descriptor: int,
    instance: str,
    deadline: float,
    pause: Callable[[float], None],
    report: Callable[[str], None],
) -> None:
    if time.monotonic() < deadline:
        report(f"waiting for {_holder(descriptor, pause)}")
    if not take_lock(descriptor, deadline, pause):
        raise LockedError(
            f"{instance} is being changed by {_holder(descriptor, pause)}",
            "Wait for it with `--wait SECONDS`. The lock ends with that process.",
        )


@contextmanager
def _signed(descriptor: int, command: str) -> Iterator[Holder | None]:
    """Sign a lock that was taken; give the holder whose signature was still there."""
    left_by = _signature(descriptor)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    _sign(descriptor, Holder(command, os.getpid(), _user(), now))
    try:
        yield left_by
    except BaseException:
        _sign(descriptor, left_by)
        raise
    _sign(descriptor, None)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # Python 3.13 raises the latter
        return f"user {os.getuid()}"


def _sign(descriptor: int, holder: Holder | None) -> None:
    """Write a signature, or nothing. Whoever is killed meanwhile leaves a signature anyway.

    The lock holds without one: the disk may be full, or the file another user's.
    """
    line = msgspec.json.encode(holder) + b"\n" if holder else b""
    with suppress(OSError):
        os.pwrite(descriptor, line, 0)
        os.ftruncate(descriptor, len(line))


def _signature(descriptor: int) -> Holder | None:
    """Who signed the lock; what cannot be read is a signature, too."""
    line, _, _ = os.pread(descriptor, SIGNATURE_AT_MOST, 0).partition(b"\n")
    if not line:
        return None
    try:
        return msgspec.json.decode(line, type=Holder)
    except msgspec.DecodeError:
        return Holder()


def _holder(descriptor: int, pause: Callable[[float], None]) -> str:
    """Who signed the lock; one who has only just taken it gets a moment to sign."""
    for _ in range(SIGNED_WITHIN):
        if holder := _signature(descriptor):
            return str(holder)
        pause(RETRY_INTERVAL_S)
    return "another wb command"
