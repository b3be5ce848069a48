"""Try the WAL that follows a backup: replay it on the backup, and check what comes of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.backup.complaints import DamagedError
from wb_cli.backup.copying.base_backup import WAL_FETCHED, WAL_REPLAYED
from wb_cli.backup.moments.fetch_wal import fetch_wal
from wb_cli.backup.moments.following import find_following
from wb_cli.backup.moments.replay import NotReplayedError, Replay, Wal
from wb_cli.backup.moments.stretches import find_folder, list_stretches, note_now
from wb_cli.backup.moments.way import read_stored
from wb_cli.backup.proof import OfWal, Verdict
from wb_cli.errors import WbError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wb_cli.backup.moments.following import Following
    from wb_cli.backup.moments.stretch import Stretch
    from wb_cli.backup.restic import Restic
    from wb_cli.backup.snapshots import Backup
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.machine.base import Machine
    from wb_cli.lifecycle.options import RunOptions


class WalTrial(Struct):
    """Tries the WAL that follows one backup.

    ``own`` are all backups of the instance, newest first. ``instance`` is the one whose WAL is
    received on this machine; without it, the repository alone is looked at.
    """

    fleet: Fleet
    restic: Restic
    own: Sequence[Backup]
    instance: Instance | None
    options: RunOptions

    def find(self, backup: Backup) -> Following | None:
        """Find the WAL that follows the backup.

        Raises:
            WbError: it is not known which WAL there is. Or WAL is received, and none follows the
                newest backup.
        """
        if not backup.wal:
            return None
        self.options.report("looking which WAL follows it")
        near: tuple[Stretch, ...] = ()
        if self.instance:
            note_now(self.fleet, self.instance, marks=False)
            near = list_stretches(self.fleet, self.instance)
        found = find_following(backup, read_stored(self.restic, self.own, math.inf), near)
        if found is None and self.instance and backup == self.own[0]:
            raise WbError("no WAL that was received follows it")
        return found

    def run(self, machine: Machine, image: str, target: Path, following: Following) -> OfWal:
        """Replay the WAL on the copy that was made for it, and say what was found."""
        try:
            wal = self._gather(machine, target / WAL_FETCHED, following)
            Replay(self.fleet, image, target, WAL_REPLAYED, self.options).to_end(wal)
        except (DamagedError, NotReplayedError) as error:
            return OfWal(Verdict.FAILED, reason=error.headline)
        except WbError as error:
            return OfWal(Verdict.UNKNOWN, reason=error.headline)
        return OfWal(Verdict.PROVEN, following.until)

    def _gather(self, machine: Machine, fetched: Path, following: Following) -> Wal:
        stored, near = following.stored, following.near
        if stored:
            numbers = range(following.first, stored.number(stored.last) + 1)
            fetch_wal(machine, self.restic, stored, numbers, fetched, self.options)
        return Wal(
            following.first,
            following.last,
            following.longest.last,
            fetched if stored else None,
            find_folder(self.fleet, self.instance) / near.name if near and self.instance else None,
        )
