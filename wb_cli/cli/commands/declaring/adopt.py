"""wb config import: adopt the entries of another registry file."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.commands.declaring.texts import examples, note, suggest_steps, summarise
from wb_cli.cli.context import get_wb
from wb_cli.cli.options import Json
from wb_cli.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from wb_cli.cli.console import Console
    from wb_cli.instances.declaring.adoption import Adoption


def add_to(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command(
        "import",
        epilog=examples(
            "wb config import /root/old/servers.json --dry-run", "wb config import servers.json"
        ),
    )(import_)


def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A registry file of another host or tool.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be taken; write nothing.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Take over entries of another servers.json.

    Entries that break a rule, or claim an id, port or folder that is taken here, are named and left
    out (exit 3). Unknown fields are kept. What is declared here already stays as it is.
    """
    del as_json
    from wb_cli.instances.declaring.adoption import adopt
    from wb_cli.instances.registry_file.store import RegistryFile, parse_content

    wb = get_wb(ctx)
    content = RegistryFile(file).read_content()
    if content is None:
        raise UsageError(f"there is no file {file}", "Name the servers.json to take over.")
    entries = parse_content(content, str(file))
    registry_file = wb.registry_file
    with nullcontext(registry_file.try_out()) if dry_run else registry_file.edit() as edit:
        adoption = adopt(edit, entries)
    for instance in () if dry_run else adoption.added:
        note(wb, instance.id, "import", "added")
    if wb.console.as_json:
        wb.console.write_json(
            {
                "isDryRun": dry_run,
                "added": [instance.id for instance in adoption.added],
                "unchanged": list(adoption.unchanged),
                "refused": [rejection.as_document() for rejection in adoption.rejected],
                "warnings": [
                    {"line": doubt.line, "id": doubt.id, "warning": doubt.text}
                    for doubt in adoption.doubts
                ],
            }
        )
    else:
        _show(wb.console, adoption, file, dry_run=dry_run)
        pairs = [(None, instance) for instance in adoption.added]
        for step in [] if dry_run else suggest_steps(wb, pairs):
            wb.console.note(f"next: {step}")
    if not adoption.rejected:
        return ExitCode.OK
    return ExitCode.PARTIAL if adoption.added or adoption.unchanged else ExitCode.USAGE


def _show(console: Console, adoption: Adoption, file: Path, *, dry_run: bool) -> None:
    for instance in adoption.added:
        console.write_line(f"+ {instance.id}: {summarise(instance)}")
    for name in adoption.unchanged:
        console.write_line(f"= {name}: is declared here already, just so")
    for rejection in adoption.rejected:
        console.write_line(f"! {rejection.name} (line {rejection.line}): {rejection.problem}")
    for doubt in adoption.doubts:
        console.note(f"warning: {doubt.id} (line {doubt.line}): {doubt.text}")
    words = [f"{len(adoption.added)} added"]
    words += [f"{len(adoption.unchanged)} unchanged"] if adoption.unchanged else []
    words += [f"{len(adoption.rejected)} refused"] if adoption.rejected else []
    written = "; nothing was written" if dry_run else ""
    console.note(f"{file}: {', '.join(words)}{written}")
