"""wb backup copy."""

from __future__ import annotations

import typer

from wb_cli.cli.commands.backups.places import copy_to_places, show_copied
from wb_cli.cli.context import get_wb
from wb_cli.cli.options import Json, Quiet
from wb_cli.errors import ExitCode, UsageError


def add_to(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command()(copy)


def copy(ctx: typer.Context, quiet: Quiet = False, as_json: Json = False) -> int:
    """Copy the backups to the further places.

    Each backup is copied there when it was made (the setting backup_copies). This copies what a
    place missed meanwhile, or all, where it is a new one.

    Examples:
        wb backup copy
    """
    del quiet
    wb = get_wb(ctx)
    if not wb.settings.backup_copies:
        raise UsageError("there is no place to copy to", "WB_BACKUP_COPIES names some.")
    copied = copy_to_places(wb)
    if as_json:
        wb.console.write_json({"copies": [each.as_document() for each in copied]})
    return show_copied(wb, copied, ExitCode.OK)
