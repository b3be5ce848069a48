"""Handle Ctrl-C, SIGTERM and SIGHUP, however many come and whenever they come.

Signals come in bursts. A terminal that closes sends two; ``timeout`` and ``kill`` send more. A
burst counts as one signal, so its second signal does not break off the work after its first.
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
    from types import FrameType

    Heard = Callable[[int], None]

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
BURST_S = 1.0
# After this time a signal that came amid an import is sent once more.
AGAIN_S = 0.01


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
        self.number, self.exit_code = number, code_of(number)
        super().__init__(int(self.exit_code))


def code_of(number: int) -> ExitCode:
    """Give the exit code that follows a signal."""
    return ExitCode.INTERRUPTED if number == signal.SIGINT else ExitCode.TERMINATED


class _Burst:
    """Tells the first signal of a burst from the others, while one of the handlers below is set."""

    def __init__(self) -> None:
        self._depth, self._last = 0, -BURST_S

    def __enter__(self) -> None:
        if self._depth == 0:
            self._last = -BURST_S
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1

    @property
    def is_watched(self) -> bool:
        """Whether one of the handlers below is set."""
        return self._depth > 0

    def begins(self) -> bool:
        """Note a signal. Whether it is the first of its burst."""
        before, self._last = self._last, time.monotonic()
        return self._last - before >= BURST_S


_burst = _Burst()


@contextmanager
def leaving_at_once() -> Iterator[None]:
    """Raise ``SignalExit`` at once when a signal comes."""

    def leave(number: int) -> None:
        raise SignalExit(number)

    with _raising(leave):
        yield


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise ``InterruptedByUserError`` at once when a signal comes. The work cleans up itself."""

    def end(number: int) -> None:
        raise InterruptedByUserError(number)

    with _raising(end):
        yield


@contextmanager
def _raising(end: Heard) -> Iterator[None]:
    """Raise what ``end`` raises when a burst of signals begins.

    Amid an import Python swallows what a handler raises, or makes another error of it. So a signal
    that comes then is sent once more, a moment later, to the handler of that moment.
    """
    late: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if _is_importing(frame):
            late[:] = [number]
            signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(number))
            signal.setitimer(signal.ITIMER_REAL, AGAIN_S)
        elif _burst.begins():
            end(number)

    before = signal.getsignal(signal.SIGALRM)
    try:
        with _handled_by(handle):
            yield
    finally:
        left_s, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left_s and _burst.is_watched:
            signal.raise_signal(late[0])


def _is_importing(frame: FrameType | None) -> bool:
    """Whether a module is being loaded by the code that runs in this frame, or by its callers."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@contextmanager
def interruptible(answer: Heard = lambda _: None) -> Iterator[threading.Event]:
    """Give an event that a signal sets. At the end, raise ``InterruptedByUserError`` if it is set.

    Further signals change nothing, because undoing is not interrupted. Each of them is passed to
    ``answer``.
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
    """Call ``heed`` for each signal, in a thread.

    A signal handler runs between any two steps of the main thread. The main thread may hold the
    lock of the very event that the handler would set. So the handler does not touch the event:
    Python writes the signal's number into a pipe, and the thread reads it there.
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
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Set a handler. Signals that wb was started to ignore, as ``nohup`` does, stay ignored."""
    heeded = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heeded}
    try:
        with _burst:
            yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
