"""wb autostart install / remove / status."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.context import get_wb
from wb_cli.cli.options import DryRun, Json
from wb_cli.cli.words.group import Group
from wb_cli.errors import ExitCode

if TYPE_CHECKING:
    from wb_cli.cli.context import Wb
    from wb_cli.provision.autostart import Autostart

group = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Bring the fleet back after a reboot.",
)
StartsAll = Annotated[
    bool, typer.Option("--all", help="Start every declared instance, also those that were stopped.")
]


def register(app: typer.Typer) -> None:
    """Add the group to the tree."""
    app.add_typer(group, name="autostart")


@group.command()
def install(
    ctx: typer.Context,
    starts_all: StartsAll = False,
    prints: Annotated[
        bool, typer.Option("--print", help="Print the unit; install nothing.")
    ] = False,
    dry_run: DryRun = False,
) -> int:
    """Install a systemd unit that runs wb at boot.

    After a reboot the engine itself starts what ran. The unit follows, once the engine runs and the
    disk of the data is mounted: `wb run all --present` starts what the engine could not start, and
    leaves alone what was stopped. It can be run again at any time.

    Examples:
        wb autostart install
        wb autostart install --print
    """
    from wb_cli.provision import autostart
    from wb_cli.provision.own_files import Found

    wb = get_wb(ctx)
    wanted = _make(wb, starts_all=starts_all)
    if prints:
        wb.console.write_line(wanted.describe().rstrip())
        return ExitCode.OK
    before = autostart.install(wanted, dry_run=dry_run)
    if before is Found.CURRENT:
        wb.console.write_line(f"{autostart.path()}: installed already; nothing to do.")
        return ExitCode.OK
    done = "would be written and enabled" if dry_run else "written and enabled"
    wb.console.write_line(f"{autostart.path()}: {done} (before: {before}).")
    return ExitCode.OK


@group.command()
def remove(ctx: typer.Context, dry_run: DryRun = False) -> int:
    """Remove the unit; what runs goes on.

    Examples:
        wb autostart remove
    """
    from wb_cli.provision import autostart
    from wb_cli.provision.own_files import Found

    wb = get_wb(ctx)
    before = autostart.remove(_make(wb), dry_run=dry_run)
    if before is Found.ABSENT:
        wb.console.write_line("Not installed; nothing to do.")
        return ExitCode.OK
    done = "would be disabled and removed" if dry_run else "disabled and removed"
    wb.console.write_line(f"{autostart.path()}: {done}.")
    return ExitCode.OK


@group.command()
def status(ctx: typer.Context, starts_all: StartsAll = False, as_json: Json = False) -> int:
    """Show whether the unit is there and current.

    The exit code is 0 if it is, 8 if it is another one than `wb autostart install` would write now,
    and 1 if it is not there or not enabled.

    Examples:
        wb autostart status
    """
    from wb_cli.host.engine_service import has_systemd
    from wb_cli.provision import autostart
    from wb_cli.provision.own_files import Found

    wb = get_wb(ctx)
    found = autostart.look(_make(wb, starts_all=starts_all))
    is_systemd = has_systemd()
    if as_json:
        answer = {"state": found, "unit": str(autostart.path()), "hasSystemd": is_systemd}
        wb.console.write_json(answer)
    else:
        wb.console.write_line(f"{autostart.path()}: {found}")
        if not is_systemd:
            wb.console.note(f"{autostart.NO_SYSTEMD}.")
        elif found is not Found.CURRENT:
            wb.console.note("next: `wb autostart install`")
    codes = {Found.CURRENT: ExitCode.OK, Found.OUTDATED: ExitCode.DIFFERS}
    return codes.get(found, ExitCode.FAILURE)


def _make(wb: Wb, *, starts_all: bool = False) -> Autostart:
    from wb_cli.provision.autostart import Autostart

    program = (sys.executable, "-m", "wb_cli")
    return Autostart(wb.settings, program, os.environ, starts_all)
