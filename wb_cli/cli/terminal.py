"""Lend wb's terminal to a command, and find out what wb's own streams are connected to."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import threading
import tty
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def find_standard_input() -> int | None:
    """Find the file descriptor of the input; ``None`` if the input is closed."""
    return sys.stdin.fileno() if sys.stdin else None


def is_interactive() -> bool:
    """Whether both input and output are a terminal."""
    return all(stream and stream.isatty() for stream in (sys.stdin, sys.stdout))


def wait_until_reader_is_gone() -> None:
    """Block until the reader of stdout closes its end. If stdout is a file, block for ever."""
    waiting = select.poll()
    waiting.register(sys.stdout.fileno(), 0)  # poll always reports errors
    waiting.poll()


class Terminal:
    """See :class:`wb_cli.engine.base.Terminal`."""

    @contextmanager
    def lent(self, resize: Callable[[int, int], None]) -> Iterator[None]:
        """Pass on every key. Report the size, now and after each change."""
        with _raw(sys.stdin.fileno()), _reporting_size(resize):
            yield


@contextmanager
def _raw(terminal: int) -> Iterator[None]:
    before = termios.tcgetattr(terminal)
    try:
        # Switch at once, so that the command gets the keys that were typed before it started.
        tty.setraw(terminal, termios.TCSANOW)
        yield
    finally:
        with suppress(termios.error):  # the terminal was closed
            termios.tcsetattr(terminal, termios.TCSANOW, before)


@contextmanager
def _reporting_size(resize: Callable[[int, int], None]) -> Iterator[None]:
    one_at_a_time = threading.Lock()  # so that the newest size is reported last

    def report() -> None:
        with one_at_a_time, suppress(OSError):
            columns, lines = os.get_terminal_size(sys.stdout.fileno())
            if lines and columns:
                resize(lines, columns)

    def report_in_a_thread(*_: object) -> None:
        threading.Thread(target=report, daemon=True).start()

    before = signal.signal(signal.SIGWINCH, report_in_a_thread)
    report_in_a_thread()
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
