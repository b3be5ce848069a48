"""wb status / logs / exec."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.console import StateCell
from wb_cli.cli.context import Id, Json, complete_selector, get_wb
from wb_cli.cli.refused import make_documents
from wb_cli.contract import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.cli.console import Cell, Console
    from wb_cli.instances.refused import RefusedEntry
    from wb_cli.observe.status import InstanceStatus

MaybeSelectors = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SELECTOR]...",
        help="Instances: an id, `@tag`, `server=<version>`, or `all`; without one, all.",
        autocompletion=complete_selector,
        show_default=False,
    ),
]

PartOption = Annotated[Role, typer.Option("--part", help="Which of its containers.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command()(status)
    app.command()(logs)
    app.command("exec", context_settings={"allow_interspersed_args": False})(execute)


def status(ctx: typer.Context, selectors: MaybeSelectors = None, as_json: Json = False) -> int:
    """Show each instance's containers: state, health, since when, ports.

    With the engine down everything is unknown, and the exit code says so.
    """
    del as_json

    from wb_cli.errors import EngineUnreachableError, ExitCode
    from wb_cli.instances.selectors import ADD_ONE, select, select_everything
    from wb_cli.observe.status import describe_unknown, look_at_all

    wb = get_wb(ctx)
    chosen = select(selectors, wb.registry) if selectors else select_everything(wb.registry)
    try:
        shown = look_at_all(
            wb.fleet, chosen.instances, orphans=not selectors, refused=chosen.refused
        )
    except EngineUnreachableError as error:
        _show(wb.console, describe_unknown(chosen.instances, chosen.refused), chosen.refused)
        if not wb.console.as_json:
            wb.console.show_error(error)
        return ExitCode.ENGINE_UNREACHABLE
    if not shown and not chosen.refused and not wb.console.as_json:
        wb.console.note(f"No instance is declared, and none runs. {ADD_ONE}")
        return ExitCode.OK
    _show(wb.console, shown, chosen.refused)
    if not chosen.refused:
        return ExitCode.OK
    return ExitCode.PARTIAL if chosen.instances else ExitCode.USAGE


def logs(
    ctx: typer.Context,
    instance: Id,
    part: PartOption = Role.PLATFORM,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many lines.", min=0)] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as more comes.")] = False,
) -> None:
    """Show what a container of an instance wrote last.

    Examples: `wb logs demo`, `wb logs demo --part postgres --follow`
    """
    from wb_cli.cli.terminal import wait_until_reader_is_gone
    from wb_cli.observe.part_report import describe_ending
    from wb_cli.observe.status import find_container

    wb = get_wb(ctx)
    container = find_container(wb.engine, instance, part, lambda: wb.registry)
    started_at = wb.engine.inspect(container.id).started_at
    if follow:
        for written in wb.engine.follow_logs(container.id, lines, wait_until_reader_is_gone):
            wb.console.write_bytes(written)
    else:
        wb.console.write_bytes(wb.engine.read_logs(container.id, lines).encode())
    if end := describe_ending(wb.engine, container, started_at):
        wb.console.note(f"{end}.")


def execute(
    ctx: typer.Context,
    instance: Id,
    command: Annotated[list[str], typer.Argument(help="The command and its arguments.")],
    part: PartOption = Role.PLATFORM,
    no_tty: Annotated[
        bool, typer.Option("--no-tty", "-T", help="Give it no terminal, though wb has one.")
    ] = False,
) -> int:
    """Run a command in a container of an instance; its exit code becomes wb's.

    Input is passed on. Where input and output are a terminal the command has one, too;
    elsewhere its two outputs stay apart.

    Examples: `wb exec --part postgres demo psql -U postgres`,
    `wb exec --part postgres demo pg_dump -U postgres main > main.sql`
    """
    from wb_cli.cli import terminal
    from wb_cli.engine.base import Streams
    from wb_cli.errors import WbError
    from wb_cli.lifecycle.guard.interrupts import ended_by_signals
    from wb_cli.observe.part_report import describe_ending
    from wb_cli.observe.status import find_container

    wb = get_wb(ctx)
    container = find_container(wb.engine, instance, part, lambda: wb.registry)
    if not container.is_running:
        how = describe_ending(wb.engine, container) or f"{container.name} is {container.state}"
        raise WbError(
            f"{how}, so no command can be run in it",
            f"`wb run {instance}` starts it; `wb logs {instance} --part {part}` shows its end.",
        )
    given = terminal.Terminal() if terminal.is_interactive() and not no_tty else None
    streams = Streams(
        wb.console.write_bytes, wb.console.write_talk_bytes, terminal.find_standard_input(), given
    )
    with ended_by_signals() if given else nullcontext():
        return wb.engine.converse(container.id, command, streams)


def _show(console: Console, shown: list[InstanceStatus], refused: Sequence[RefusedEntry]) -> None:
    if console.as_json:
        instances = [instance.as_document() for instance in shown]
        console.write_json({"instances": instances, "refused": make_documents(refused)})
        return
    rows = [
        (
            instance.id,
            StateCell(instance.state),
            part.role,
            StateCell(part.state),
            part.since,
            part.ports,
            part.detail,
        )
        for instance in shown
        for part in instance.parts
    ]
    headings = ("INSTANCE", "STATE", "CONTAINER", "CONDITION", "SINCE", "PORTS", "DETAIL")
    if rows:
        console.show_table(headings, _leave_out_repetition(rows))
    for instance in shown:
        for note in instance.notes:
            console.note(f"{instance.id}: {note}")
    for entry in refused:
        if not entry.instance_id:  # the others have a row and a note
            console.note(f"{entry.title}: refused: {entry.problem}. {entry.remedy}")


def _leave_out_repetition(rows: Sequence[tuple[Cell, ...]]) -> list[tuple[Cell, ...]]:
    """Leave out an instance's id and state in every row but its first."""
    named: set[Cell] = set()
    shortened = []
    for row in rows:
        shortened.append(("", "", *row[2:]) if row[0] in named else row)
        named.add(row[0])
    return shortened
