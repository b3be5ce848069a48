"""The terminal that wb runs on, lent to a command; and who is at wb's own streams."""

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


def standard_input() -> int | None:
    """The file descriptor of the input; ``None`` where it is closed."""
    return sys.stdin.fileno() if sys.stdin else None


def is_here() -> bool:
    """Whether a person is at both ends."""
    return all(stream and stream.isatty() for stream in (sys.stdin, sys.stdout))


def wait_until_nobody_reads() -> None:
    """Return when whoever read standard output has gone; for a file that is never."""
    waiting = select.poll()
    waiting.register(sys.stdout.fileno(), 0)  # an error is always told
    waiting.poll()


class Terminal:
    """See :class:`wb_cli.engine.base.Terminal`."""

    @contextmanager
    def lent(self, resize: Callable[[int, int], None]) -> Iterator[None]:
        """Let every key through; tell the size, now and whenever it changes."""
        with _raw(sys.stdin.fileno()), _followed(resize):
            yield


@contextmanager
def _raw(terminal: int) -> Iterator[None]:
    before = termios.tcgetattr(terminal)
    try:
        # At once: what was typed ahead is the command's.
        tty.setraw(terminal, termios.TCSANOW)
        yield
    finally:
        with suppress(termios.error):  # it was closed
            termios.tcsetattr(terminal, termios.TCSANOW, before)


@contextmanager
def _followed(resize: Callable[[int, int], None]) -> Iterator[None]:
    one_at_a_time = threading.Lock()  # so that the last one told is the newest

    def tell() -> None:
        with one_at_a_time, suppress(OSError):
            columns, lines = os.get_terminal_size(sys.stdout.fileno())
            if lines and columns:
                resize(lines, columns)

    def tell_aside(*_: object) -> None:
        threading.Thread(target=tell, daemon=True).start()

    before = signal.signal(signal.SIGWINCH, tell_aside)
    tell_aside()
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
