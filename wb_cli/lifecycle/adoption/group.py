"""Find what an older tool left of an instance, in a listing of the engine. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from wb_cli.contract import Part
from wb_cli.instances.registry_file.field_rules import parse_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wb_cli.engine.types import Observed, ObservedContainer, ObservedNetwork


class Group(Struct, frozen=True):
    """The containers and the network that bear an instance's names and none of wb's labels."""

    instance: str
    containers: Mapping[Part, ObservedContainer] = field(default_factory=dict)
    network: ObservedNetwork | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is there."""
        return not self.containers and self.network is None

    @property
    def is_whole(self) -> bool:
        """Whether it has a platform and its database, so that it looks like an instance."""
        return {Part.POSTGRES, Part.PLATFORM} <= set(self.containers)

    def address_of(self, part: Part) -> str:
        """The address of a part on one of its networks. Empty if it has none."""
        container = self.containers.get(part)
        return next(filter(None, container.addresses.values()), "") if container else ""


def find_group(instance_id: str, observed: Observed) -> Group:
    """Find what bears an instance's names and is not wb's."""
    # No older tool receives WAL.
    parts = (part for part in Part if part is not Part.WAL)
    names = {part.container_name(instance_id): part for part in parts}
    return Group(
        instance_id,
        {
            names[container.name]: container
            for container in observed.containers
            if container.name in names and container.labelled_instance is None
        },
        next(
            (
                network
                for network in observed.networks
                if network.name == instance_id and network.instance is None
            ),
            None,
        ),
    )


def find_groups(observed: Observed, declared: Iterable[str]) -> list[Group]:
    """Find all groups that may be instances: a platform with its database, or what is declared."""
    ids = {*declared, *_list_possible_ids(observed)}
    groups = [find_group(instance_id, observed) for instance_id in sorted(ids)]
    known = set(declared)
    return [
        group
        for group in groups
        if not group.is_empty and (group.is_whole or group.instance in known)
    ]


def _list_possible_ids(observed: Observed) -> Iterable[str]:
    for container in observed.containers:
        try:
            yield parse_id(container.name)
        except ValueError:
            continue
