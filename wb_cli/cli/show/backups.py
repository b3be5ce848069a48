"""How backups and the work on them look."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from wb_cli.cli.console import make_error_document
from wb_cli.cli.show.tables import Column, Give, StateCell
from wb_cli.quantities import (
    describe_duration,
    describe_moment,
    describe_size,
    shorten_list,
    write_moment,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wb_cli.backup.answers import Repaired
    from wb_cli.backup.manifest import Manifest
    from wb_cli.backup.snapshots import Backup, Proof
    from wb_cli.cli.console import Console
    from wb_cli.cli.show.tables import Cell
    from wb_cli.errors import WbError

COLUMNS = (
    Column("MADE"),
    Column("INSTANCE"),
    Column("BACKUP"),
    Column("AGE", drop=1),
    Column("PROVEN", Give.WRAP),
)
WHERE = Column("WHERE", Give.WRAP)


def show_list(
    console: Console,
    backups: Sequence[tuple[Backup, Sequence[str]]],
    places: Sequence[str],
    instance: str | None,
) -> None:
    """Show the table of backups; with several places also where each backup is."""
    if not backups:
        console.note(f"No backup{f' of {instance}' if instance else ''} is there yet.")
        return
    has_several = len(places) > 1
    columns = (*COLUMNS, WHERE) if has_several else COLUMNS
    rows = [
        (*make_row(backup), ", ".join(where)) if has_several else make_row(backup)
        for backup, where in backups
    ]
    console.show_table(columns, rows)


def make_unread(place: str, error: WbError) -> dict[str, Any]:
    """Make the document of a place whose backups are unknown."""
    return {"repository": place, "error": make_error_document(error)}


def make_checked(place: str, error: WbError | None, repaired: Repaired | None) -> dict[str, Any]:
    """Make the document of a place that was checked, and repaired, where that was asked for."""
    done = {"removed": repaired.removed, "lacksData": repaired.lacks_data} if repaired else {}
    return {
        "repository": place,
        "isSound": error is None and (repaired is None or repaired.was_sound),
        "error": make_error_document(error) if error else None,
        **done,
    }


def describe_checked(place: str, read: str, repaired: Repaired | None) -> str:
    """Describe a place that was checked and could be read."""
    if repaired is None or repaired.was_sound:
        return f"{place}: sound; {'100%' if repaired else read} was read again"
    lacks = "; backups lack data that is gone" if repaired.lacks_data else ""
    return f"{place}: {repaired.removed} damaged files of data are taken out{lacks}"


def make_row(backup: Backup) -> tuple[Cell, ...]:
    """Make the row of a backup."""
    made = datetime.fromisoformat(backup.time).astimezone()
    age = describe_duration(max(0.0, time.time() - made.timestamp()))
    return (
        f"{made:%Y-%m-%d %H:%M:%S}",
        backup.instance,
        backup.short_id,
        age,
        _describe_proof(backup),
    )


def _describe_proof(backup: Backup) -> Cell:
    """Say whether it was proven, when, and how long its restore took."""
    if backup.proof is None:
        return "never tried"
    tried = datetime.fromisoformat(backup.proof.when).astimezone()
    when = f"{tried:%Y-%m-%d %H:%M}"
    match backup.proof.verdict:
        case "proven":
            text = f"{when}, restored in {backup.proof.seconds:.1f} s{_describe_wal(backup.proof)}"
            return StateCell("failed", text) if backup.wal_has_failed else text
        case "failed":
            return StateCell("failed", f"failed at {when}")
        case _:
            return f"could not be checked at {when}"


def _describe_wal(proof: Proof) -> str:
    """Say to which moments the WAL leads that follows it, as far as that was tried."""
    match proof.of_wal:
        case "proven":
            return f", WAL until {describe_moment(proof.until)}"
        case "failed":
            return "; its WAL failed"
        case "unknown":
            return "; its WAL could not be checked"
    return ""


def make_document(backup: Backup, places: Sequence[str]) -> dict[str, Any]:
    """Make the document of a backup for ``--json``."""
    proof = backup.proof
    return {
        "id": backup.id,
        "instance": backup.instance,
        "time": backup.time,
        "base": backup.base or None,
        "repositories": list(places),
        "proof": _make_proof(proof) if proof else None,
    }


def _make_proof(proof: Proof) -> dict[str, Any]:
    until = write_moment(proof.until) if proof.until else None
    return {
        "result": proof.verdict,
        "time": proof.when,
        "restoreSeconds": proof.seconds,
        "wal": {"result": proof.of_wal, "until": until} if proof.of_wal else None,
    }


def describe_manifest(found: Manifest) -> Iterator[str]:
    """Describe what a backup holds, in a few lines."""
    yield f"{found.instance}: {found.snapshot[:8]}, {found.began} to {found.ended}"
    yield f"wb {found.wb}, PostgreSQL {found.postgres}, at {found.wal_position}"
    added = describe_size(found.added_bytes)
    yield f"{describe_size(found.bytes)} in {found.files} files, of which {added} were new"
    why = f" ({found.why_whole})" if found.why_whole else ""
    yield f"databases: changes since {found.base[:8]}" if found.base else f"databases: whole{why}"
    yield f"folders: {', '.join(_describe_folder(found, name) for name in found.folders) or 'none'}"
    yield "cache: it is in the backup" if found.has_cache else "cache: not in the backup"
    for name, why in found.left_out.items():
        yield f"left out: {name} ({why})"
    for database in found.databases:
        rows = sum(table.rows for table in database.tables)
        busy = [table.name for table in database.tables if table.was_written]
        text = f"database {database.name}: {len(database.tables)} tables, {rows} rows"
        yield text + (f"; written meanwhile: {shorten_list(busy)}" if busy else "")


def _describe_folder(found: Manifest, name: str) -> str:
    content = found.contents.get(name)
    if content is None:
        return name
    word = "file" if content.files == 1 else "files"
    return f"{name} ({content.files} {word}, {describe_size(content.bytes)})"
