"""Copy a repository to other places, and tell which backup is where.

What a place missed while it did not answer is copied the next time: only what is missing travels.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli.backup.snapshots import Backup, Snapshot, find_backups
from wb_cli.errors import WbError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from wb_cli.backup.restic import Restic
    from wb_cli.lifecycle.machine.base import Machine


class Copied(Struct, frozen=True):
    """What was copied to a place: so many snapshots, or an error that says why none."""

    place: str
    snapshots: int = 0
    error: WbError | None = None

    def describe(self) -> str:
        """Describe it in a line."""
        if self.error:
            return f"{self.place}: {self.error.headline}"
        return (
            f"{self.place}: {f'{self.snapshots} snapshots copied' if self.snapshots else 'has all'}"
        )

    def as_document(self) -> dict[str, Any]:
        """Give it for ``--json``."""
        return {
            "repository": self.place,
            "isComplete": self.error is None,
            "snapshots": self.snapshots,
            "problem": self.error.message if self.error else "",
        }


def copy_to_places(
    source: Restic,
    places: Iterable[Restic],
    machine: Machine | None,
    report: Callable[[str, str], None],
) -> list[Copied]:
    """Copy to each place what it does not have. One that fails keeps no other from its copy.

    ``report`` gets the place, and how far its copy is.
    """
    return [_copy(source, place, machine, report) for place in places]


def _copy(
    source: Restic,
    place: Restic,
    machine: Machine | None,
    report: Callable[[str, str], None],
) -> Copied:
    location = place.repository.location
    report(location, "looking what it has")
    try:
        _refuse_own_place(location, source.repository.location)
        if place.repository.is_folder:
            _require_folder(location, machine)
        if not place.is_there():
            place.make_like(source.repository)
        count = place.copy_from(source.repository, lambda text: report(location, text))
    except WbError as error:
        return Copied(location, error=error)
    return Copied(location, count)


def _refuse_own_place(location: str, source: str) -> None:
    """Refuse a place in the repository itself: what is lost with it is no copy."""
    if Path(location).is_relative_to(source):
        raise WbError(
            f"{location} is in the repository itself, so it is no copy",
            "WB_BACKUP_COPIES names other places, best on other machines.",
        )


def _require_folder(location: str, machine: Machine | None) -> None:
    """Refuse to make the folder of a copy: where its disk is not mounted, it would be elsewhere."""
    if machine and not machine.is_present(Path(location)):
        raise WbError(
            f"the folder {location} is not there",
            f"Is its disk mounted? Make the folder once: `mkdir -p {location}`.",
        )


def find_everywhere(found: Mapping[str, Iterable[Snapshot]]) -> list[tuple[Backup, list[str]]]:
    """Find the backups of all places, newest first, each with the places that have it. Pure."""
    known: dict[str, tuple[Backup, list[str]]] = {}
    for place, snapshots in found.items():
        for backup in find_backups(snapshots):
            known.setdefault(backup.origin, (backup, []))[1].append(place)
    return sorted(known.values(), key=lambda each: each[0].time, reverse=True)
