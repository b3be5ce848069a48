"""The lines of a container's output, from the frames in which the engine sends them. Pure."""

from __future__ import annotations

import struct
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = struct.Struct(">BxxxL")
STDERR_FRAME = 2
# A longer line is passed on in pieces, so that a container without line ends fills no memory.
LONGEST_LINE = 1 << 20
NANOSECOND = 10**9
DIGITS = 9
SECONDS_LENGTH = len("2026-01-01T00:00:00")


class LogStream(StrEnum):
    """The stream to which a container wrote a line."""

    STDOUT = "stdout"
    STDERR = "stderr"


class LogLine(Struct, frozen=True):
    """A line that a container wrote. ``text`` holds the line's own end, if it has one.

    ``moment`` is RFC 3339 in UTC with nine digits of a second, so moments sort as text.
    """

    moment: str
    stream: LogStream
    text: bytes


class LogWanted(Struct, frozen=True):
    """Which lines of a container's output are wanted.

    ``tail`` is the number of last lines; ``None`` means all. ``since`` and ``until`` are in
    nanoseconds since the epoch; 0 means no limit. With ``follow``, the reading goes on until the
    container ends.
    """

    tail: int | None = None
    since: int = 0
    until: int = 0
    follow: bool = False


def count_nanoseconds(moment: str) -> int:
    """Turn the moment of a line into nanoseconds since the epoch."""
    whole = datetime.fromisoformat(f"{moment[:SECONDS_LENGTH]}+00:00")
    fraction = moment[SECONDS_LENGTH:].strip(".Z").ljust(DIGITS, "0")
    return int(whole.timestamp()) * NANOSECOND + int(fraction)


class LineReader:
    """Makes lines of the engine's frames.

    A frame is a header, a moment, a space, and a line. The engine cuts a long line into several
    frames, and each of them has the moment.
    """

    def __init__(self) -> None:
        self._received = bytearray()
        self._open: dict[LogStream, tuple[str, bytearray]] = {}

    def read(self, data: bytes) -> Iterator[LogLine]:
        """Give the lines that the data complete."""
        self._received += data
        place = 0
        while len(self._received) - place >= HEADER.size:
            stream, length = HEADER.unpack_from(self._received, place)
            end = place + HEADER.size + length
            if end > len(self._received):
                break
            payload = bytes(self._received[place + HEADER.size : end])
            place = end
            which = LogStream.STDERR if stream == STDERR_FRAME else LogStream.STDOUT
            if line := self._add(which, payload):
                yield line
        del self._received[:place]

    def read_end(self) -> Iterator[LogLine]:
        """Give the lines that have no end. The container has written its last."""
        for stream, (moment, text) in self._open.items():
            yield LogLine(moment, stream, bytes(text))
        self._open.clear()

    def _add(self, stream: LogStream, payload: bytes) -> LogLine | None:
        moment, _, text = payload.partition(b" ")
        _, begun = self._open.pop(stream, ("", bytearray()))
        whole = begun + text if begun else text
        if whole.endswith(b"\n") or len(whole) >= LONGEST_LINE:
            return LogLine(moment.decode(), stream, bytes(whole))
        self._open[stream] = (moment.decode(), bytearray(whole))
        return None
