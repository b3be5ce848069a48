"""One operator at a time per instance: a lock that dies with its process and names its holder."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wb_cli.errors import LockedError, WbError

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from pathlib import Path

RETRY_INTERVAL_S = 0.05
SIGNED_WITHIN = 20  # tries


@contextmanager
def locked(
    folder: Path, instance: str, command: str, wait_s: float, cancelled: threading.Event
) -> Iterator[None]:
    """Hold the lock of an instance; wait for it up to ``wait_s`` seconds.

    The file stays when the lock is given up: it is the lock, not the file, that says "held".

    Raises:
        LockedError: somebody else holds it; the message says who.
        InterruptedError: the wait was cancelled, or nothing more is to be begun.
    """
    if cancelled.is_set():
        raise InterruptedError(instance)
    path = folder / f"{instance}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise WbError(f"cannot lock {instance}: {path}: {error.strerror}") from error
    try:
        _take(descriptor, path, time.monotonic() + wait_s, cancelled)
        try:
            _sign(descriptor, command)
            yield
        finally:
            os.ftruncate(descriptor, 0)  # nobody is named who does not hold it
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, deadline: float, cancelled: threading.Event) -> None:
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if time.monotonic() >= deadline:
            raise LockedError(
                f"{path.stem} is being changed by {_holder(path, cancelled)}",
                "Wait for it with `--wait SECONDS`. The lock ends with that process.",
            )
        if cancelled.wait(RETRY_INTERVAL_S):
            raise InterruptedError(path.stem)


def _sign(descriptor: int, command: str) -> None:
    holder = {
        "pid": os.getpid(),
        "user": getpass.getuser(),
        "command": command,
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(holder).encode(), 0)


def _holder(path: Path, cancelled: threading.Event) -> str:
    """Who signed the lock; one who has only just taken it gets a moment to sign."""
    for _ in range(SIGNED_WITHIN):
        with suppress(OSError, ValueError, KeyError):
            holder = json.loads(path.read_text())
            return (
                f"`{holder['command']}` of {holder['user']} "
                f"(pid {holder['pid']}, since {holder['since']})"
            )
        if cancelled.wait(RETRY_INTERVAL_S):
            break
    return "another wb command"
