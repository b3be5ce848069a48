"""Look which files are in Valkey's folder on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.host import folders
from wb_cli.lifecycle.planning.persistence import ValkeyFiles

if TYPE_CHECKING:
    from pathlib import Path

SNAPSHOT = "dump.rdb"
LOG = "appendonlydir"
MANIFEST = f"{LOG}/appendonly.aof.manifest"
# wb writes this file into a log that it compared with the snapshot, or made from the snapshot. The
# snapshot is not newer than such a log.
MARK = f"{LOG}/wb.carried"


def look(folder: Path) -> ValkeyFiles | None:
    """Look which files a folder holds. ``None`` if this user may not look into it."""
    if folders.find_problem(folder):
        return None
    log, snapshot = _has_log(folder), folders.is_present(folder / SNAPSHOT)
    is_compared = not log or folders.can_be_present(folder / MARK)
    is_outdated = not is_compared and _read_time(folder / SNAPSHOT) > _read_log_time(folder)
    return ValkeyFiles(snapshot, log, may_be_outdated=snapshot and is_outdated)


def _has_log(folder: Path) -> bool:
    """Whether there is a log. One that this user may not look into counts as complete."""
    if folders.find_problem(folder / LOG) is folders.FolderProblem.UNREADABLE:
        return True
    return folders.is_present(folder / MANIFEST)


def _read_log_time(folder: Path) -> float:
    return max(map(_read_time, (folder / LOG).glob("appendonly.aof.*")), default=0)


def _read_time(path: Path) -> float:
    """When a file was last written. 0 if it is gone meanwhile."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0
