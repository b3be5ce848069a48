"""wb restore."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.backup.restoring.restored import Piece
from wb_cli.cli.commands.backups.backup import At, To
from wb_cli.cli.commands.backups.moments import choose_moment
from wb_cli.cli.commands.backups.places import (
    act_with_repository,
    choose_backup,
    read_declaration,
)
from wb_cli.cli.context import get_wb
from wb_cli.cli.hosts import go_to
from wb_cli.cli.options import DryRun, Id, Json, Quiet, Verbose, Wait, Yes
from wb_cli.cli.show.endings import act_in_steps, show_endings
from wb_cli.cli.words.param_types import Seconds
from wb_cli.errors import UsageError
from wb_cli.lifecycle.options import READY_WITHIN_S, RunOptions, Verb

if TYPE_CHECKING:
    from collections.abc import Callable

    from wb_cli.backup.restoring.kept import Kept
    from wb_cli.backup.restoring.restored import Restored
    from wb_cli.cli.context import Wb
    from wb_cli.instances.model import Instance


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(restore)


def restore(
    ctx: typer.Context,
    instance: Id,
    at: At = "",
    to: To = "",
    accept: Annotated[
        bool, typer.Option("--accept", help="Remove the folders from before the last restore.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Go back to the folders from before the last restore.")
    ] = False,
    no_backup: Annotated[
        bool, typer.Option("--no-backup", help="Do not back up first what is there now.")
    ] = False,
    dry_run: DryRun = False,
    only: Annotated[
        list[Piece] | None,
        typer.Option("--only", help="Bring back this part alone; repeatable.", show_default=False),
    ] = None,
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
    """Bring a backup back.

    What is there now is backed up first, if it runs. The backup is fetched beside what runs. Then
    the instance stops, the folders are exchanged, and it starts on the restored ones, with an empty
    cache unless the backup has one. If it does not become healthy, the folders from before come
    back by themselves. They are kept in any case, until `--accept`. An instance that this host does
    not know is declared as it was, with its secrets. With `--only` all other data stays as it is.

    With `--to` the databases come back as they were at a moment: the newest backup from before it,
    and the changes since, up to that moment. The field pointInTime makes that possible. All other
    data stays as it is. `wb backup list` shows which moments there are.

    If a restore is cut off, `wb status` says so, and `wb run` puts it in order.

    Examples:
        wb restore demo
        wb restore demo --at 1a2b3c4d
        wb restore demo --to 10m
        wb restore demo --to "2026-11-26 15:04:05"
        wb restore demo --only assets --only sandbox
        wb restore demo --accept
    """
    del as_json, verbose, quiet
    from wb_cli.backup.restoring.kept import Kept
    from wb_cli.backup.restoring.restore import Restore
    from wb_cli.lifecycle.batch import combine_exit_codes
    from wb_cli.lifecycle.exchanging.exchange import Exchange

    given = {"--accept": accept, "--undo": undo, "--only": bool(only)}
    if len(chosen := [name for name, is_given in given.items() if is_given]) > 1:
        raise UsageError(f"{' and '.join(chosen)}: only one of them can be done")
    if to and (at or accept or undo):
        raise UsageError("--to chooses the backup, so it takes no --at, --accept or --undo")
    if at and (accept or undo):
        raise UsageError(
            f"{'--accept' if accept else '--undo'} is about the folders from before, so it takes "
            "no --at",
            "`--at` alone brings that backup back.",
        )
    wb = go_to(get_wb(ctx), instance)
    backup = None
    if not accept and not undo:
        backup = choose_backup(wb, instance, at)
    found, declare = _find(wb, instance, backup.id if backup else "", dry_run=dry_run)
    way = choose_moment(wb, found, to) if to else None
    if not dry_run:
        wb.console.confirm(_ask(instance, accept=accept, undo=undo), yes=yes)
    options = RunOptions(Verb.RESTORE, timeout, wait, 1, dry_run)
    if backup:
        endings = act_with_repository(
            wb,
            options,
            [instance],
            lambda _, own, restic: Restore(
                wb.fleet,
                restic,
                found,
                own,
                backs_up_first=not no_backup,
                only=frozenset(only or ()),
                declare=declare,
                way=way,
            ).run(way.backup if way else backup),
        )
    else:
        endings = act_in_steps(
            wb,
            options,
            [instance],
            lambda _, own: _end(Kept(Exchange(wb.fleet, found), own), accept=accept),
        )
    show_endings(wb.console, endings, ())
    return combine_exit_codes(endings)


def _end(kept: Kept, *, accept: bool) -> Restored:
    return kept.accept() if accept else kept.undo()


def _ask(instance: str, *, accept: bool, undo: bool) -> str:
    if accept:
        return f"Remove the folders of {instance} from before its restore for good?"
    if undo:
        return f"Go back to the folders from before, and lose what {instance} wrote since?"
    return f"Exchange the data of {instance}? What is there now is kept beside it."


def _find(wb: Wb, id_: str, backup: str, *, dry_run: bool) -> tuple[Instance, Callable[[], None]]:
    """Find the entry of the instance, and what declares it.

    One that this host does not know comes from the backup.
    """
    from wb_cli.instances.registry_file.entries import parse_entry

    registry = wb.registry
    if not backup or id_ in {*registry.ids(), *(entry.id for entry in registry.refused)}:
        return registry.find(id_), lambda: None
    entry = read_declaration(wb, backup)
    wb.registry_file.try_out().add(entry)

    def declare() -> None:
        with wb.registry_file.edit() as edit:
            edit.add(entry)
        wb.console.note(f"{id_}: was not declared here; its entry came from the backup")

    if dry_run:
        wb.console.note(f"{id_}: is not declared here; its entry would come from the backup")
    return parse_entry(entry), declare
