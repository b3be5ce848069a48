"""wb backup unlock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.commands.backups.places import open_places, open_repository
from wb_cli.cli.context import get_wb
from wb_cli.cli.options import Json, Quiet, Yes
from wb_cli.cli.show import locks as show
from wb_cli.errors import ExitCode, WbError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.backup.locks import Lock
    from wb_cli.backup.restic import Restic
    from wb_cli.backup.unlock import Unlocked
    from wb_cli.cli.context import Wb

LEFT = (
    "A restic that works gives a sign of life every 5 minutes. Where the owner of a lock is dead "
    "for certain, `wb backup unlock --all` removes it now."
)


def add_to(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command()(unlock)


def unlock(
    ctx: typer.Context,
    remove_all: Annotated[
        bool, typer.Option("--all", help="Remove every lock, after a question.")
    ] = False,
    yes: Yes = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Remove locks whose owners died.

    Whoever works on the repository or a copy of it locks it. A host that lost its power, or a
    killed restic, leaves its lock behind. A lock that gave no sign of life for 30 minutes goes;
    each other one stays, and is named with its host, process and age.

    `--all` shows every lock and asks. Stop its owner first: who works on a repository without a
    lock may lose what it stores to `wb backup forget`.

    Examples:
        wb backup unlock
        wb backup unlock --all
    """
    del quiet
    wb = get_wb(ctx)
    places = [open_repository(wb), *open_places(wb)]
    found = [_look(place) for place in places]
    if remove_all:
        _ask(wb, found, yes=yes)
    done = [
        each if each.error else _unlock(place, each.left, remove_all=remove_all)
        for place, each in zip(places, found, strict=True)
    ]
    if as_json:
        wb.console.write_json({"places": [show.make_document(each) for each in done]})
    else:
        _tell(wb, done)
    failed = sum(each.error is not None for each in done)
    if not failed:
        return ExitCode.OK
    return ExitCode.PARTIAL if failed < len(done) else ExitCode.FAILURE


def _look(place: Restic) -> Unlocked:
    """Look which locks a place has. All of them are left yet."""
    from wb_cli.backup.unlock import Unlocked

    location = place.repository.location
    try:
        return Unlocked(location, left=place.list_locks())
    except WbError as error:
        return Unlocked(location, error=error)


def _ask(wb: Wb, found: Sequence[Unlocked], *, yes: bool) -> None:
    """Show the locks that would go, and ask."""
    locks = [(each.place, lock) for each in found for lock in each.left]
    if not locks:
        return
    if not yes:
        for place, lock in locks:
            wb.console.note(f"{place}: lock {lock}")
    what = "1 lock" if len(locks) == 1 else f"{len(locks)} locks"
    wb.console.confirm(f"Remove {what}, whether the owner lives or not?", yes=yes)


def _unlock(place: Restic, locks: Sequence[Lock], *, remove_all: bool) -> Unlocked:
    from wb_cli.backup import unlock as unlocking

    try:
        return unlocking.unlock(place, locks, remove_all=remove_all)
    except WbError as error:
        return unlocking.Unlocked(place.repository.location, error=error)


def _tell(wb: Wb, done: Sequence[Unlocked]) -> None:
    for each in done:
        if each.error:
            wb.console.show_error(each.error)
            continue
        for line in show.list_lines(each):
            wb.console.write_line(line)
    if any(each.left for each in done):
        wb.console.note(LEFT)
