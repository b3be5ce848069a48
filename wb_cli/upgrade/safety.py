"""The backup that an upgrade can go back to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.backup.restoring.around import back_up
from wb_cli.backup.restoring.restore import Restore
from wb_cli.backup.restoring.restored import Piece
from wb_cli.backup.snapshots import find_backups
from wb_cli.errors import WbError

if TYPE_CHECKING:
    from wb_cli.backup.restic import Restic
    from wb_cli.backup.restoring.restored import Restored
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions


def back_up_first(fleet: Fleet, restic: Restic, instance: Instance, options: RunOptions) -> str:
    """Back up an instance, and give the id of the backup. The caller has the instance's lock.

    Raises:
        WbError: there is no backup, so nothing may be upgraded.
    """
    made = back_up(fleet, restic, instance, options)
    if made.manifest is None:
        raise AssertionError("a backup that is not a dry run has a manifest")
    options.tell(f"first, {made.describe()}")
    return made.manifest.snapshot


def bring_databases_back(
    fleet: Fleet, restic: Restic, instance: Instance, backup: str, options: RunOptions
) -> Restored:
    """Bring the databases of a backup back, and start the instance on them.

    What is there now is backed up first. The caller has the instance's lock.
    """
    known = find_backups(restic.list_snapshots())
    found = next((each for each in known if each.origin == backup), None)
    if found is None:
        raise WbError(
            f"the backup {backup[:8]} from before the upgrade is no longer there",
            "`wb backup list` shows what there is, `wb restore` brings one back; "
            "`--keep-database` leaves the database as it is.",
        )
    only = frozenset({Piece.DATABASES})
    return Restore(fleet, restic, instance, options, only=only).run(found)


def explain_missing_backup(error: WbError) -> WbError:
    """Say that it is the backup that failed, and that nothing was upgraded."""
    return WbError(
        f"not upgraded, as it could not be backed up: {error.message}",
        error.hint or "`--no-backup` upgrades without a way back for the data.",
    )
