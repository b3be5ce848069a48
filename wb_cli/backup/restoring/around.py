"""The backups around a restore: of what is there before it, and of what is there after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.backup.make import BackUp
from wb_cli.backup.restoring.replacing import name_trouble
from wb_cli.contract import Part
from wb_cli.errors import WbError
from wb_cli.lifecycle.batch import held
from wb_cli.lifecycle.options import Verb

if TYPE_CHECKING:
    from wb_cli.backup.made import Made
    from wb_cli.backup.restic import Restic
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions


def back_up_first(fleet: Fleet, restic: Restic, instance: Instance, options: RunOptions) -> None:
    """Back up what is there now. What does not run is only kept beside the restored folders."""
    if not fleet.engine.observe().find_running(instance.id, Part.POSTGRES):
        options.tell("it does not run, so what is there now is kept, and not backed up")
        return
    try:
        made = back_up(fleet, restic, instance, options)
    except WbError as error:
        raise WbError(
            "what is there now could not be backed up first, so nothing was changed: "
            f"{error.message}",
            f"{error.hint} `--no-backup` does without; what is there now is kept all the "
            "same.".strip(),
        ) from error
    options.tell(f"first, {made.describe()}")


def back_up_after(fleet: Fleet, restic: Restic, instance: Instance, options: RunOptions) -> None:
    """Back up the restored database, so that it can go back to moments from now on, too.

    The WAL that is received from now on fits no earlier backup. The restore is done in any case.
    """
    try:
        made = back_up(fleet, restic, instance, options)
    except (WbError, InterruptedError) as error:
        options.tell(
            f"it can go back to moments from now on only after `wb backup {instance.id}`, which "
            f"was tried: {name_trouble(error)}"
        )
    else:
        options.tell(f"for moments from now on, {made.describe()}")


def back_up(fleet: Fleet, restic: Restic, instance: Instance, options: RunOptions) -> Made:
    """Back up an instance in the midst of another command, which has the instance's lock."""
    # A backup that is at work has its copy in the same place.
    name = Verb.BACKUP.name_lock(instance.id)
    with held(fleet, name, f"wb {options.verb} {instance.id}", options):
        return BackUp(fleet, restic, instance, options).run()
