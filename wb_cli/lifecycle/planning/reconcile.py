"""Decide: desired + observed -> Plan. Pure: it asks no question and prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.contract import STOP_ORDER, Part
from wb_cli.engine.types import NetworkSpec
from wb_cli.lifecycle.planning.observed_instance import PREVIOUS, ObservedInstance, part_of
from wb_cli.lifecycle.planning.part import (
    create_and_start,
    find_drift,
    remove_predecessor,
    set_aside,
    steps_for,
    stop_and_remove,
    stop_for_good,
)
from wb_cli.lifecycle.planning.plan import (
    AWAKE,
    CREATED,
    LEFT_OVER,
    NOT_THERE,
    READY,
    RESTART,
    STARTED,
    STOP,
    STOPPED,
    SUCCEEDED,
    Await,
    Create,
    CreateNetwork,
    Lane,
    Plan,
    RemoveNetwork,
    Rename,
    SetRestartPolicy,
    Stage,
    Stop,
    drop_empty,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wb_cli.engine.types import ContainerSpec, ObservedContainer
    from wb_cli.lifecycle.planning.desired import Desired

GUEST_TIMEOUT_S = 10
START_ORDER = (Part.POSTGRES, Part.VALKEY, Part.WAL, Part.ADMIN, Part.PLATFORM)


def plan_run(desired: Desired, current: ObservedInstance, subnet: str) -> Plan:
    """Plan what brings an instance up. The plan is empty if the instance runs as declared.

    A container is replaced only if the operator declared it differently. Other differences are
    drift. ``subnet`` is for a new network.
    """
    parts = {spec.part: steps_for(spec, current) for spec in desired.containers}
    cleanup = _plan_cleanup(current, parts)
    makes_room, parts[Part.PLATFORM] = _split_platform(desired, current, parts)
    drift = tuple(
        f"{spec.part}: {reason}"
        for spec in desired.containers
        if (reason := find_drift(spec, current))
    )
    network = _create_network(desired, current, subnet)
    stages_up = drop_empty(
        _stop_what_was_set_aside(current),
        (network, makes_room),
        *_plan_starts(parts, is_patient=_is_patient(desired, current)),
    )
    untouched = tuple(
        spec for spec in desired.containers if not _is_awaited(spec, parts.get(spec.part))
    )
    return Plan(desired.instance, stages_up, cleanup, drift, untouched)


def _split_platform(
    desired: Desired, current: ObservedInstance, parts: Mapping[Part, Lane | None]
) -> tuple[Lane | None, Lane | None]:
    """Split the platform's lane if the platform has a port that another part gets now.

    The first half stops the platform before the other part starts.
    """
    lane, platform = parts.get(Part.PLATFORM), desired.container(Part.PLATFORM)
    old = current.container(platform.name) if platform else None
    if not lane or not old:
        return None, lane
    others = (spec for spec in desired.containers if spec.part is not Part.PLATFORM)
    soon = {port.host for spec in others if parts[spec.part] for port in spec.ports}
    is_new = [isinstance(operation, Create) for operation in lane.operations]
    if soon.isdisjoint(port.host for port in old.ports) or not any(is_new):
        return None, lane
    return lane.split(is_new.index(True), STOPPED)


def plan_restart(desired: Desired, current: ObservedInstance, subnet: str) -> Plan:
    """Plan to stop all containers and to start new ones, with drift applied. The network stays.

    The old containers are kept, stopped, until their successors are ready.
    """
    leftovers, serving = _find_leftovers(current), _find_serving(current)
    parts = {
        spec.part: Lane(spec.part, RESTART, create_and_start(spec)) for spec in desired.containers
    }
    return Plan(
        desired.instance,
        (
            *drop_empty(
                tuple(Lane(c.name, LEFT_OVER, stop_and_remove(c, current)) for c in leftovers)
            ),
            *stop_one_by_one(Lane(c.name, RESTART, set_aside(c, current)) for c in serving),
            *drop_empty((_create_network(desired, current, subnet),)),
            *_plan_starts(parts, is_patient=_is_patient(desired, current)),
        ),
        _drop_empty_lanes(
            (
                *(remove_predecessor(c, SUCCEEDED) for c in serving),
                *_remove_surplus_networks(current),
            )
        ),
    )


def plan_stop(
    instance: str, current: ObservedInstance, guests: tuple[ObservedContainer, ...] = ()
) -> Plan:
    """Plan to stop and remove all containers and networks of an instance.

    ``guests`` are stopped first. They are not removed.
    """
    others = tuple(
        Lane(
            guest.name,
            "uses the instance (--force)",
            (Stop(guest.name, None, GUEST_TIMEOUT_S),),
        )
        for guest in guests
    )
    networks = tuple(
        Lane("network", STOP, (RemoveNetwork(network.id, network.name),))
        for network in current.networks
    )
    own = [
        Lane(container.name, STOP, stop_and_remove(container, current))
        for container in sort_by_stop_order(current)
    ]
    return Plan(instance, (*drop_empty(others), *stop_one_by_one(own, networks)))


def _stop_what_was_set_aside(current: ObservedInstance) -> Stage:
    """Stop containers that were set aside and run: their successors would be second writers."""
    return tuple(
        Lane(container.name, AWAKE, stop_for_good(container, current))
        for container in current.containers
        if container.name.endswith(PREVIOUS) and container.is_active
    )


def _is_awaited(spec: ContainerSpec, lane: Lane | None) -> bool:
    return lane is not None and Await(spec) in lane.operations


def _plan_cleanup(current: ObservedInstance, parts: Mapping[Part, Lane | None]) -> Stage:
    """Remove predecessors, leftovers and undeclared containers once everything is ready."""
    return _drop_empty_lanes(
        (*_remove_unneeded(current, parts), *_remove_surplus_networks(current))
    )


def _remove_unneeded(
    current: ObservedInstance, parts: Mapping[Part, Lane | None]
) -> Iterator[Lane]:
    operations = (operation for lane in parts.values() if lane for operation in lane.operations)
    renamed = {
        operation.name: operation.to for operation in operations if isinstance(operation, Rename)
    }
    for container in current.containers:
        if container.part not in parts:
            yield Lane(container.name, "no longer declared", stop_and_remove(container, current))
        elif renamed.get(container.name, "").endswith(PREVIOUS):
            yield remove_predecessor(container, SUCCEEDED)
        elif container.name.endswith(PREVIOUS) and container.name not in {
            *renamed,
            *renamed.values(),
        }:
            yield remove_predecessor(container, LEFT_OVER)


def _is_patient(desired: Desired, current: ObservedInstance) -> bool:
    """Whether the platform may start before the databases are ready, because its image says so.

    It does not start before an admin server.
    """
    platform, admin = desired.container(Part.PLATFORM), desired.container(Part.ADMIN)
    image = current.images.get(platform.image) if platform else None
    return image is not None and image.waits_for_database and admin is None


def _plan_starts(parts: Mapping[Part, Lane | None], *, is_patient: bool) -> tuple[Stage, ...]:
    """Start PostgreSQL and Valkey side by side, then the admin server, then the platform.

    What receives WAL starts beside the platform, which does not wait for it.

    To save time, the platform is created while the first two start. If it ``is_patient``, it starts
    while PostgreSQL does, too. The supervision of the first two begins while the platform starts.
    """
    postgres, valkey, wal, admin, platform = (parts.get(part) for part in START_ORDER)
    if not platform or not (postgres or valkey):
        return drop_empty((postgres, valkey), (admin,), (platform, wal))
    postgres, postgres_ready = _split_off_supervision(postgres)
    valkey, valkey_ready = _split_off_supervision(valkey)
    created, platform = _split_off_creation(platform)
    databases = drop_empty((postgres, valkey, created))
    if postgres and valkey and created and postgres.cause == valkey.cause == created.cause:
        early, platform = platform.split(int(is_patient), STARTED if is_patient else CREATED)
        databases = _start_postgres_first(postgres, valkey, created, early)
    return (*databases, *drop_empty((admin,), (platform, wal, postgres_ready, valkey_ready)))


def _start_postgres_first(
    postgres: Lane, valkey: Lane, platform: Lane, early: Lane
) -> tuple[Stage, ...]:
    """Start PostgreSQL, which takes longest; create the other containers, then start Valkey.

    The engine delays two containers that start at the same moment. Valkey starts 0.05 s later in
    this way, and both are ready 0.1 s sooner. What starts ``early`` starts after Valkey, which
    listens long before a platform looks for it.
    """
    created, postgres = postgres.split(1, CREATED)
    create, start, *wait = valkey.operations
    names = f"{valkey.subject} and {platform.subject}"
    operations = (create, *platform.operations, start, *early.operations, *wait)
    return (created,), (postgres, Lane(names, valkey.cause, operations))


def _split_off_supervision(lane: Lane | None) -> tuple[Lane | None, Lane | None]:
    if lane and isinstance(lane.operations[-1], SetRestartPolicy):
        return lane.split(-1, READY)
    return lane, None


def _split_off_creation(lane: Lane) -> tuple[Lane | None, Lane]:
    is_new = isinstance(lane.operations[0], Create)
    return lane.split(1, CREATED) if is_new else (None, lane)


def _create_network(desired: Desired, current: ObservedInstance, subnet: str) -> Lane | None:
    """Create the network if there is none."""
    if current.networks:
        return None
    spec = NetworkSpec(desired.instance, subnet, desired.labels)
    return Lane("network", NOT_THERE, (CreateNetwork(spec),))


def _remove_surplus_networks(current: ObservedInstance) -> Iterator[Lane]:
    """Remove the networks that are not in use, if several networks have the name."""
    return (
        Lane("network", "made twice", (RemoveNetwork(network.id, network.name),))
        for network in current.networks[1:]
    )


def _drop_empty_lanes(lanes: Iterable[Lane]) -> Stage:
    return tuple(lane for lane in lanes if lane.operations)


def _find_leftovers(current: ObservedInstance) -> tuple[ObservedContainer, ...]:
    """Find the containers that were set aside and whose successors exist."""
    return tuple(
        container
        for container in current.containers
        if container.name.endswith(PREVIOUS)
        and current.container(container.name.removesuffix(PREVIOUS))
    )


def _find_serving(current: ObservedInstance) -> tuple[ObservedContainer, ...]:
    """Find the containers that a restart sets aside, in the order in which they stop."""
    leftovers = _find_leftovers(current)
    return tuple(
        container for container in sort_by_stop_order(current) if container not in leftovers
    )


def stop_one_by_one(lanes: Iterable[Lane], beside: Stage = ()) -> tuple[Stage, ...]:
    """Stop the containers one by one, then do the remaining operations of all side by side."""
    halves = [
        lane.split(int(isinstance(lane.operations[0], Stop)), STOPPED)
        for lane in _drop_empty_lanes(lanes)
    ]
    others = tuple(other for _, other in halves)
    return drop_empty(*((stop,) for stop, _ in halves), (*others, *beside))


def sort_by_stop_order(current: ObservedInstance) -> list[ObservedContainer]:
    """Sort the containers in the order in which parts stop."""
    return sorted(current.containers, key=lambda container: STOP_ORDER.index(part_of(container)))
