"""wb repair."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import typer

from wb_cli.cli.context import get_wb
from wb_cli.cli.entries import change_entry_of
from wb_cli.cli.hosts import select_on_one
from wb_cli.cli.options import DryRun, Json, Quiet, Selectors, Verbose, Wait
from wb_cli.cli.show.endings import act_in_steps, show_endings
from wb_cli.cli.show.refused import name_refused
from wb_cli.lifecycle.options import RunOptions, Verb

if TYPE_CHECKING:
    pass


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(repair)


def repair(
    ctx: typer.Context,
    selectors: Selectors,
    dry_run: DryRun = False,
    wait: Wait = 0,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Put in order what was cut off.

    Finishes or undoes a restore, a change of a password or an upgrade whose wb was killed or lost
    its engine, and says which. `wb run` does the same and starts the instance; this starts nothing.

    Examples:
        wb repair demo
        wb repair all --dry-run
    """
    del as_json, verbose, quiet
    from wb_cli.lifecycle.batch import combine_exit_codes
    from wb_cli.upgrade.repair import Repair

    wb, selection = select_on_one(get_wb(ctx), selectors)
    instances = {instance.id: instance for instance in selection.instances}
    endings = act_in_steps(
        wb,
        RunOptions(Verb.REPAIR, wait_s=wait, parallel=1, dry_run=dry_run),
        list(instances),
        lambda id_, options: Repair(
            wb.fleet, instances[id_], options, partial(change_entry_of, wb, id_)
        ).run(),
    )
    show_endings(wb.console, endings, selection.refused)
    return name_refused(wb.console, selection.refused, combine_exit_codes(endings))
