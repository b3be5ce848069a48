"""Choose what brings a database back to a moment: a backup, and the WAL that follows it. Pure.

WAL that was received without a gap from one data folder is a stretch. A backup fits a stretch if it
is of the same data folder (the same line), and was begun when the stretch had begun. From the first
backup that fits up to the end of the stretch, each moment can be gone back to.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wb_cli.backup.snapshots import Backup

NAME = re.compile(r"(\d{8}T\d{6}Z)\.(\w+)")
PARTIAL = ".partial"
LOG_BYTES = 0x1_0000_0000
SHOWN = 5


class Stretch(Struct, frozen=True):
    """WAL without a gap, as it lies in a folder.

    ``first`` and ``last`` are the names of its segments, each of ``segment_bytes``. All of it is
    there up to ``until``, in seconds since the epoch; 0 if that was never so. ``snapshot`` is the
    one that has it in the repository; "" where it is on the disk.
    """

    name: str
    first: str
    last: str
    segment_bytes: int
    until: float
    snapshot: str = ""

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

    @property
    def total_bytes(self) -> int:
        """The bytes of all its segments."""
        return (self.number(self.last) - self.number(self.first) + 1) * self.segment_bytes

    def count(self, position: str) -> int:
        """Count the segments from a position on."""
        return self.number(self.last) - self.find_segment(position) + 1


class Span(Struct, frozen=True):
    """Moments that can be gone back to, in seconds since the epoch, and what leads there.

    ``backups`` come newest first.
    """

    begin: float
    end: float
    stretch: Stretch
    backups: tuple[Backup, ...]

    def __str__(self) -> str:
        return f"{name_moment(self.begin)} to {name_moment(math.floor(self.end))}"

    def choose(self, moment: float) -> Backup:
        """Choose the newest backup from before a moment."""
        return next(each for each in self.backups if read_time(each.time) <= moment)


class Way(Struct, frozen=True):
    """The way to a moment: a backup, and the WAL that is replayed on it.

    ``folder`` has the WAL, unless it is in the repository. ``is_live`` says that it has a commit
    from after the moment, and may grow meanwhile.
    """

    moment: float
    backup: Backup
    stretch: Stretch
    folder: str = ""
    is_live: bool = False

    @property
    def fetched_bytes(self) -> int:
        """The bytes of WAL that are fetched from the repository; 0 where it is on the disk."""
        return self.stretch.total_bytes if self.stretch.snapshot else 0

    @property
    def replayed_bytes(self) -> int:
        """The bytes of WAL that are replayed at most. The databases grow by less than that."""
        return max(0, self.stretch.count(self.backup.wal)) * self.stretch.segment_bytes


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
    segments: Iterable[tuple[str, str, int]], untils: Mapping[str, float], snapshot: str
) -> tuple[Stretch, ...]:
    """Make stretches of the segments of a snapshot: stretch, name, and bytes of each."""
    own: dict[str, list[tuple[str, int]]] = {}
    for stretch, segment, size in segments:
        own.setdefault(stretch, []).append((segment, size))
    return tuple(
        Stretch(name, min(all_)[0], max(all_)[0], max(all_)[1], untils.get(name, 0), snapshot)
        for name, all_ in sorted(own.items())
    )


def find_spans(backups: Iterable[Backup], stretches: Iterable[Stretch]) -> list[Span]:
    """Find the moments that can be gone back to, the oldest first."""
    own = list(backups)
    spans = []
    for stretch in stretches:
        fitting = [backup for backup in own if fits(backup, stretch) and not backup.has_failed]
        usable = tuple(each for each in fitting if math.ceil(read_time(each.time)) <= stretch.until)
        if usable:
            begin = math.ceil(read_time(usable[-1].time))
            spans.append(Span(begin, stretch.until, stretch, usable))
    return sorted(spans, key=lambda span: span.begin)


def fits(backup: Backup, stretch: Stretch) -> bool:
    """Whether the WAL of a stretch can be replayed on a backup."""
    return backup.line == stretch.line and bool(backup.wal) and stretch.has(backup.wal)


def choose_way(instance: str, spans: Sequence[Span], moment: float, now: float) -> Way:
    """Choose the way to a moment.

    Raises:
        UsageError: no way leads there. The message says which moments there are.
    """
    wanted = name_moment(moment)
    if moment > now:
        raise UsageError(f"{wanted} has not come yet", _list(spans))
    for span in reversed(spans):
        if span.begin <= moment <= span.end:
            return Way(moment, span.choose(moment), span.stretch)
    if not spans:
        raise UsageError(
            f"{instance} cannot go back to a moment: no backup has WAL that follows it",
            f"`wb config set {instance} pointInTime=true`, `wb run {instance}` and "
            f"`wb backup {instance}`, in this order, make it possible from then on.",
        )
    raise UsageError(
        f"{instance} cannot go back to {wanted}: {_say_why(spans, moment)}", _list(spans)
    )


def _say_why(spans: Sequence[Span], moment: float) -> str:
    if moment < spans[0].begin:
        return "no backup that is followed by WAL is that old"
    if moment > spans[-1].end:
        return f"its WAL was received until {name_moment(math.floor(spans[-1].end))}"
    before = max(span.end for span in spans if span.end < moment)
    after = min(span.begin for span in spans if span.begin > moment)
    return f"WAL is missing between {name_moment(math.floor(before))} and {name_moment(after)}"


def _list(spans: Sequence[Span]) -> str:
    if not spans:
        return "There is no moment yet that it can go back to."
    return f"It can go back to: {'; '.join(map(str, spans[-SHOWN:]))}."


def find_unneeded(
    backups: Iterable[Backup], stretches: Sequence[Stretch], days: int, now: float
) -> dict[str, str]:
    """Find the WAL that nothing needs: for each stretch the first segment that stays; "" for none.

    What is older than the oldest backup is of no use. WAL from more than ``days`` days ago goes,
    too, but for what the newest backup from before needs. The newest stretch stays: it grows.
    """
    own = list(backups)
    unneeded = {}
    for stretch in stretches:
        fitting = [backup for backup in own if fits(backup, stretch)]  # newest first
        if not fitting:
            if stretch is not stretches[-1]:
                unneeded[stretch.name] = ""
            continue
        limit = now - days * 86_400
        if stretch.until and stretch.until < limit and stretch is not stretches[-1]:
            unneeded[stretch.name] = ""
            continue
        old = [backup for backup in fitting if read_time(backup.time) < limit]
        keeper = old[0] if old else fitting[-1]
        first = min(stretch.find_segment(keeper.wal), stretch.number(stretch.last))
        if first > stretch.number(stretch.first):
            unneeded[stretch.name] = _name_segment(stretch, first)
    return unneeded


def _name_segment(stretch: Stretch, number: int) -> str:
    log, rest = divmod(number, LOG_BYTES // stretch.segment_bytes)
    return f"{stretch.last[:8]}{log:08X}{rest:08X}"


def read_time(text: str) -> float:
    """Read an RFC 3339 time as seconds since the epoch."""
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


def name_moment(moment: float) -> str:
    """Name a moment in this machine's time, so that it can be given to ``--to`` again."""
    local = datetime.fromtimestamp(moment, UTC).astimezone()
    return local.isoformat(
        sep=" ", timespec="seconds" if float(moment).is_integer() else "milliseconds"
    )
