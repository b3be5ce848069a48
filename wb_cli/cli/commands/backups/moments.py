"""The moments that an instance can go back to, and the way to one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wb_cli.cli.commands.backups.places import open_repository
from wb_cli.errors import WbError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.backup.moments.spans import Span, Way
    from wb_cli.backup.snapshots import Backup
    from wb_cli.cli.context import Wb
    from wb_cli.instances.model import Instance


def choose_moment(wb: Wb, instance: Instance, to: str) -> Way:
    """Choose the way to a moment: a backup, and the WAL that follows it.

    Raises:
        UsageError: it is no moment, or no way leads there. The message says which there are.
    """
    from datetime import datetime

    from wb_cli.backup.moments.way import find_way
    from wb_cli.backup.snapshots import find_backups
    from wb_cli.engine.log_lines import NANOSECOND
    from wb_cli.observe.logs.options import read_moment

    moment = read_moment("--to", to, datetime.now().astimezone()) / NANOSECOND
    restic = open_repository(wb)
    with wb.console.tasks(has_lines=False) as tasks:
        tasks.update(instance.id, "looking which WAL there is")
        return find_way(wb.fleet, restic, instance, find_backups(restic.list_snapshots()), moment)


def find_moments(
    wb: Wb, instance: str | None, backups: Sequence[Backup]
) -> Sequence[Span] | WbError:
    """Find the moments an instance can go back to with the WAL on its disk; the error if unknown.

    Only an instance whose WAL is received has any.
    """
    from wb_cli.backup.moments.spans import find_spans
    from wb_cli.backup.moments.stretches import list_stretches

    own = find_receiving(wb, instance)
    if own is None:
        return ()
    try:
        return find_spans(backups, list_stretches(wb.fleet, own))
    except WbError as error:
        return error


def find_receiving(wb: Wb, instance: str | None) -> Instance | None:
    """Find an instance by its id, if its WAL is received."""
    own = wb.registry.find(instance) if instance in wb.registry.ids() else None
    return own if own and own.point_in_time else None


def show_moments(wb: Wb, instance: str, moments: Sequence[Span] | WbError) -> None:
    """Show the moments an instance can go back to."""
    if isinstance(moments, WbError):
        wb.console.note(f"unknown which moments it can go back to: {moments.headline}")
        return
    for span in moments:
        wb.console.note(f"it can go back to each moment from {span}")
    if not moments and find_receiving(wb, instance):
        wb.console.note(f"it can go back to no moment yet: `wb backup {instance}` begins it")


def make_documents(moments: Sequence[Span] | WbError) -> list[dict[str, Any]] | None:
    """Make the documents of moments for ``--json``; ``None`` if they are unknown."""
    from wb_cli.quantities import write_moment

    if isinstance(moments, WbError):
        return None
    return [{"begin": write_moment(span.begin), "end": write_moment(span.end)} for span in moments]
