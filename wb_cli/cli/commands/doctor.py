"""wb doctor."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.context import get_wb
from wb_cli.cli.hosts import describe_left_out
from wb_cli.cli.options import Json, Quiet, complete_selector

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wb_cli.cli.console import Console
    from wb_cli.observe.doctor.facts import Facts
    from wb_cli.observe.doctor.finding import Finding, Severity


def _complete_code(incomplete: str) -> list[str]:
    from wb_cli.observe.doctor.table import list_checks

    return [code for code in list_checks() if code.startswith(incomplete)]


MaybeSelectors = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SELECTOR]...",
        help="Only these instances; without one, the machine and all instances.",
        autocompletion=complete_selector,
        show_default=False,
    ),
]
Ignored = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        metavar="CODE",
        help="Do not look for this; repeatable. The code stands before each finding.",
        autocompletion=_complete_code,
    ),
]
MOST_COLUMNS = 100


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(doctor)


def doctor(
    ctx: typer.Context,
    selectors: MaybeSelectors = None,
    ignore: Ignored = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Find what is wrong or soon will be.

    Each finding says why it matters, and which command mends it. Nothing is changed.

    Examples:
      wb doctor
      wb doctor @field
      wb doctor --ignore docker-socket
    """
    del as_json, quiet

    from wb_cli.errors import ExitCode
    from wb_cli.observe.doctor.finding import choose_exit_code
    from wb_cli.observe.doctor.look import look
    from wb_cli.observe.doctor.table import choose_checks, examine

    wb = get_wb(ctx)
    checks = choose_checks(ignore or ())
    facts = look(
        selectors or (),
        wb.registry_file,
        wb.settings,
        wb.secrets,
        lambda: wb.engine,
        host=wb.chosen,
    )
    findings = examine(facts, checks)
    if wb.console.as_json:
        _write_json(wb.console, findings)
    else:
        if not wb.console.is_quiet:
            _show(wb.console, findings)
        wb.console.write_line(_sum_up(findings, facts, len(checks)))
        if left_out := describe_left_out(wb, "doctor"):
            wb.console.note(left_out)
    is_engine_down = facts.engine_error is not None
    return ExitCode.ENGINE_UNREACHABLE if is_engine_down else choose_exit_code(findings)


def _write_json(console: Console, findings: Sequence[Finding]) -> None:
    from wb_cli.observe.doctor.finding import Severity, count_by_severity

    counts = count_by_severity(findings)
    console.write_json(
        {
            "findings": [finding.as_document() for finding in findings],
            "counts": {severity: counts.get(severity, 0) for severity in Severity},
        }
    )


def _show(console: Console, findings: Sequence[Finding]) -> None:
    """Show the findings by severity, the worst first."""
    severity = None
    for finding in findings:
        if finding.severity is not severity:
            severity = finding.severity
            console.write_line(severity.upper())
        for line in _write_lines(finding):
            console.write_line(line)
        console.write_line()


def _write_lines(finding: Finding) -> Iterator[str]:
    yield from _wrap(f"{finding.code}: {', '.join(finding.subjects)}", "  ")
    yield from _wrap(finding.what, "    ")
    yield from _wrap(f"why: {finding.why}", "    ")
    for command in finding.shown_commands:
        yield f"    mend: {command}"  # in one line, to be copied
    if finding.hint:
        yield from _wrap(finding.hint, "          ")


def _wrap(text: str, indent: str) -> list[str]:
    """Break a text between words on a terminal. Elsewhere it is one line."""
    if not sys.stdout.isatty():
        return [indent + text]
    width = min(shutil.get_terminal_size().columns, MOST_COLUMNS)
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _sum_up(findings: Sequence[Finding], facts: Facts, checks: int) -> str:
    from wb_cli.observe.doctor.finding import count_by_severity

    number = len(facts.known) + len(facts.refused)
    looked_at = f"{number} instance{'' if number == 1 else 's'}"
    if facts.chooses_all:
        looked_at = f"this machine and {looked_at}"
    counts = count_by_severity(findings)
    found = ", ".join(_count(severity, count) for severity, count in counts.items())
    return f"{found or 'nothing found'}: {checks} checks of {looked_at}"


def _count(severity: Severity, count: int) -> str:
    is_noun = severity in {"warning", "notice"}
    return f"{count} {severity}{'s' if is_noun and count > 1 else ''}"
