"""Write the lines of logs: as they are, with the part's name and the time, or as JSON."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, TextIO

import msgspec
from msgspec import Struct

from wb_cli.contract import Part

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Sequence

    from wb_cli.cli.console import Console
    from wb_cli.engine.log_lines import LogLine
    from wb_cli.observe.logs.merge import PartLine

COLOURS = {
    Part.POSTGRES: "34",
    Part.VALKEY: "35",
    Part.WAL: "32",
    Part.ADMIN: "33",
    Part.PLATFORM: "36",
}
FOUND, TOLD, DIM = "31;1", "33", "2"
TO_MILLISECONDS = len("2026-01-01T00:00:00.000")
# Lines are written together, but not later than this.
BYTES_TOGETHER, SECONDS_TOGETHER = 1 << 16, 0.05


class LogStyle(Struct, frozen=True):
    """How a line looks. ``parts`` are those that are shown; one alone is not named."""

    parts: tuple[Part, ...]
    has_times: bool = False
    is_coloured: bool = False
    is_json: bool = False
    pattern: re.Pattern[str] | None = None

    @property
    def is_raw(self) -> bool:
        """Whether the bytes of the container stay as they are."""
        return len(self.parts) == 1 and not (self.has_times or self.is_json or self._is_marked)

    @property
    def _is_marked(self) -> bool:
        return self.is_coloured and self.pattern is not None

    def render(self, part: Part, line: LogLine) -> bytes:
        """Give the bytes of a line."""
        if self.is_raw:
            return line.text
        text = line.text.removesuffix(b"\n")
        if self.is_json:
            return _encode(part, line, text)
        return self._render_head(part, line) + self._mark(text) + b"\n"

    def _render_head(self, part: Part, line: LogLine) -> bytes:
        head = ""
        if len(self.parts) > 1:
            name = f"{part.ljust(max(map(len, self.parts)))} |"
            head += self._paint(name, COLOURS[part]) + " "
        if self.has_times:
            head += self._paint(f"{line.moment[:TO_MILLISECONDS]}Z", DIM) + " "
        return head.encode()

    def _mark(self, text: bytes) -> bytes:
        if not self.pattern or not self.is_coloured:
            return text
        shown = text.decode(errors="surrogateescape")
        marked = self.pattern.sub(lambda found: self._paint(found[0], FOUND), shown)
        return marked.encode(errors="surrogateescape")

    def _paint(self, text: str, code: str) -> str:
        return paint(text, code) if self.is_coloured and text else text


class LogWriter:
    """Writes lines of some parts to stdout. ``count`` is the number of lines."""

    def __init__(self, console: Console, style: LogStyle) -> None:
        self._console = console
        self._style = style
        self.parts = style.parts
        self.count = 0

    def write(self, lines: Iterable[PartLine]) -> None:
        """Write lines. Those that come quickly are written together.

        Raises:
            ReaderGoneError: the reader of stdout has gone.
        """
        together, began = bytearray(), time.monotonic()
        for part, line in lines:
            self.count += 1
            together += self._style.render(part, line)
            if len(together) > BYTES_TOGETHER or time.monotonic() - began > SECONDS_TOGETHER:
                self._console.write_bytes(bytes(together))
                together, began = bytearray(), time.monotonic()
        if together:
            self._console.write_bytes(bytes(together))


def tell(console: Console, text: str) -> None:
    """Write a sentence about what happened beside the lines, to stderr."""
    console.note(paint(text, TOLD) if is_coloured(sys.stderr) else text)


def is_coloured(stream: TextIO) -> bool:
    """Whether what is written to a stream has colours."""
    return stream.isatty() and "NO_COLOR" not in os.environ


def paint(text: str, code: str) -> str:
    """Give text a colour."""
    return f"\x1b[{code}m{text}\x1b[0m"


def describe_nothing(parts: Sequence[Part], instance_id: str, *, is_narrow: bool) -> str:
    """Say that no line is shown, as an empty answer could mean many things."""
    what = " and ".join(parts)
    return (
        f"no line of {what} of {instance_id} matches"
        if is_narrow
        else f"{what} of {instance_id} wrote nothing yet"
    )


def _encode(part: Part, line: LogLine, text: bytes) -> bytes:
    document = {
        "time": line.moment,
        "part": part,
        "stream": line.stream,
        "line": text.decode(errors="replace"),
    }
    return msgspec.json.encode(document) + b"\n"
