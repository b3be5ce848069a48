"""Backups and WAL of an instance, by their times and segments."""

from datetime import UTC, datetime
from typing import Any

from wb_cli.backup.moments.stretch import Stretch
from wb_cli.backup.snapshots import Backup

MIB = 1024**2
DAY = 86_400
# Stretches begin in the minute of their names; moments are seconds from midnight on.
MIDNIGHT = datetime(2026, 11, 27, tzinfo=UTC).timestamp()


def at(seconds: float) -> float:
    return MIDNIGHT + seconds


def segment(number: int) -> str:
    return f"00000001{number // 256:08X}{number % 256:08X}"


def stretch(first: int, last: int, until: float, line: str = "a", began: int = 0) -> Stretch:
    name = f"20261127T0000{began:02}Z.{line}"
    return Stretch(name, segment(first), segment(last), 16 * MIB, until and at(until))


def backup(seconds: float, wal: int | None, line: str = "a", **changes: Any) -> Backup:
    """A backup whose copy began in a segment of the WAL."""
    time = datetime.fromtimestamp(at(seconds), UTC).isoformat()
    position = "" if wal is None else f"0/{wal * 16 * MIB + 40:X}"
    given = {"instance": "demo", "id": f"b{seconds}", "manifest": "m", "line": line}
    return Backup(time=time, wal=position, **given | changes)
