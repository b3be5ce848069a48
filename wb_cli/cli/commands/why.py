"""wb why."""

from __future__ import annotations

import typer

from wb_cli.cli.context import get_wb
from wb_cli.cli.hosts import go_to
from wb_cli.cli.options import Id, Json


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command()(why)


def why(ctx: typer.Context, instance: Id, as_json: Json = False) -> int:
    """Say why an instance stands as it does.

    One line with the cause, then the evidence for it, and the command that mends it.

    Examples:
        wb why demo
        wb why demo --json
    """
    from wb_cli.errors import ExitCode
    from wb_cli.observe.why.causes import explain
    from wb_cli.observe.why.collect import collect
    from wb_cli.observe.why.finding import Cause

    wb = go_to(get_wb(ctx), instance)
    finding = explain(collect(instance, wb.settings, wb.registry, lambda: wb.fleet))
    if as_json:
        wb.console.write_json(finding.as_document(instance))
    else:
        wb.console.write_text(finding.line)
        for fact in finding.evidence:
            is_of_a_log = fact.startswith(" ")
            write = wb.console.write_line if is_of_a_log else wb.console.write_text
            write(f"  {fact}")
        if finding.remedy:
            wb.console.note(f"next: {finding.remedy}")
    is_away = finding.cause is Cause.ENGINE_AWAY
    return ExitCode.ENGINE_UNREACHABLE if is_away else ExitCode.OK
