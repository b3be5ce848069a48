"""wb rollback."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wb_cli.cli.commands.backups.places import open_repository
from wb_cli.cli.context import get_wb
from wb_cli.cli.entries import change_entry_of
from wb_cli.cli.hosts import locate
from wb_cli.cli.options import DryRun, Json, Quiet, Selectors, Verbose, Wait, Yes
from wb_cli.cli.show.endings import act_in_steps, show_endings
from wb_cli.cli.show.refused import name_refused
from wb_cli.cli.words.param_types import Seconds
from wb_cli.lifecycle.options import READY_WITHIN_S, RunOptions, Verb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wb_cli.cli.context import Wb
    from wb_cli.upgrade.rollback import Rollback


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(rollback)


def rollback(
    ctx: typer.Context,
    selectors: Selectors,
    keep_database: Annotated[
        bool,
        typer.Option("--keep-database", help="Leave the database, whatever the version says."),
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    timeout: Annotated[
        float,
        typer.Option(help="How long it may take until it is ready.", click_type=Seconds()),
    ] = READY_WITHIN_S,
    wait: Wait = 0,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Go back to the version from before.

    It is the very image that ran before, whatever has its name now. The database stays, unless the
    newer version says that it changes it (the image's label wb.changes-database). Then it comes
    back from the backup that was made before the upgrade, and what was written since is lost.

    Examples:
        wb rollback demo
        wb rollback @canary --dry-run
    """
    del as_json, verbose, quiet
    from wb_cli.lifecycle.batch import combine_exit_codes

    wb = get_wb(ctx)
    selection = wb.select(selectors)
    hosts = locate(wb, selection.instances)
    ids = list(hosts)
    if not dry_run:
        wb.console.confirm(f"Go back with {', '.join(ids)} to the version from before?", yes=yes)
    make = _make_rollbacks(hosts, keeps_database=keep_database)
    options = RunOptions(Verb.ROLLBACK, timeout, wait, 1, dry_run)
    endings = act_in_steps(wb, options, ids, lambda id_, own: make(id_, own).run(), hosts)
    show_endings(wb.console, endings, selection.refused)
    return name_refused(wb.console, selection.refused, combine_exit_codes(endings))


def _make_rollbacks(
    hosts: Mapping[str, Wb], *, keeps_database: bool
) -> Callable[[str, RunOptions], Rollback]:
    """Make what takes back the upgrade of one instance, once its lock is held."""
    from wb_cli.upgrade.rollback import Rollback
    from wb_cli.upgrade.safety import bring_databases_back
    from wb_cli.upgrade.settling import settle_and_run

    def make(id_: str, options: RunOptions) -> Rollback:
        wb = hosts[id_]
        fleet = wb.fleet
        read_entry = partial(wb.registry_file.read_entry, id_)
        declare = partial(change_entry_of, wb, id_)
        settle_and_run(fleet, read_entry, options, declare, leaves_rollback=True)

        def restore(instance: Any, backup: str, own: RunOptions) -> Any:
            restic = open_repository(wb, own.cancelled, options.verb, id_)
            return bring_databases_back(fleet, restic, instance, backup, own)

        return Rollback(
            fleet,
            wb.images,
            read_entry(),
            options,
            declare,
            restore,
            keeps_database,
        )

    return make
