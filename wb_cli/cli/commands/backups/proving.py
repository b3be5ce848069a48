"""wb backup prove."""

from __future__ import annotations

from typing import Annotated

import typer

from wb_cli.cli.commands.backups.backup import At, go_to_host
from wb_cli.cli.commands.backups.looking import look, look_again
from wb_cli.cli.commands.backups.moments import find_receiving
from wb_cli.cli.commands.backups.places import (
    act_with_repository,
    open_repository,
    require_known,
)
from wb_cli.cli.options import Json, Quiet, Verbose, Wait, complete_id
from wb_cli.cli.show.endings import show_endings
from wb_cli.cli.words.param_types import Count, Size


def add_to(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command()(prove)


def prove(
    ctx: typer.Context,
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID]...",
            help="Instances, declared or not; without one, all that have backups, those first "
            "whose last trial is the oldest.",
            autocompletion=complete_id,
            show_default=False,
        ),
    ] = None,
    at: At = "",
    limit: Annotated[
        int | None,
        typer.Option(
            help="Try no more instances than that.", click_type=Count(1), show_default=False
        ),
    ] = None,
    disk: Annotated[
        int | None,
        typer.Option(
            help="Take no more room than that, such as 20g; without it, as WB_BACKUP_PROOF_DISK "
            "says.",
            click_type=Size(),
            show_default=False,
        ),
    ] = None,
    wait: Wait = 0,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Restore backups on trial, and check them.

    The databases come from the repository, a throw-away PostgreSQL without a network starts on
    them, every page is checked, and the tables and rows are compared with those that were there.
    The files of the folders are counted, and some of them are read. The WAL that follows the backup
    (the field pointInTime) is replayed to its end. What could not be checked, or had no room, does
    not count as proven. Nothing of the instance is touched.

    Examples:
        wb backup prove demo
        wb backup prove
        wb backup prove --limit 5 --disk 20g
    """
    del as_json, verbose, quiet
    from wb_cli.backup.prove import Prove
    from wb_cli.backup.snapshots import (
        choose,
        choose_for_trial,
        find_backups,
        group_by_instance,
    )
    from wb_cli.cli.commands.backups.telling import told
    from wb_cli.lifecycle.batch import combine_exit_codes
    from wb_cli.lifecycle.options import RunOptions, Verb

    wb = go_to_host(ctx, ids[0] if ids and len(ids) == 1 else None)
    with told(wb, "backup prove") as outcome:
        backups = find_backups(look(wb, open_repository(wb), wb.console.note))
        for id_ in ids or ():
            require_known(wb, id_, backups)
        chosen = {id_: choose(backups, id_, at) for id_ in ids or choose_for_trial(backups)}
        chosen = dict(list(chosen.items())[:limit])
        groups = group_by_instance(backups)
        room = disk or wb.settings.backup_proof_disk
        outcome.endings = act_with_repository(
            wb,
            RunOptions(Verb.PROVE, wait_s=wait, parallel=1),
            list(chosen),
            lambda id_, options, restic: Prove(
                wb.fleet,
                restic,
                chosen[id_],
                options,
                room,
                groups[id_],
                find_receiving(wb, id_),
            ).run(),
        )
        if outcome.endings:
            look_again(wb, open_repository(wb))
            outcome.code = combine_exit_codes(outcome.endings)
        else:
            wb.console.note("No backup is there yet.")
        show_endings(wb.console, outcome.endings, ())
    return outcome.code
