"""The streams of the process. Whoever reads them may go away, and the work goes on.

Writing never fails. What became of the answer is remembered, and asked for at the end.
"""

from __future__ import annotations

import io
import os
import select
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, TextIO

STDIN, STDOUT, STDERR = 0, 1, 2


class UnfailingFile(io.FileIO):
    """A file that takes all that it is given. ``lost`` is the first error that was met."""

    lost: OSError | None = None

    def write(self, data: Any) -> int:
        """Write what can be written, and drop the rest."""
        try:
            while (written := super().write(data)) is None:
                select.select([], [self], [])  # another process made the stream non-blocking
        except OSError as error:
            self.lost = self.lost or error
            return memoryview(data).nbytes
        return written


def prepare() -> None:
    """Make standard output and standard error unfailing. For the process of ``wb``, at its start.

    A letter that their encoding does not have is written as its number in Unicode.
    """
    _occupy_what_is_closed()
    is_terminal = bool(sys.stdout) and sys.stdout.isatty()
    sys.stdout = _unfailing(STDOUT, sys.stdout, line_buffering=is_terminal)
    sys.stderr = _unfailing(STDERR, sys.stderr, line_buffering=True)


def lost(stream: TextIO) -> OSError | None:
    """Why something that was written to a prepared stream did not arrive, where it did not."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw.lost if isinstance(raw, UnfailingFile) else None


def _occupy_what_is_closed() -> None:
    """Else a file or a socket of ours would get the number, and be written to as the stream."""
    for number in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free


def _unfailing(number: int, before: TextIO | None, *, line_buffering: bool) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(UnfailingFile(number, "wb", closefd=False)),
        encoding=before.encoding if before else "utf-8",
        errors="backslashreplace",
        line_buffering=line_buffering,
    )
