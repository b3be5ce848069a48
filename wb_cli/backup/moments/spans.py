"""Choose what brings a database back to a moment: a backup, and the WAL that follows it. Pure.

WAL that was received without a gap from one data folder is a stretch. A backup fits a stretch if it
is of the same data folder (the same line), and was begun when the stretch had begun. From the first
backup that fits up to the end of the stretch, each moment can be gone back to.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wb_cli.backup.moments.stretch import Stretch
    from wb_cli.backup.snapshots import Backup

SHOWN = 5


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
    def first(self) -> int:
        """The number of the first segment that is replayed."""
        return self.stretch.find_segment(self.backup.wal)

    @property
    def last(self) -> int:
        """The number of the last segment that should be needed."""
        return self.stretch.find_last_needed(self.moment)

    @property
    def fetched_bytes(self) -> int:
        """The bytes of WAL that are fetched from the repository; 0 where it is on the disk."""
        return self.replayed_bytes if self.stretch.snapshot else 0

    @property
    def replayed_bytes(self) -> int:
        """The bytes of WAL that are replayed. The databases grow by less than that."""
        return max(0, self.last - self.first + 1) * self.stretch.segment_bytes


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
            unneeded[stretch.name] = stretch.name_segment(first)
    return unneeded


def count_new_bytes(backups: Iterable[Backup], stretches: Iterable[Stretch]) -> int:
    """Count the bytes of WAL that no backup has yet, at most. ``backups`` come newest first."""
    own = list(backups)
    total = 0
    for stretch in stretches:
        newest = next((backup for backup in own if fits(backup, stretch)), None)
        first = stretch.find_segment(newest.wal) if newest else stretch.number(stretch.first)
        total += max(0, stretch.number(stretch.last) - first + 1) * stretch.segment_bytes
    return total


def read_time(text: str) -> float:
    """Read an RFC 3339 time as seconds since the epoch."""
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


def name_moment(moment: float) -> str:
    """Name a moment in this machine's time, so that it can be given to ``--to`` again."""
    local = datetime.fromtimestamp(moment, UTC).astimezone()
    return local.isoformat(
        sep=" ", timespec="seconds" if float(moment).is_integer() else "milliseconds"
    )
