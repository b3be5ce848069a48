"""wb history."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.context import get_wb
from wb_cli.cli.hosts import ask_each, go_to, list_hosts
from wb_cli.cli.options import Json, MaybeId
from wb_cli.cli.show.tables import Column, Give, StateCell
from wb_cli.cli.words.param_types import Count
from wb_cli.errors import ExitCode, WbError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wb_cli.cli.context import Wb
    from wb_cli.cli.show.tables import Cell
    from wb_cli.observe.history import PastCommand

OF_INSTANCE = Column("INSTANCE")
COLUMNS = (
    Column("BEGAN"),
    OF_INSTANCE,
    Column("WHO", drop=2),
    Column("COMMAND", Give.CUT, drop=3),
    Column("TOOK", drop=1),
    Column("RESULT", Give.WRAP),
)


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command()(history)


def history(
    ctx: typer.Context,
    instance: MaybeId = None,
    lines: Annotated[
        int,
        typer.Option("--lines", "-n", help="How many commands.", click_type=Count(0), metavar="N"),
    ] = 20,
    as_json: Json = False,
) -> int:
    """Show the last wb commands on instances.

    Who gave which command when, how long it took and how it ended. A command that was killed
    `did not end`. Dry runs are not in it. Each host keeps the history of its own instances.

    Examples:
        wb history
        wb history demo -n 5
    """
    from wb_cli.observe.history import list_instances, read_history

    wb = get_wb(ctx)

    def read(host: Wb) -> tuple[list[PastCommand], bool]:
        """Read the last commands, and whether the instance is known there."""
        with _found(host) as folder:
            known = list_instances(folder)
            return read_history(folder, [instance] if instance else known, lines), instance in known

    names = [go_to(wb, instance).host] if instance else list_hosts(wb)
    if len(names) == 1:
        answers: Mapping[str | None, tuple[list[PastCommand], bool] | WbError]
        answers = {names[0]: read(wb.at(names[0]))}
    else:
        answers = ask_each(wb, names, read, wb.settings.host_timeout)
    errors = [answer for answer in answers.values() if isinstance(answer, WbError)]
    good = [answer for answer in answers.values() if not isinstance(answer, WbError)]
    if instance and not any(is_known for _, is_known in good):
        wb.registry.find(instance)  # raises if there is no such instance
    commands = [command for found, _ in good for command in found]
    commands = sorted(commands, key=lambda command: command.begin.began)[-lines:] if lines else []
    _show(wb, commands, instance, lines)
    for error in () if as_json else errors:
        wb.console.show_error(error)
    return ExitCode.ENGINE_UNREACHABLE if errors else ExitCode.OK


def _show(wb: Wb, commands: Sequence[PastCommand], instance: str | None, lines: int) -> None:
    from wb_cli.instances.selectors import ADD_ONE

    if wb.console.as_json:
        wb.console.write_json({"commands": [command.as_document() for command in commands]})
        return
    if commands:
        columns = [column for column in COLUMNS if column is not OF_INSTANCE or not instance]
        rows = [_make_row(command, of_all=not instance) for command in commands]
        wb.console.show_table(columns, rows)
    elif lines:
        of = f" of {instance}" if instance else ""
        more = "" if wb.registry.ids() else f" {ADD_ONE}"
        wb.console.note(f"No command{of} is recorded yet.{more}")


@contextmanager
def _found(wb: Wb) -> Iterator[Path]:
    """Find the folder of the histories. Those of another machine are copied to this one."""
    from wb_cli.lifecycle.record.beside_registry import find_history

    if wb.is_engine_here:
        yield find_history(wb.settings.servers_file)
        return
    import tempfile

    from wb_cli.lifecycle.guard.far_lock import fetch_history

    with tempfile.TemporaryDirectory(prefix="wb-") as folder:
        if elsewhere := wb.fleet.elsewhere:
            fetch_history(elsewhere.outpost, Path(folder))
        yield Path(folder)


def _make_row(command: PastCommand, *, of_all: bool) -> tuple[Cell, ...]:
    from wb_cli.quantities import describe_duration

    local = datetime.fromisoformat(command.begin.began).astimezone()
    took = describe_duration(command.end.seconds) if command.end else ""
    is_bad = command.has_failed or not command.end
    return (
        f"{local:%Y-%m-%d %H:%M:%S}",
        *([command.instance] if of_all else []),
        command.user,
        command.begin.command,
        took,
        StateCell("failed", command.result) if is_bad else command.result,
    )
