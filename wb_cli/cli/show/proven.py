"""The last proven backup, in a cell of a table: how old it is, and how long its restore took."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from wb_cli.cli.show.tables import StateCell
from wb_cli.errors import WbError
from wb_cli.observe.backups import measure_age
from wb_cli.quantities import describe_duration

if TYPE_CHECKING:
    from wb_cli.cli.show.tables import Cell
    from wb_cli.observe.backups import BackupStatus

UNKNOWN, NONE = "?", "-"


def show_proven(status: BackupStatus | WbError | None) -> Cell:
    """Show what would be lost, and how long one would wait: ``2d / 40s``.

    Where WAL was replayed on it, that is lost which is newer than the WAL: ``2d / 40s, WAL 3h``.
    """
    if isinstance(status, WbError):
        return UNKNOWN
    if status is None or status.kept is None:
        return NONE
    kept = status.kept
    if not kept.proven:
        return StateCell("failed" if kept.has_failed else "degraded", "never proven")
    age = describe_duration(measure_age(kept.proven, time.time()))
    text = f"{age} / {describe_duration(kept.restore_seconds)}"
    if kept.proven_until:
        text += f", WAL {describe_duration(measure_age(kept.proven_until, time.time()))}"
    return StateCell("failed", text) if kept.has_failed or kept.wal_has_failed else text
