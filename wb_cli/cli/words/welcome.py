"""What `wb` alone shows: the first three commands, or the fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.cli.context import get_wb
from wb_cli.errors import ExitCode

if TYPE_CHECKING:
    import typer

FIRST_STEPS = """\
No instance is declared yet. Three commands bring up the first one:

  wb setup              # makes this machine ready
  wb config add demo    # declares an instance
  wb run demo           # starts it

`wb --help` lists all commands."""
WHERE_HELP_IS = "`wb --help` lists all commands."


def welcome(ctx: typer.Context) -> int:
    """Show a newcomer the first three commands, and an operator the fleet, one line each."""
    wb = get_wb(ctx)
    if not wb.registry.instances and not wb.registry.refused:
        wb.console.write_line(FIRST_STEPS)
        return ExitCode.OK
    from wb_cli.cli.commands.status import status

    code = status(ctx)
    wb.console.note(WHERE_HELP_IS)
    return code
