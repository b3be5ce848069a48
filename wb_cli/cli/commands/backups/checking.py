"""wb backup check."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from wb_cli.cli.commands.backups.places import open_places, open_repository
from wb_cli.cli.context import get_wb
from wb_cli.cli.options import Json, Quiet
from wb_cli.cli.show import backups as show
from wb_cli.errors import ExitCode, UsageError, WbError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.backup.answers import Repaired
    from wb_cli.backup.restic import Restic
    from wb_cli.cli.context import Wb

ALL = 100
SHARE = re.compile(
    r"(?P<percent>\d+(?:\.\d+)?)%|[1-9]\d*([KMGT]|/[1-9]\d*)", re.IGNORECASE | re.ASCII
)
NEXT = (
    "`wb backup all --full` stores anew what is missing now; then `wb backup prove` tells which "
    "backups are good"
)


class Checked(NamedTuple):
    """How the check of a place ended, and what a repair did there."""

    place: str
    error: WbError | None
    repaired: Repaired | None

    @property
    def is_sound(self) -> bool:
        """Whether nothing was wrong."""
        return self.error is None and (self.repaired is None or self.repaired.was_sound)


def add_to(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command()(check)


def check(
    ctx: typer.Context,
    read: Annotated[
        str,
        typer.Option(
            metavar="SHARE", help="How much of the data is read again, such as 10% or 2G."
        ),
    ] = "5%",
    repair: Annotated[
        bool, typer.Option("--repair", help="Read all, and take out what is damaged.")
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Check the repository itself and its copies.

    The structure is checked whole. Of the data a share is read again and compared with its
    checksums; `--read 100%` reads all.

    As long as damaged data is in a repository, later backups rely on it, too. `--repair` takes it
    out, and `wb backup all --full` stores anew what was lost. That mends earlier backups as far as
    the data is still the same; `wb backup prove` tells which.

    Examples:
        wb backup check
        wb backup check --read 100%
        wb backup check --repair
    """
    del quiet
    _require_share(read)
    wb = get_wb(ctx)
    places = [open_repository(wb), *open_places(wb)]
    checked = _check_all(wb, places, read, repair=repair)
    is_sound = all(each.is_sound for each in checked)
    if as_json:
        documents = [show.make_checked(*each) for each in checked]
        wb.console.write_json({"places": documents, "isSound": is_sound})
    else:
        _tell(wb, checked, read)
    failed = sum(each.error is not None for each in checked)
    if not failed:
        return ExitCode.OK
    return ExitCode.PARTIAL if failed < len(checked) else ExitCode.FAILURE


def _require_share(read: str) -> None:
    """Refuse what is no share of data, before anything is asked.

    Raises:
        UsageError: it is none.
    """
    found = SHARE.fullmatch(read)
    if not found or (found["percent"] and not 0 < float(found["percent"]) <= ALL):
        raise UsageError(
            f"--read {read!r} is no share of the data",
            "Give a percentage up to 100%, such as 10%, or a size, such as 2G.",
        )


def _check_all(wb: Wb, places: Sequence[Restic], read: str, *, repair: bool) -> list[Checked]:
    """Check each place. Where there is only one, its error is that of the command."""
    doing = "reading all, and taking out what is damaged" if repair else f"reading {read} again"
    checked = []
    with wb.console.tasks() as tasks:
        for place in places:
            location = place.repository.location
            tasks.update(location, f"checking, and {doing}")
            try:
                found = Checked(location, None, _check(place, read, repair=repair))
            except WbError as error:
                if len(places) == 1:
                    raise
                found = Checked(location, error, None)
            checked.append(found)
            tasks.finish(location, "", ok=not found.error)
    return checked


def _check(place: Restic, read: str, *, repair: bool) -> Repaired | None:
    """Check a place, or repair it."""
    if repair:
        return place.repair()
    place.check(read)
    return None


def _tell(wb: Wb, checked: Sequence[Checked], read: str) -> None:
    for each in checked:
        if each.error:
            wb.console.show_error(each.error)
        else:
            wb.console.write_line(show.describe_checked(each.place, read, each.repaired))
    if any(each.repaired and not each.repaired.was_sound for each in checked):
        wb.console.note(NEXT)
