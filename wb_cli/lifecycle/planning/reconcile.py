"""Decide: desired + observed -> Plan. Pure; prompts nobody, prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.contract import STOP_ORDER, Role
from wb_cli.engine.types import NetworkSpec
from wb_cli.lifecycle.planning.observed_instance import PREVIOUS, ObservedInstance, role_of
from wb_cli.lifecycle.planning.part import aside, asleep, down, drift_of, fresh, needs, succeeded
from wb_cli.lifecycle.planning.plan import (
    AWAKE,
    CREATED,
    LEFT_OVER,
    NOT_THERE,
    READY,
    RESTART,
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
    stages,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wb_cli.engine.types import ContainerSpec, ObservedContainer
    from wb_cli.lifecycle.planning.desired import Desired

GUEST_TIMEOUT_S = 10
START_ORDER = (Role.POSTGRES, Role.VALKEY, Role.ADMIN, Role.PLATFORM)


def plan_run(desired: Desired, current: ObservedInstance, subnet: str) -> Plan:
    """What brings an instance up; empty where it runs as declared. ``subnet`` is for a new network.

    Only what the operator declared differently is replaced; other differences are drift.
    """
    parts = {spec.role: needs(spec, current) for spec in desired.containers}
    cleanup = _cleanup(current, parts)
    makes_room, parts[Role.PLATFORM] = _makes_room(desired, current, parts)
    drift = tuple(
        f"{spec.role}: {reason}"
        for spec in desired.containers
        if (reason := drift_of(spec, current))
    )
    network = _network_lane(desired, current, subnet)
    stages_up = stages(_awake(current), (network, makes_room), *_start_stages(parts))
    untouched = tuple(
        spec for spec in desired.containers if not _is_awaited(spec, parts.get(spec.role))
    )
    return Plan(desired.instance, stages_up, cleanup, drift, untouched)


def _makes_room(
    desired: Desired, current: ObservedInstance, parts: Mapping[Role, Lane | None]
) -> tuple[Lane | None, Lane | None]:
    """The platform's lane in two where it has the port that PostgreSQL gets: it stops first."""
    lane, platform = parts.get(Role.PLATFORM), desired.container(Role.PLATFORM)
    old = current.container(platform.name) if platform else None
    if not lane or not old:
        return None, lane
    others = (spec for spec in desired.containers if spec.role is not Role.PLATFORM)
    soon = {port.host for spec in others if parts[spec.role] for port in spec.ports}
    is_new = [isinstance(operation, Create) for operation in lane.operations]
    if soon.isdisjoint(port.host for port in old.ports) or not any(is_new):
        return None, lane
    return lane.split(is_new.index(True), STOPPED)


def plan_restart(desired: Desired, current: ObservedInstance, subnet: str) -> Plan:
    """Stop everything there is and start all of it anew, drift applied; the network stays.

    The old containers are kept aside, stopped, until their successors are ready.
    """
    leftovers, serving = _leftovers(current), _serving(current)
    parts = {spec.role: Lane(spec.role, RESTART, fresh(spec)) for spec in desired.containers}
    return Plan(
        desired.instance,
        (
            *stages(tuple(Lane(c.name, LEFT_OVER, down(c, current)) for c in leftovers)),
            *_one_after_another(Lane(c.name, RESTART, aside(c, current)) for c in serving),
            *stages((_network_lane(desired, current, subnet),)),
            *_start_stages(parts),
        ),
        _only_filled((*(succeeded(c, SUCCEEDED) for c in serving), *_surplus_networks(current))),
    )


def plan_stop(
    instance: str, current: ObservedInstance, guests: tuple[ObservedContainer, ...] = ()
) -> Plan:
    """What leaves no container and no network behind; ``guests`` are stopped first, and stay."""
    others = tuple(
        Lane(each.name, "uses the instance, and --force", (Stop(each.name, None, GUEST_TIMEOUT_S),))
        for each in guests
    )
    networks = tuple(
        Lane("network", STOP, (RemoveNetwork(each.id, each.name),)) for each in current.networks
    )
    own = [Lane(each.name, STOP, down(each, current)) for each in _in_stop_order(current)]
    return Plan(instance, (*stages(others), *_one_after_another(own, networks)))


def _awake(current: ObservedInstance) -> Stage:
    """Stop what was set aside and runs all the same: its successor would be a second writer."""
    return tuple(
        Lane(container.name, AWAKE, asleep(container, current))
        for container in current.containers
        if container.name.endswith(PREVIOUS) and container.is_active
    )


def _is_awaited(spec: ContainerSpec, lane: Lane | None) -> bool:
    return lane is not None and Await(spec) in lane.operations


