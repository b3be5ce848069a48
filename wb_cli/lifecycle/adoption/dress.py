"""See the containers and the network of an older tool as if they were wb's."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from wb_cli.contract import Part
from wb_cli.errors import WbError
from wb_cli.lifecycle.planning.desired import common_labels
from wb_cli.lifecycle.planning.observed_instance import ObservedInstance
from wb_cli.lifecycle.planning.takeover import dress_container, dress_network

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import Observed, ObservedContainer
    from wb_cli.lifecycle.adoption.group import Group
    from wb_cli.lifecycle.adoption.handover import Handover
    from wb_cli.lifecycle.fleet import Fleet


def dress_group(fleet: Fleet, group: Group, left: Handover | None = None) -> ObservedInstance:
    """Dress what an older tool runs. What an interrupted takeover dressed keeps its labels."""
    known = {container.name: container for container in left.containers} if left else {}
    containers = tuple(
        replace(container, labels=known[container.name].labels)
        if container.name in known
        else dress_container(
            container, group.instance, part, _read_command(fleet.engine, part, container)
        )
        for part, container in group.containers.items()
    )
    labels = common_labels(fleet.settings)
    networks = (dress_network(group.network, group.instance, labels),) if group.network else ()
    dressed = ObservedInstance(containers=containers, networks=networks)
    return replace(dressed, stop_timeouts=fleet.measure_stop_timeouts(group.instance, containers))


def dress_listing(observed: Observed, old: ObservedInstance) -> Observed:
    """Give the engine's listing, with what is dressed in its place. Pure."""
    containers: Mapping[str, Any] = {c.id: c for c in old.containers}
    networks: Mapping[str, Any] = {n.id: n for n in old.networks}
    return replace(
        observed,
        containers=tuple(containers.get(c.id, c) for c in observed.containers),
        networks=tuple(networks.get(n.id, n) for n in observed.networks),
    )


def join(own: ObservedInstance, old: ObservedInstance) -> ObservedInstance:
    """Join what is wb's of an instance and what is dressed. Pure."""
    return replace(
        own,
        containers=(*own.containers, *old.containers),
        networks=(*old.networks, *own.networks),
        stop_timeouts={**own.stop_timeouts, **old.stop_timeouts},
    )


def _read_command(engine: Engine, part: Part, container: ObservedContainer) -> tuple[str, ...]:
    """Read Valkey's command, which says how it keeps its data."""
    if part is not Part.VALKEY:
        return ()
    with suppress(WbError):
        return engine.read_configuration(container.id).command
    return ()
