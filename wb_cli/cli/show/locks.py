"""How the locks of a repository look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wb_cli.backup.owner import read_owner
from wb_cli.cli.console import make_error_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.backup.locks import Lock
    from wb_cli.backup.unlock import Unlocked


def list_lines(unlocked: Unlocked) -> Iterator[str]:
    """Describe what became of the locks of a place that could be read."""
    for lock in unlocked.removed:
        yield f"{unlocked.place}: removed lock {lock}"
    for lock in unlocked.left:
        yield f"{unlocked.place}: left lock {lock}"
    if not (unlocked.removed or unlocked.left):
        yield f"{unlocked.place}: no lock"


def make_document(unlocked: Unlocked) -> dict[str, Any]:
    """Make the document of a place. The locks of one with an error are not known."""
    if unlocked.error:
        return {"repository": unlocked.place, "error": make_error_document(unlocked.error)}
    return {
        "repository": unlocked.place,
        "removed": [_make_lock(lock) for lock in unlocked.removed],
        "left": [_make_lock(lock) for lock in unlocked.left],
        "error": None,
    }


def _make_lock(lock: Lock) -> dict[str, Any]:
    owner = read_owner(lock.hostname)
    return {
        "id": lock.id,
        "host": (owner.machine if owner else lock.hostname) or None,
        "command": owner.verb if owner else None,
        "instance": (owner.instance if owner else "") or None,
        "user": lock.username or None,
        "process": lock.pid or None,
        "lastSeen": lock.time or None,
        "isExclusive": lock.exclusive if lock.time else None,
    }
