"""The WAL of an instance in its backups: what is stored with them, and what none of them needs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli import contract
from wb_cli.backup.copying.counting import MAINTENANCE
from wb_cli.backup.moments.spans import count_new_bytes, find_unneeded
from wb_cli.backup.moments.stretches import (
    keep_for_backup,
    let_go,
    list_stretches,
    remove_unneeded,
)
from wb_cli.backup.snapshots import find_backups, group_by_instance
from wb_cli.engine.task import TaskMount
from wb_cli.errors import WbError

if TYPE_CHECKING:
    from wb_cli.backup.copying.counting import Postgres
    from wb_cli.backup.restic import Restic
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions

POSITION = "select pg_current_wal_lsn()"
# What is left of a receiver that is not wanted any more would hold WAL for nobody.
DROP_SLOT = """
select pg_drop_replication_slot(slot_name) from pg_replication_slots
where slot_name = 'wb' and not active
"""


class WalOfBackup(Struct):
    """The WAL of one instance during one backup. Without a receiver there is nothing to do."""

    fleet: Fleet
    instance: Instance
    options: RunOptions

    def find_position(self, database: Postgres) -> str:
        """Find the position from which on WAL can be replayed on the copy that begins now."""
        if self.instance.point_in_time:
            return database.ask(MAINTENANCE, POSITION)
        database.ask(MAINTENANCE, DROP_SLOT)
        return ""

    def count_new_bytes(self, restic: Restic) -> int:
        """Count the bytes of WAL by which the repository may grow."""
        if not self.instance.point_in_time:
            return 0
        # What cannot be read has no WAL, and whoever lists the backups is told of it.
        backups = group_by_instance(find_backups(restic.list_snapshots(lambda _: None)))
        stretches = list_stretches(self.fleet, self.instance)
        return count_new_bytes(backups.get(self.instance.id, []), stretches)

    def keep(self, root: str) -> tuple[TaskMount, ...]:
        """Keep what has come by now, and give what a backup sees of it. It counts without, too."""
        if not self.instance.point_in_time:
            return ()
        try:
            kept = keep_for_backup(self.fleet, self.instance)
        except WbError as error:
            self.options.tell(f"the WAL is not in the backup: {error.headline}")
            return ()
        return (TaskMount(str(kept), f"{root}/{contract.WAL}"),) if kept else ()

    def let_go(self) -> None:
        """Remove what was kept."""
        if self.instance.point_in_time:
            let_go(self.fleet, self.instance)

    def remove_unneeded(self, restic: Restic) -> None:
        """Remove the WAL that no backup needs. The new backup counts already whatever happens."""
        if not self.instance.point_in_time:
            return
        try:
            backups = group_by_instance(find_backups(restic.list_snapshots()))
            unneeded = find_unneeded(
                backups.get(self.instance.id, []),
                list_stretches(self.fleet, self.instance),
                self.fleet.settings.backup_keep_wal_days,
                time.time(),
            )
            remove_unneeded(self.fleet, self.instance, unneeded)
        except WbError as error:
            self.options.tell(f"WAL that is not needed was not removed: {error.headline}")
