"""Refuse another host for an instance that has containers. wb moves no data."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wb_cli.cli.context import Wb
    from wb_cli.instances.model import Instance


def refuse_moves(wb: Wb, changed: Iterable[tuple[Instance | None, Instance]]) -> list[str]:
    """Refuse that an instance goes to another host while its own has containers of it.

    Give what there is to say of those that may go.

    Raises:
        UsageError: it has containers on its present host.
        EngineUnreachableError: whether it has is not known.
    """
    from wb_cli.instances.hosts import CHOSEN
    from wb_cli.lifecycle.guard.declared import refuse_move
    from wb_cli.lifecycle.planning.desired import instance_path

    texts = []
    for old, new in changed:
        if old is None or old.host == new.host:
            continue
        host = wb.at(old.host)
        refuse_move(old, new, wb.settings, partial(getattr, host, "engine"))
        if wb.secrets.read(new.id):
            texts.append(
                f"{new.id}: nothing was moved: its folders stay in "
                f"{instance_path(old, wb.settings)} on {old.host or CHOSEN}. Copy them to "
                f"{new.host or CHOSEN} before you start it there."
            )
    return texts
