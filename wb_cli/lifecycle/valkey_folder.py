"""Look at what lies in Valkey's folder on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.host import folders
from wb_cli.lifecycle.planning.persistence import Kept

if TYPE_CHECKING:
    from pathlib import Path

SNAPSHOT = "dump.rdb"
LOG = "appendonlydir"
MANIFEST = f"{LOG}/appendonly.aof.manifest"
# In a log that was compared with the snapshot, or made from it, by wb: no snapshot is newer.
MARK = f"{LOG}/wb.carried"


def look(folder: Path) -> Kept | None:
    """What a folder of this machine holds; ``None`` where this user may not look."""
    if folders.find_problem(folder):
        return None
    log, snapshot = _is_log_there(folder), folders.is_present(folder / SNAPSHOT)
    is_compared = not log or folders.can_be_present(folder / MARK)
    return Kept(
        snapshot, log, snapshot and not is_compared and _time(folder / SNAPSHOT) > _log_time(folder)
    )


def _is_log_there(folder: Path) -> bool:
    """In a log that is closed to this user there is a manifest for all that is known."""
    if folders.find_problem(folder / LOG) is folders.FolderProblem.UNREADABLE:
        return True
    return folders.is_present(folder / MANIFEST)


def _log_time(folder: Path) -> float:
    return max(map(_time, (folder / LOG).glob("appendonly.aof.*")), default=0)


def _time(path: Path) -> float:
    """When it was last written; 0 where it is gone meanwhile."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0
