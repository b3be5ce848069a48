"""Put together what was seen of instances on several hosts. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wb_cli.errors import WbError
from wb_cli.instances.hosts import CHOSEN
from wb_cli.observe.status.look import describe_unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wb_cli.instances.model import Instance
    from wb_cli.instances.registry_file.refused import RefusedEntry
    from wb_cli.observe.status.instance_state import InstanceStatus


class Chosen(Struct, frozen=True):
    """The instances and the refused entries of one host that are to be looked at."""

    instances: tuple[Instance, ...] = ()
    refused: tuple[RefusedEntry, ...] = ()

    @property
    def ids(self) -> list[str]:
        """Their ids."""
        refused = (entry.instance_id for entry in self.refused)
        return [*(instance.id for instance in self.instances), *filter(None, refused)]

    def describe_unknown(self, error: WbError) -> Iterator[InstanceStatus]:
        """Describe them while their host does not answer: unknown, and never stopped."""
        for status in describe_unknown(self.instances, self.refused):
            yield replace(status, notes=(*status.notes, error.headline))


def put_together(
    chosen: Mapping[str | None, Chosen],
    seen: Mapping[str | None, Sequence[InstanceStatus] | WbError],
    declared: Mapping[str, str | None],
) -> list[InstanceStatus]:
    """Make one list of what was seen on each host: the declared instances first, each part by id.

    ``declared`` has the host of every instance of the registry file. Containers of an instance on
    another host than its own make no second line. They are told in its own line.
    """
    rows: list[InstanceStatus] = []
    strays: dict[str, list[str | None]] = {}
    for host, answer in seen.items():
        statuses = chosen[host].describe_unknown(answer) if isinstance(answer, WbError) else answer
        for status in statuses:
            if declared.get(status.id, host) == host:
                rows.append(replace(status, host=host))
            else:
                strays.setdefault(status.id, []).append(host)
    rows.sort(key=lambda status: (status.id not in declared, status.id))
    return [_add_strays(status, strays.get(status.id, ())) for status in rows]


def _add_strays(status: InstanceStatus, hosts: Sequence[str | None]) -> InstanceStatus:
    notes = tuple(_describe_stray(status.id, host) for host in hosts)
    return replace(status, notes=(*status.notes, *notes))


def _describe_stray(instance_id: str, host: str | None) -> str:
    back = f"set {instance_id} host={host}" if host else f"unset {instance_id} host"
    return (
        f"it has containers on {host or CHOSEN}, too, where it is not declared: "
        f"`wb config {back}` and `wb stop {instance_id}` stop them"
    )
