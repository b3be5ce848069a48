"""Find the way to a moment: with the WAL of the instance's disk, or else of the repository."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from wb_cli import contract
from wb_cli.backup.make import ROOT
from wb_cli.backup.moments.spans import (
    Span,
    choose_way,
    find_spans,
    read_time,
)
from wb_cli.backup.moments.stretch import Segment, Stretch, collect_stretches
from wb_cli.backup.moments.stretches import find_folder, list_stretches, note_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.backup.moments.spans import Way
    from wb_cli.backup.restic import Restic
    from wb_cli.backup.snapshots import Backup
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet

STORED = f"{ROOT}/{contract.WAL}"
SEGMENT = re.compile(rf"{STORED}/([^/]+)/([0-9A-F]{{24}})(?:\.partial)?")


def find_way(
    fleet: Fleet, restic: Restic, instance: Instance, backups: Sequence[Backup], moment: float
) -> Way:
    """Find the way to a moment, in seconds since the epoch. ``backups`` come newest first.

    Raises:
        UsageError: no way leads there. The message says which moments there are.
        WbError: it is not known which WAL there is.
    """
    now = datetime.now(UTC).timestamp()
    own = [backup for backup in backups if backup.instance == instance.id]
    is_noted = note_now(fleet, instance)
    stretches = list_stretches(fleet, instance)
    spans = find_spans(own, stretches)
    if not any(span.begin <= moment <= span.end for span in spans):
        spans = _merge(spans, find_spans(own, read_stored(restic, own, moment)))
    way = choose_way(instance.id, spans, moment, now)
    if way.stretch.snapshot:
        return way
    folder = str(find_folder(fleet, instance) / way.stretch.name)
    return replace(way, folder=folder, is_live=is_noted and way.stretch == stretches[-1])


def read_stored(restic: Restic, own: Sequence[Backup], moment: float) -> tuple[Stretch, ...]:
    """Read which WAL the first backup after a moment has; without such a backup, the newest."""
    with_wal = [backup for backup in own if backup.wal]
    later = [backup for backup in with_wal if read_time(backup.time) >= moment]
    holder = next(iter([*later[-1:], *with_wal[:1]]), None)
    if holder is None:
        return ()
    found: list[tuple[str, Segment]] = []

    def see(node: dict[str, Any]) -> None:
        if match := SEGMENT.fullmatch(str(node.get("path", ""))):
            written = read_time(str(node["mtime"]))
            found.append((match[1], Segment(match[2], int(node.get("size", 0)), written)))

    restic.list_files(holder.id, [STORED], see)
    names = sorted({name for name, _ in found})
    untils = {name: _read_until(restic, holder.id, name) for name in names}
    return collect_stretches(found, untils, holder.id)


def _read_until(restic: Restic, snapshot: str, name: str) -> float:
    return float(restic.read_file(snapshot, f"{STORED}/{name}/until").strip() or 0)


def _merge(near: list[Span], stored: list[Span]) -> list[Span]:
    """Add the moments that only the repository leads to. Of the same WAL the disk has more."""
    known = {(span.stretch.name, span.begin) for span in near}
    more = [span for span in stored if (span.stretch.name, span.begin) not in known]
    return sorted([*near, *more], key=lambda span: (span.begin, span.end))
