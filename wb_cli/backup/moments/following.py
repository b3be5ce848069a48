"""The WAL that follows a backup: what a trial of the backup replays, too. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.backup.moments.spans import fits, read_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wb_cli.backup.moments.stretch import Stretch
    from wb_cli.backup.snapshots import Backup


class Following(Struct, frozen=True):
    """The WAL that follows a backup: in the repository, on the disk, or in both.

    In both it is of one stretch, of which the disk has more.
    """

    backup: Backup
    stored: Stretch | None = None
    near: Stretch | None = None

    @property
    def longest(self) -> Stretch:
        """The stretch as it is where it has the most."""
        found = [each for each in (self.stored, self.near) if each]
        return max(found, key=lambda each: (each.last, each.until))

    @property
    def first(self) -> int:
        """The number of the first segment that is replayed."""
        return self.longest.find_segment(self.backup.wal)

    @property
    def last(self) -> int:
        """The number of the last segment."""
        return self.longest.number(self.longest.last)

    @property
    def until(self) -> float:
        """Up to when all WAL is there, in seconds since the epoch."""
        return self.longest.until

    @property
    def room(self) -> int:
        """The bytes of WAL that are fetched, and of what it may add to the databases."""
        fetched = self.stored.count(self.backup.wal) if self.stored else 0
        return (fetched + self.last - self.first + 1) * self.longest.segment_bytes


def find_following(
    backup: Backup, stored: Iterable[Stretch], near: Iterable[Stretch]
) -> Following | None:
    """Find the WAL that follows a backup; ``None`` if there is none.

    Where the repository and the disk have different WAL, the one that leads further is taken.
    """
    in_repository, on_disk = _find_longest(backup, stored), _find_longest(backup, near)
    if in_repository and on_disk and in_repository.name != on_disk.name:
        if in_repository.until >= on_disk.until:
            on_disk = None
        else:
            in_repository = None
    return Following(backup, in_repository, on_disk) if in_repository or on_disk else None


def _find_longest(backup: Backup, stretches: Iterable[Stretch]) -> Stretch | None:
    fitting = [
        each
        for each in stretches
        if fits(backup, each)
        and each.until >= read_time(backup.time)
        and each.count(backup.wal) > 0
    ]
    return max(fitting, key=lambda each: each.until, default=None)