def _cleanup(current: ObservedInstance, parts: Mapping[Role, Lane | None]) -> Stage:
    """What goes once everything is ready: predecessors, leftovers, and what nobody declares."""
    return _only_filled((*_unneeded(current, parts), *_surplus_networks(current)))


def _unneeded(current: ObservedInstance, parts: Mapping[Role, Lane | None]) -> Iterator[Lane]:
    operations = (operation for lane in parts.values() if lane for operation in lane.operations)
    renamed = {each.name: each.to for each in operations if isinstance(each, Rename)}
    for container in current.containers:
        if container.role not in parts:
            yield Lane(container.name, "no longer declared", down(container, current))
        elif renamed.get(container.name, "").endswith(PREVIOUS):
            yield succeeded(container, SUCCEEDED)
        elif container.name.endswith(PREVIOUS) and container.name not in {
            *renamed,
            *renamed.values(),
        }:
            yield succeeded(container, LEFT_OVER)


def _start_stages(parts: Mapping[Role, Lane | None]) -> tuple[Stage, ...]:
    """PostgreSQL and Valkey side by side, the admin server, the platform last.

    While the first two start, the platform is created; while it starts, they are supervised.
    """
    postgres, valkey, admin, platform = (parts.get(role) for role in START_ORDER)
    if not platform or not (postgres or valkey):
        return stages((postgres, valkey), (admin,), (platform,))
    postgres, postgres_ready = _supervision_apart(postgres)
    valkey, valkey_ready = _supervision_apart(valkey)
    created, platform = _creation_apart(platform)
    databases = stages((postgres, valkey, created))
    if postgres and valkey and created and postgres.cause == valkey.cause == created.cause:
        databases = _postgres_first(postgres, valkey, created)
    return (*databases, *stages((admin,), (platform, postgres_ready, valkey_ready)))


def _postgres_first(postgres: Lane, valkey: Lane, platform: Lane) -> tuple[Stage, ...]:
    """Valkey starts when all are created, 0.05 s after PostgreSQL, which takes longest to start.

    Two that start at one moment hold each other up in the engine: so both are ready 0.1 s sooner.
    """
    created, postgres = postgres.split(1, CREATED)
    create, *start = valkey.operations
    names = f"{valkey.subject} and {platform.subject}"
    return (
        (created,),
        (postgres, Lane(names, valkey.cause, (create, *platform.operations, *start))),
    )


def _supervision_apart(lane: Lane | None) -> tuple[Lane | None, Lane | None]:
    if lane and isinstance(lane.operations[-1], SetRestartPolicy):
        return lane.split(-1, READY)
    return lane, None


def _creation_apart(lane: Lane) -> tuple[Lane | None, Lane]:
    is_new = isinstance(lane.operations[0], Create)
    return lane.split(1, CREATED) if is_new else (None, lane)


def _network_lane(desired: Desired, current: ObservedInstance, subnet: str) -> Lane | None:
    """The network, made where there is none."""
    if current.networks:
        return None
    spec = NetworkSpec(desired.instance, subnet, desired.labels)
    return Lane("network", NOT_THERE, (CreateNetwork(spec),))


def _surplus_networks(current: ObservedInstance) -> Iterator[Lane]:
    """Where several networks bear the name, those that are not in use."""
    return (
        Lane("network", "made twice", (RemoveNetwork(each.id, each.name),))
        for each in current.networks[1:]
    )


def _only_filled(lanes: Iterable[Lane]) -> Stage:
    return tuple(lane for lane in lanes if lane.operations)


def _leftovers(current: ObservedInstance) -> tuple[ObservedContainer, ...]:
    """Containers set aside whose successor exists."""
    return tuple(
        each
        for each in current.containers
        if each.name.endswith(PREVIOUS) and current.container(each.name.removesuffix(PREVIOUS))
    )


def _serving(current: ObservedInstance) -> tuple[ObservedContainer, ...]:
    """The containers that a restart sets aside, in the order in which they stop."""
    leftovers = _leftovers(current)
    return tuple(each for each in _in_stop_order(current) if each not in leftovers)


def _one_after_another(lanes: Iterable[Lane], beside: Stage = ()) -> tuple[Stage, ...]:
    """One stop after another; then what else is to be done to each, all side by side."""
    halves = [
        lane.split(int(isinstance(lane.operations[0], Stop)), STOPPED)
        for lane in _only_filled(lanes)
    ]
    others = tuple(other for _, other in halves)
    return stages(*((stop,) for stop, _ in halves), (*others, *beside))


def _in_stop_order(current: ObservedInstance) -> list[ObservedContainer]:
    return sorted(current.containers, key=lambda each: STOP_ORDER.index(role_of(each)))
