"""wb backup schedule."""

from __future__ import annotations

import os
import re
import socket
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.commands.backups.places import PASSED_ON
from wb_cli.cli.context import get_wb
from wb_cli.cli.options import DryRun
from wb_cli.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from wb_cli.cli.console import Console
    from wb_cli.cli.context import Wb
    from wb_cli.provision.schedule import Schedule

USUAL = "01:00"


def add_to(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command()(schedule)


def schedule(
    ctx: typer.Context,
    at: Annotated[
        str, typer.Option("--at", metavar="HH:MM", help="When the backups begin each day.")
    ] = USUAL,
    remove: Annotated[
        bool, typer.Option("--remove", help="Back up by the clock no longer.")
    ] = False,
    dry_run: DryRun = False,
) -> int:
    """Back up by the clock, prove and forget.

    Every day all instances of this machine are backed up that were not stopped. On Sundays the
    backups are proven, and on Saturdays those are forgotten that no rule keeps. systemd's timers do
    it, or cron where there is no systemd: with little priority, at a minute that differs from host
    to host. What the machine slept through is done later. It can be run again at any time.

    Examples:
        wb backup schedule --dry-run
        wb backup schedule --at 23:30
        wb backup schedule --remove
    """
    from wb_cli.provision import schedule as files
    from wb_cli.provision.own_files import Found

    wb = get_wb(ctx)
    wanted = _make(wb, at)
    if remove:
        before = files.remove(wanted, dry_run=dry_run)
        if not before:
            wb.console.write_line("Not scheduled; nothing to do.")
        for path in before:
            done = "would be removed" if dry_run else "removed"
            wb.console.write_line(f"{path}: {done}")
        return ExitCode.OK
    places = (wb.settings.backup_repository, *wb.settings.backup_copies)
    is_elsewhere = not all(place.startswith("/") for place in places)
    needed = [name for name in PASSED_ON if os.environ.get(name)] if is_elsewhere else []
    before = files.install(wanted, needed, dry_run=dry_run)
    if dry_run:
        _print(wb.console, wanted)
    elif set(before.values()) == {Found.CURRENT}:
        wb.console.write_line("Scheduled already; nothing to do.")
    else:
        for path, state in before.items():
            wb.console.write_line(f"{path}: written (before: {state})")
    return ExitCode.OK


def _print(console: Console, wanted: Schedule) -> None:
    from wb_cli.provision.schedule import list_files

    for path, text in list_files(wanted).items():
        console.write_line(f"==> {path} <==")
        console.write_line(text)


def _make(wb: Wb, at: str) -> Schedule:
    from wb_cli.provision.schedule import Schedule

    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", at.strip())
    if not found:
        raise UsageError(f"--at {at!r} is no time of the day, such as {USUAL}")
    program = (sys.executable, "-m", "wb_cli")
    return Schedule(
        wb.settings,
        program,
        os.environ,
        hour=int(found[1]),
        minute=int(found[2]),
        host=socket.gethostname(),
    )
