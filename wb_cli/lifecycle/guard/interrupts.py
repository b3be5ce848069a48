"""Ctrl-C, SIGTERM and SIGHUP: any number of them, at any time.

They come in bursts: a terminal that closes sends two, ``timeout`` and ``kill`` more. A burst counts
once, so that what cleans up after the first is not broken off by the second.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wb_cli.errors import ExitCode, WbError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Heard = Callable[[int], None]

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
BURST_S = 1.0


class InterruptedByUserError(WbError):
    """A signal ended the command. ``left`` says what became of each instance, for ``--json``."""

    def __init__(self, number: int) -> None:
        by = "" if number == signal.SIGINT else f" by {signal.Signals(number).name}"
        super().__init__(f"interrupted{by}", "Run it again to go on.")
        self.exit_code = code_of(number)
        self.left: list[Any] = []


class SignalExit(SystemExit):
    """A signal ended a command that undoes nothing. It passes every ``except Exception``."""

    def __init__(self, number: int) -> None:
        self.exit_code = code_of(number)
        super().__init__(int(self.exit_code))


def code_of(number: int) -> ExitCode:
    """What wb tells the shell after a signal."""
    return ExitCode.INTERRUPTED if number == signal.SIGINT else ExitCode.TERMINATED


class _Burst:
    """Tells the first signal of a burst from the others, as long as signals are handled here."""

    def __init__(self) -> None:
        self._depth, self._last = 0, -BURST_S

    def __enter__(self) -> None:
        if self._depth == 0:
            self._last = -BURST_S
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1

    def begins(self) -> bool:
        """Whether the signal that came now is a first one."""
        before, self._last = self._last, time.monotonic()
        return self._last - before >= BURST_S


_burst = _Burst()


@contextmanager
def leaving_at_once() -> Iterator[None]:
    """Raise ``SignalExit`` wherever a signal comes."""

    def leave(number: int, _frame: object) -> None:
        if _burst.begins():
            raise SignalExit(number)

    with _handled_by(leave):
        yield


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise ``InterruptedByUserError`` wherever a signal comes, for work that cleans up after."""

    def end(number: int, _frame: object) -> None:
        if _burst.begins():
            raise InterruptedByUserError(number)

    with _handled_by(end):
        yield


@contextmanager
def interruptible(answer: Heard = lambda _: None) -> Iterator[threading.Event]:
    """Give an event that a signal sets; raise ``InterruptedByUserError`` at the end if one did.

    Further signals change nothing, as undoing is not interrupted. ``answer`` is told of each.
    """
    event = threading.Event()
    received: list[int] = []

    def heed(number: int) -> None:
        received.append(number)
        event.set()
        if len(received) > 1:
            answer(number)

    with _heard_by(heed):
        yield event
    if received:
        raise InterruptedByUserError(received[0])


@contextmanager
def _heard_by(heed: Heard) -> Iterator[None]:
    """Tell of signals in a thread.

    A handler runs between any two steps of the main thread, perhaps inside the lock of the very
    event that it wants to set. So it does nothing: Python writes the signal's number into a pipe.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    thread = threading.Thread(target=_listen, args=(reading, heed), daemon=True)
    thread.start()
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        with _handled_by(_note):
            yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writing)
        thread.join()
        os.close(reading)


def _note(_number: int, _frame: object) -> None:
    _burst.begins()


def _listen(reading: int, heed: Heard) -> None:
    while numbers := os.read(reading, 64):
        for number in numbers:
            if number in SIGNALS:
                heed(number)


@contextmanager
def _handled_by(handler: Callable[[int, object], None]) -> Iterator[None]:
    """What was ignored when wb was started, as SIGHUP is by ``nohup``, stays ignored."""
    heeded = [each for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heeded}
    try:
        with _burst:
            yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
