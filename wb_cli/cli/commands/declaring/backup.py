"""wb config backup, restore: copies of the registry file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wb_cli.cli.commands.declaring.edit import Force, note_changes, refuse_lost_containers
from wb_cli.cli.commands.declaring.texts import examples, suggest_steps
from wb_cli.cli.context import Wb, get_wb
from wb_cli.cli.options import Json, Yes
from wb_cli.cli.show.tables import Column
from wb_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.instances.declaring.comparison import Comparison
    from wb_cli.instances.registry_file.backups import Backup


def add_to(app: typer.Typer) -> None:
    """Add the commands to the group."""
    app.command(
        epilog=examples(
            "wb config backup", "wb config backup /mnt/usb/servers.json", "wb config backup --list"
        )
    )(backup)
    app.command(
        epilog=examples("wb config restore latest --dry-run", "wb config restore old.json --yes")
    )(restore)


DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change; write nothing.")]


def backup(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(help="Where to write; else beside the registry file, with the time."),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the copies there are.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
    as_json: Json = False,
) -> None:
    """Copy the registry file.

    The copy may hold secrets, so only its owner may read it.
    """
    del as_json
    from wb_cli.instances.registry_file import backups

    wb = get_wb(ctx)
    path = wb.registry_file.path
    if list_:
        _show_list(wb, backups.list_all(path))
        return
    content = wb.registry_file.read_content()
    if content is None:
        raise UsageError(f"there is no registry file {path} yet", "`wb config add <id>` begins it.")
    now = datetime.now(UTC)
    made = _write(file, content, now, force=force) if file else backups.make(path, content, now)
    if wb.console.as_json:
        wb.console.write_json({"backups": [_make_document(made)]})
        return
    entries = _count_entries(made.path)
    if entries is None:
        wb.console.note(f"warning: {path} cannot be read as it is; the copy is the same")
    wb.console.write_line(f"{made.path}: {_describe_count(entries)}")


def _write(file: Path, content: bytes, moment: datetime, *, force: bool) -> Backup:
    from wb_cli.instances.files import write_atomically
    from wb_cli.instances.registry_file import backups

    if file.is_dir():
        raise UsageError(f"{file} is a folder", f"Name a file in it: `{file}/servers.json`.")
    try:
        if force:
            write_atomically(file, content, mode=backups.MODE)
        else:
            backups.write_new(file, content)
    except FileExistsError:
        raise UsageError(f"{file} exists", "Choose another name, or add --force.") from None
    return backups.Backup(file.absolute(), moment)


def _show_list(wb: Wb, found: Sequence[Backup]) -> None:
    from wb_cli.quantities import describe_age

    if wb.console.as_json:
        wb.console.write_json({"backups": [_make_document(each) for each in found]})
        return
    if not found:
        wb.console.note("There are no copies yet: `wb config backup` makes one.")
        return
    rows = []
    for each in found:
        age = describe_age(each.made.isoformat())
        rows.append((each.path.name, age, _describe_count(_count_entries(each.path))))
    wb.console.show_table((Column("COPY"), Column("AGE"), Column("HOLDS")), rows)


def _make_document(backup: Backup) -> dict[str, Any]:
    return {
        "path": str(backup.path),
        "made": backup.made.isoformat(timespec="seconds"),
        "bytes": backup.size,
        "entries": _count_entries(backup.path),
    }


def _count_entries(path: Path) -> int | None:
    """Count the entries of a copy; ``None`` if it cannot be read as a registry file."""
    from wb_cli.errors import WbError
    from wb_cli.instances.registry_file.store import RegistryFile, parse_content

    try:
        return len(parse_content(RegistryFile(path).read_content(), str(path)))
    except WbError:
        return None


def _describe_count(entries: int | None) -> str:
    if entries is None:
        return "what is no registry file"
    return f"{entries} {'instance' if entries == 1 else 'instances'}"


def restore(
    ctx: typer.Context,
    file: Annotated[
        str, typer.Argument(help="`latest`, the name of a copy, or the path of any file.")
    ],
    dry_run: DryRun = False,
    force: Force = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Put a copy in the registry file's place.

    It is checked first, and the differences are shown. The file that it replaces is kept as a copy.
    """
    del as_json
    from wb_cli.instances.declaring.draft import judge_whole
    from wb_cli.instances.registry_file import backups
    from wb_cli.instances.registry_file.store import RegistryFile

    wb = get_wb(ctx)
    path = backups.choose(wb.registry_file.path, file)
    content = RegistryFile(path).read_content() or b""
    seen = wb.registry_file.read_content()
    comparison = judge_whole(content, seen, str(path))
    if not force:
        refuse_lost_containers(wb, comparison)
    if not wb.console.as_json:
        for change in comparison.changes:
            wb.console.write_line(str(change))
    kept = None
    if not dry_run and content != seen:
        count = len(comparison.changes)
        question = f"Restore {wb.registry_file.path} from {path}? That changes {count} instances."
        wb.console.confirm(question, yes=yes)
        kept = _replace(wb, content, seen)
        note_changes(wb, comparison)
    _report(wb, path, kept, comparison, dry_run=dry_run)


def _replace(wb: Wb, content: bytes, seen: bytes | None) -> Backup | None:
    """Replace the file, if nobody has changed it since its differences were shown."""
    from wb_cli.instances.registry_file import backups

    made: list[Backup] = []

    def decide(present: bytes | None) -> bytes:
        if present != seen:
            raise UsageError(
                "somebody else has changed the registry file meanwhile",
                "Nothing was changed. Repeat the command to see what is different now.",
            )
        if present is not None:
            made.append(backups.make(wb.registry_file.path, present, datetime.now(UTC)))
        return content

    wb.registry_file.rewrite(decide)
    return made[0] if made else None


def _report(
    wb: Wb, path: Path, kept: Backup | None, comparison: Comparison, *, dry_run: bool
) -> None:
    if wb.console.as_json:
        document = {
            "file": str(path),
            "isDryRun": dry_run,
            "kept": str(kept.path) if kept else None,
            "changes": [change.as_document() for change in comparison.changes],
        }
        wb.console.write_json(document)
        return
    if dry_run:
        wb.console.note("nothing was written")
        return
    if not comparison.changes:
        wb.console.note("nothing was changed: both declare the same")
    if kept:
        wb.console.note(f"the file of before is kept: {kept.path}")
    for step in suggest_steps(wb, comparison.changed_instances):
        wb.console.note(f"next: {step}")
