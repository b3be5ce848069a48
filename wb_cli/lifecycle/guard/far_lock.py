"""The lock of an instance on the machine of its engine, so that all operators meet the same one."""

from __future__ import annotations

import os
import platform
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from wb_cli.errors import LockedError, WbError
from wb_cli.lifecycle.guard.lock import Holder, Lock, describe_locked, name_user

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wb_cli.lifecycle.machine.outpost import Outpost

# Where root's own locks and histories lie on that machine, beside the default registry file.
LOCKS, HISTORY = "/usr/local/share/wb/locks", "/usr/local/share/wb/history"
RETRY_INTERVAL_S = 0.25


@contextmanager
def locked(  # noqa: PLR0913, PLR0917  (the lock, its holder, and how to wait for it)
    outpost: Outpost,
    instance: str,
    command: str,
    wait_s: float,
    cancelled: threading.Event,
    report: Callable[[str], None] = lambda _: None,
) -> Iterator[Lock]:
    """Hold the lock of an instance on its machine. See :func:`wb_cli.lifecycle.guard.lock.locked`.

    Raises:
        LockedError: another command holds the lock. The message names it.
        InterruptedError: a signal ended the wait, or came before it.
        EngineUnreachableError: the connection broke.
    """
    if cancelled.is_set():
        raise InterruptedError(instance)
    path = f"{LOCKS}/{instance}.lock"
    held = _take(outpost, instance, path, time.monotonic() + wait_s, cancelled, report)
    left_by = _read_holder(outpost, path)
    _sign(outpost, path, _describe_us(command))
    try:
        yield Lock(left_by)
    except BaseException:
        # Without a connection, the machine frees the lock by itself. The signature stays, as the
        # work is half done.
        with suppress(WbError):
            _sign(outpost, path, left_by)
            outpost.ask("release", held)
        raise
    _sign(outpost, path, None)
    outpost.ask("release", held)


def find_holder(outpost: Outpost, instance: str) -> Holder | None:
    """Find the command that works on an instance there now.

    Raises:
        EngineUnreachableError: the connection broke.
        WbError: the machine cannot be looked at.
    """
    (line, *_) = outpost.ask("name_holders", f"{LOCKS}/{instance}.lock").lines or [""]
    return _parse_holder(line)


def add_to_history(outpost: Outpost, instance: str, line: Struct) -> None:
    """Add a line to the history there. Whatever prevents it is no reason to fail."""
    text = msgspec.json.encode(line).decode()
    with suppress(WbError):
        outpost.ask("add_line", f"{HISTORY}/{instance}.jsonl", text)


def fetch_history(outpost: Outpost, folder: Path) -> None:
    """Copy the histories there into a folder."""
    for name in outpost.ask("list_folder", HISTORY).lines:
        text = outpost.ask("read_files", f"{HISTORY}/{name}").text
        (folder / name).write_text(text, errors="surrogateescape")


def _take(  # noqa: PLR0913, PLR0917
    outpost: Outpost,
    instance: str,
    path: str,
    deadline: float,
    cancelled: threading.Event,
    report: Callable[[str], None],
) -> str:
    """Take the lock, and give the number with which it is released."""
    has_told = has_tried = False
    while (reply := outpost.ask("take_file", path)).code == 1:
        holder = _read_holder(outpost, path) or "another wb command"
        # Whoever asks for the holder has the lock for a moment, so one refusal is none.
        if has_tried and time.monotonic() >= deadline:
            raise LockedError(
                f"{describe_locked(instance)} is being changed by {holder}",
                "Wait for it with `--wait SECONDS`. The lock ends with that command, and within "
                "a minute after its connection has broken.",
            )
        if has_tried and not has_told:
            report(f"waiting for {holder}")
            has_told = True
        has_tried = True
        if cancelled.wait(RETRY_INTERVAL_S):
            raise InterruptedError(instance)
    if reply.code:
        raise WbError(
            f"cannot lock {instance}: {path} cannot be made on the engine's machine",
            "Its disk may be full or read-only.",
        )
    return reply.text


def _describe_us(command: str) -> Holder:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Holder(command, os.getpid(), f"{name_user()}@{platform.node()}", now)


def _read_holder(outpost: Outpost, path: str) -> Holder | None:
    return _parse_holder(outpost.ask("read_files", path).text)


def _parse_holder(line: str) -> Holder | None:
    if not line.strip():
        return None
    try:
        return msgspec.json.decode(line, type=Holder)
    except ValueError:
        return Holder()


def _sign(outpost: Outpost, path: str, holder: Holder | None) -> None:
    outpost.ask("write_file", path, msgspec.json.encode(holder).decode() if holder else "")
