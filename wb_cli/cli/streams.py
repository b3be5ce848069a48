"""The standard streams of the process. If their reader goes away, the work still goes on.

Writing never fails. The first error is remembered, and wb asks for it at the end.
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
    """A file whose writes never fail. ``lost`` is the first error of a write."""

    lost: OSError | None = None

    def write(self, data: Any) -> int:
        """Write the data. After an error, drop the rest."""
        try:
            while (written := super().write(data)) is None:
                select.select([], [self], [])  # another process made the stream non-blocking
        except OSError as error:
            self.lost = self.lost or error
            return memoryview(data).nbytes
        return written


def prepare() -> None:
    """Make standard output and standard error unfailing, and a closed input an empty one.

    ``wb`` calls this when it starts. A character that the encoding of an output lacks is written as
    its number in Unicode.
    """
    _open_closed_streams()
    # Python has no object for an input that was closed. An empty one takes its place.
    sys.stdin = sys.stdin or io.TextIOWrapper(
        io.BufferedReader(io.FileIO(STDIN, closefd=False)), encoding="utf-8"
    )
    is_terminal = bool(sys.stdout) and sys.stdout.isatty()
    sys.stdout = _make_unfailing(STDOUT, sys.stdout, line_buffering=is_terminal)
    sys.stderr = _make_unfailing(STDERR, sys.stderr, line_buffering=True)


def find_write_error(stream: TextIO) -> OSError | None:
    """Find the first error of a write to a prepared stream."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw.lost if isinstance(raw, UnfailingFile) else None


def _open_closed_streams() -> None:
    """Open ``/dev/null`` as each standard stream that is closed.

    Otherwise a file or socket of wb would get its number, and wb would write its output there.
    """
    for number in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free


def _make_unfailing(number: int, before: TextIO | None, *, line_buffering: bool) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(UnfailingFile(number, "wb", closefd=False)),
        encoding=before.encoding if before else "utf-8",
        errors="backslashreplace",
        line_buffering=line_buffering,
    )
