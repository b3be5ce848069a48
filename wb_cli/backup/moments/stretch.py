"""WAL that was received without a gap: a stretch of it, and its segments. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NAME = re.compile(r"(\d{8}T\d{6}Z)\.(\w+)")
LOG_BYTES = 0x1_0000_0000


class Segment(NamedTuple):
    """A file of WAL: its name, its bytes, and when it was last written to, since the epoch."""

    name: str
    bytes: int
    written: float = 0.0


class Stretch(Struct, frozen=True):
    """WAL without a gap, as it lies in a folder.

    ``first`` and ``last`` are the names of its segments, each of ``segment_bytes``. All of it is
    there up to ``until``, in seconds since the epoch; 0 if that was never so. ``snapshot`` is the
    one that has it in the repository; "" where it is on the disk. Of those in the repository,
    ``written`` has when each segment was last written to.
    """

    name: str
    first: str
    last: str
    segment_bytes: int
    until: float
    snapshot: str = ""
    written: tuple[tuple[str, float], ...] = ()

    @property
    def began(self) -> str:
        """When it began, so that stretches sort by it."""
        return self.name.partition(".")[0]

    @property
    def line(self) -> str:
        """The data folder that it is of."""
        return self.name.partition(".")[2]

    def has(self, position: str) -> bool:
        """Whether it goes on from a position in the WAL."""
        return self.number(self.first) <= self.find_segment(position)

    def find_segment(self, position: str) -> int:
        """Number the segment of a position: ``0/3000028``."""
        high, _, low = position.partition("/")
        return (int(high, 16) * LOG_BYTES + int(low, 16)) // self.segment_bytes

    def number(self, segment: str) -> int:
        """Number a segment by its name."""
        log, rest = int(segment[8:16], 16), int(segment[16:24], 16)
        return log * (LOG_BYTES // self.segment_bytes) + rest

    def name_segment(self, number: int) -> str:
        """Name a segment by its number."""
        log, rest = divmod(number, LOG_BYTES // self.segment_bytes)
        return f"{self.last[:8]}{log:08X}{rest:08X}"

    def find_last_needed(self, moment: float) -> int:
        """Number the last segment that should be needed to come to a moment.

        It is one more than the first that was written to after the moment. A receiver that was
        away may have fetched more of that time later.
        """
        later = [self.number(segment) for segment, when in self.written if when > moment]
        return min([*(number + 1 for number in later), self.number(self.last)])

    def count(self, position: str) -> int:
        """Count the segments from a position on."""
        return self.number(self.last) - self.find_segment(position) + 1


def parse_stretches(lines: Iterable[str]) -> tuple[Stretch, ...]:
    """Read what was listed: a line for each stretch, with name, first, last, bytes and until."""
    found = []
    for line in lines:
        words = line.split()
        if len(words) == 5 and NAME.fullmatch(words[0]):  # noqa: PLR2004  (those five)
            name, first, last, size, until = words
            found.append(Stretch(name, first, last, int(size), float(until)))
    return tuple(sorted(found, key=lambda each: each.began))


def collect_stretches(
    segments: Iterable[tuple[str, Segment]], untils: Mapping[str, float], snapshot: str
) -> tuple[Stretch, ...]:
    """Make stretches of the segments of a snapshot, each with the name of its stretch."""
    own: dict[str, list[Segment]] = {}
    for stretch, segment in segments:
        own.setdefault(stretch, []).append(segment)
    return tuple(
        Stretch(
            name,
            min(all_).name,
            max(all_).name,
            max(all_).bytes,
            untils.get(name, 0),
            snapshot,
            tuple((segment.name, segment.written) for segment in sorted(all_)),
        )
        for name, all_ in sorted(own.items())
    )
