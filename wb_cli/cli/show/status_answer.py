"""The answer of `wb status`: a table of instances, or one instance in full, or JSON."""

from __future__ import annotations

import sys
from itertools import chain
from typing import TYPE_CHECKING

from wb_cli.cli.show.refused import make_documents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.cli.console import Console
    from wb_cli.cli.show.status_look import Older
    from wb_cli.instances.registry_file.refused import RefusedEntry
    from wb_cli.observe.status.instance_state import InstanceStatus


def show(
    console: Console,
    shown: list[InstanceStatus],
    refused: Sequence[RefusedEntry],
    selectors: Sequence[str] = (),
    older: Older | None = None,
    *,
    wide: bool = False,
    is_lost: bool = False,
) -> None:
    """Show what was found. ``older`` is ``None`` if it was not asked for, or is not known."""
    if console.as_json:
        instances = [instance.as_document() for instance in shown]
        document = {"instances": instances, "refused": make_documents(refused)}
        left = None if older is None else sorted(chain.from_iterable(older.values()))
        console.write_json(document | {"older": left})
        return
    from wb_cli.cli.show import status_view as view
    from wb_cli.instances.selectors import ADD_ONE

    older = {host: ids for host, ids in (older or {}).items() if ids}
    if not shown and not refused and not older and not is_lost:
        console.note(f"No instance is declared, and none runs. {ADD_ONE}")
    elif shown and [instance.id for instance in shown] == list(selectors):
        _show_one(console, shown[0], wide=wide)
        refused = ()  # it is the first of the reasons, in full
    elif shown:
        columns = view.choose_columns(shown, wide=wide)
        console.show_table(columns, view.make_fleet_rows(shown, wide=wide))
        if sys.stdout.isatty():
            console.note(view.summarise(shown))
    for doubt in sorted({instance.doubt for instance in shown if instance.doubt}):
        console.note(f"Whether the instances run as declared is not known: {doubt}")
    for host, ids in older.items():
        from wb_cli.instances.hosts import write_options
        from wb_cli.observe.status.reasons import describe_older

        console.note(describe_older(ids, write_options(host) if host else ""))
    for entry in refused:  # in full, because the exit code says that something is wrong
        kind = "the entry is refused" if entry.instance_id else "refused"
        console.note(f"{entry.title}: {kind}: {entry.problem}. {entry.remedy}")


def _show_one(console: Console, instance: InstanceStatus, *, wide: bool) -> None:
    """Show an instance, its containers below, and then each reason in full."""
    from wb_cli.cli.show import status_view as view

    columns = view.choose_columns([instance], wide=wide)
    (row,) = view.make_fleet_rows([instance], wide=wide)
    console.show_table(columns[:-1], [row[:-1]])
    console.write_line()
    containers = view.CONTAINERS_WIDE if wide else view.CONTAINERS
    if instance.parts:
        console.show_table(containers, view.make_container_rows(instance, wide=wide))
    for note in instance.notes:
        console.write_text(f"reason: {note}")
