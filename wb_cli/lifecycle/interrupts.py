"""Ctrl-C, SIGTERM and SIGHUP as an event: work ends at its next step, is undone, then we leave."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wb_cli.errors import ExitCode, WbError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class InterruptedByUserError(WbError):
    """A signal ended the command; what it had begun was undone."""

    def __init__(self, number: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(number).name}", "Run it again to go on.")
        is_terminated = number != signal.SIGINT
        self.exit_code = ExitCode.TERMINATED if is_terminated else ExitCode.INTERRUPTED


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise ``InterruptedByUserError`` wherever a signal comes, for work that cleans up after."""

    def end(number: int, _frame: object) -> None:
        raise InterruptedByUserError(number)

    with _handled_by(end):
        yield


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Give an event that a signal sets; raise ``InterruptedByUserError`` at the end if one did.

    Further signals change nothing: undoing is not interrupted.
    """
    event = threading.Event()
    received: list[int] = []

    def note(number: int, _frame: object) -> None:
        received.append(number)
        event.set()

    with _handled_by(note):
        yield event
    if received:
        raise InterruptedByUserError(received[0])


@contextmanager
def _handled_by(handler: Callable[[int, object], None]) -> Iterator[None]:
    """What was ignored when wb was started, as SIGHUP is by ``nohup``, stays ignored."""
    heeded = [each for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heeded}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
