"""Whether the hosts have room for instances that are to start."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wb_cli.cli.context import Wb
    from wb_cli.instances.model import Instance


def make_room_check(
    instances: Mapping[str, Instance], hosts: Mapping[str, Wb]
) -> Callable[[str], None]:
    """Make the check for room. Each host is looked at once, before its first instance."""
    checks: dict[str | None, Callable[[str], None] | None] = {}

    def check(id_: str) -> None:
        host = hosts[id_]
        if host.host not in checks:
            neighbours = [instance for instance in instances.values() if hosts[instance.id] is host]
            checks[host.host] = _look_for_room(host, neighbours) if len(neighbours) > 1 else None
        if fits := checks[host.host]:
            fits(id_)

    return check


def _look_for_room(wb: Wb, instances: Sequence[Instance]) -> Callable[[str], None] | None:
    """Look which instances the machine has room for, and say what is not known."""
    from wb_cli.errors import WbError
    from wb_cli.lifecycle.guard import capacity

    try:
        room = capacity.find_room(wb.fleet, instances)
    except WbError:
        return None  # the action meets the same error, and tells it for each instance
    for text in room.unknown:
        wb.console.note(f"{wb.host}: {text}" if wb.host else text)
    return room.check
