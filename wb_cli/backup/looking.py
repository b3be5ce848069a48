"""Look into the repository, and keep on this host what was seen there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.backup.snapshots import find_backups, group_by_instance
from wb_cli.errors import WbError
from wb_cli.lifecycle.record.backup_record import (
    Kept,
    find_record,
    note_copies,
    note_problem,
    write_record,
)
from wb_cli.quantities import write_moment, write_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wb_cli.backup.copies import Copied
    from wb_cli.backup.restic import Restic
    from wb_cli.backup.snapshots import Backup, Snapshot
    from wb_cli.instances.host_settings.settings import Settings


def look(
    restic: Restic,
    settings: Settings,
    host: str | None,
    tell: Callable[[str], object] | None = None,
) -> list[Snapshot]:
    """List the snapshots, and keep what `wb status` shows of them.

    Raises:
        WbError: the repository cannot be read. That is kept, too. A single snapshot that cannot be
            read is only told, with ``tell``.
    """
    path, repository = find_record(settings, host), settings.backup_repository
    now = write_now()
    try:
        unread: list[str] = []
        snapshots = restic.list_snapshots(unread.append if tell else None)
    except WbError as error:
        note_problem(path, repository, now, error.headline)
        raise
    if tell and unread:
        note_problem(path, repository, now, unread[0].partition("\n")[0])
        tell(unread[0])
        return snapshots
    write_record(path, repository, now, sum_up(find_backups(snapshots)))
    return snapshots


def note_copied(copied: Iterable[Copied], settings: Settings, host: str | None) -> None:
    """Keep how the copies to further places ended, which `wb doctor` tells."""
    problems = {each.place: each.error.headline if each.error else "" for each in copied}
    note_copies(find_record(settings, host), settings.backup_repository, write_now(), problems)


def sum_up(backups: Iterable[Backup]) -> dict[str, Kept]:
    """Sum up the backups of each instance, which come newest first. Pure."""
    return {instance: _sum_up_one(own) for instance, own in group_by_instance(backups).items()}


def _sum_up_one(own: list[Backup]) -> Kept:
    proven = next((backup for backup in own if backup.proven), None)
    until = max((each.proven.until for each in own if each.proven), default=0.0)
    return Kept(
        oldest=own[-1].time,
        newest=own[0].time,
        proven=proven.time if proven else "",
        restore_seconds=proven.proven.seconds if proven and proven.proven else 0.0,
        has_failed=own[0].has_failed,
        proven_until=write_moment(until) if until else "",
        wal_has_failed=own[0].wal_has_failed,
    )
