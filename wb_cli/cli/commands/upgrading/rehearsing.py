"""wb upgrade --rehearse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.cli.commands.backups.places import act_with_repository
from wb_cli.cli.show.endings import show_endings
from wb_cli.cli.show.refused import name_refused
from wb_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wb_cli.cli.context import Wb
    from wb_cli.instances.selectors import Selection
    from wb_cli.lifecycle.ended import Ended
    from wb_cli.lifecycle.options import RunOptions
    from wb_cli.upgrade.rehearsing.budget import Budget
    from wb_cli.upgrade.rehearsing.rehearsed import Rehearsed


def show_rehearsal(
    wb: Wb, selection: Selection, to: str, options: RunOptions, budget: Budget, page: Path | None
) -> int:
    """Rehearse the upgrade of each instance, one after another, and show what would differ."""
    from wb_cli.upgrade.rehearsing.rehearse import Rehearsal
    from wb_cli.upgrade.rehearsing.rehearsed import combine

    if page:
        _require_folder(page)
    endings = act_with_repository(
        wb,
        options,
        [instance.id for instance in selection.instances],
        lambda id_, own, restic: Rehearsal(
            wb.fleet, wb.images, restic, wb.registry_file.read_entry(id_), to, own, budget
        ).run(),
    )
    if page:
        _write(wb, page, endings)
    show_endings(wb.console, endings, selection.refused, {"page": str(page) if page else None})
    code = combine(ended.exit_code for ended in endings)
    return name_refused(wb.console, selection.refused, code)


def _require_folder(page: Path) -> None:
    """Refuse a page that cannot be written before an hour of work, not after it."""
    if page.is_dir() or not page.parent.is_dir():
        raise UsageError(f"--page {page} is no file in a folder that is there")


def _write(wb: Wb, page: Path, endings: Sequence[Ended[Rehearsed]]) -> None:
    from wb_cli.instances.files import write_atomically
    from wb_cli.quantities import write_now
    from wb_cli.upgrade.rehearsing.page import write_page

    found = [ended.result for ended in endings if ended.result]
    failed = {ended.instance: ended.error.message for ended in endings if ended.error}
    write_atomically(page, "".join(write_page(found, failed, write_now())).encode())
    wb.console.note(f"wrote {page}")


def refuse_others(
    rehearses: bool, only_with_it: Mapping[str, object], never_with_it: Mapping[str, object]
) -> None:
    """Refuse options that do not go with ``--rehearse``, or not without it.

    Raises:
        UsageError: one was given.
    """
    for name, value in (never_with_it if rehearses else only_with_it).items():
        if value and rehearses:
            raise UsageError(f"--rehearse and {name}: only one of them can be done")
        if value:
            raise UsageError(f"{name} is for a rehearsal", "Give --rehearse as well.")
