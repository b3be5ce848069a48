"""Remove locks of a repository, and tell what became of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.backup.locks import Lock
    from wb_cli.backup.restic import Restic
    from wb_cli.errors import WbError


class Unlocked(Struct, frozen=True):
    """Which locks of a place were removed, and which are left; or the error that says why none."""

    place: str
    removed: Sequence[Lock] = ()
    left: Sequence[Lock] = ()
    error: WbError | None = None


def unlock(place: Restic, found: Sequence[Lock], *, remove_all: bool) -> Unlocked:
    """Remove the dead ones of the locks that were found at a place, or all."""
    location = place.repository.location
    if not found:
        return Unlocked(location)
    place.unlock(remove_all=remove_all)
    return split(location, found, place.list_locks())


def split(location: str, before: Sequence[Lock], after: Sequence[Lock]) -> Unlocked:
    """Tell the locks that are gone from those that are left. Pure."""
    ids = {lock.id for lock in after}
    return Unlocked(location, [lock for lock in before if lock.id not in ids], after)
