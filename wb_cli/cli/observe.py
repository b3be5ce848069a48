"""wb status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.context import Json, complete_selector, wb_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.lifecycle.status import InstanceStatus

MaybeSelectors = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SELECTOR]...",
        help="Instances: an id, `@tag`, `server=<version>`, or `all`; without one, all.",
        autocompletion=complete_selector,
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command()(status)


def status(ctx: typer.Context, selectors: MaybeSelectors = None, as_json: Json = False) -> int:
    """Show each instance's containers: state, health, since when, ports.

    With the engine down everything is unknown, and the exit code says so.
    """
    del as_json

    from wb_cli.errors import EngineUnreachableError, ExitCode
    from wb_cli.lifecycle.status import statuses, unknown

    wb = wb_of(ctx)
    chosen = wb.select(selectors) if selectors else wb.registry.instances
    try:
        shown = statuses(wb.site, chosen, orphans=not selectors)
    except EngineUnreachableError as error:
        _show(ctx, unknown(chosen))
        if not wb.console.as_json:
            wb.console.failure(error)
        return ExitCode.ENGINE_UNREACHABLE
    _show(ctx, shown)
    return ExitCode.OK


def _show(ctx: typer.Context, shown: list[InstanceStatus]) -> None:
    console = wb_of(ctx).console
    if console.as_json:
        console.json({"instances": [each.as_document() for each in shown]})
        return
    if not shown:
        console.note("No instance is declared or running. Add one: `wb config add <id>`.")
        return
    rows = [
        (
            each.id,
            each.state,
            part.role,
            part.state,
            part.since,
            part.ports,
            part.detail,
        )
        for each in shown
        for part in each.parts
    ]
    headings = ("INSTANCE", "STATE", "CONTAINER", "CONDITION", "SINCE", "PORTS", "DETAIL")
    console.table(headings, _without_repetition(rows))
    for each in shown:
        for note in each.notes:
            console.note(f"{each.id}: {note}")


def _without_repetition(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """An instance's name and state stand in its first row alone."""
    seen: set[str] = set()
    shown = []
    for row in rows:
        shown.append(("", "", *row[2:]) if row[0] in seen else row)
        seen.add(row[0])
    return shown
