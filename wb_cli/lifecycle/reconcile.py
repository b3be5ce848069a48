"""Decide: desired + observed -> Plan. Pure; prompts nobody, prints nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field

from wb_cli.contract import STOP_ORDER, STOP_TIMEOUTS, Role
from wb_cli.engine.types import LABEL_DECLARED, LABEL_SPEC, NetworkSpec
from wb_cli.lifecycle.fingerprint import differences, parse
from wb_cli.lifecycle.plan import (
    NOT_THERE,
    RESTART,
    STOP,
    STOPPED,
    Await,
    Create,
    CreateNetwork,
    Lane,
    Operation,
    Plan,
    Remove,
    RemoveNetwork,
    Rename,
    SetRestartPolicy,
    Stage,
    Start,
    Stop,
    stages,
)

if TYPE_CHECKING:
    from wb_cli.engine.types import ContainerSpec, ObservedContainer, ObservedNetwork
    from wb_cli.lifecycle.desired import Desired

PREVIOUS = "-previous"
LEFT_OVER = "left over from an interrupted run"
SUCCEEDED = "its successor is ready"
GUEST_TIMEOUT_S = 10
DOWN = {"created", "exited", "dead"}


class Present(Struct, frozen=True):
    """What the engine has of one instance, found by label.

    ``policies`` are the restart policies and ``stop_timeouts`` the seconds allowed for stopping,
    by container id. ``image_ids`` maps the references of the desired images to local image ids.
    """

    containers: tuple[ObservedContainer, ...] = ()
    networks: tuple[ObservedNetwork, ...] = ()
    policies: Mapping[str, str] = field(default_factory=dict)
    stop_timeouts: Mapping[str, int] = field(default_factory=dict)
    image_ids: Mapping[str, str] = field(default_factory=dict)

    def container(self, name: str) -> ObservedContainer | None:
        """The container of that name."""
        return next((each for each in self.containers if each.name == name), None)

    def stop_timeout(self, container: ObservedContainer) -> int:
        """How long this container may take to stop."""
        return self.stop_timeouts.get(container.id, STOP_TIMEOUTS[_role(container)])


def plan_run(desired: Desired, present: Present, subnet: str) -> Plan:
    """What brings an instance up; empty where it runs as declared. ``subnet`` is for a new network.

    Only what the operator declared differently is replaced; other differences are drift.
    """
    parts = {spec.role: _part(spec, present) for spec in desired.containers}
    drift = tuple(
        f"{spec.role}: {reason}"
        for spec in desired.containers
        if (reason := drift_of(spec, present))
    )
    stages_up = stages((_network_lane(desired, present, subnet),), *_start_stages(parts))
    return Plan(desired.instance, stages_up, _cleanup(present, parts), drift)


def plan_restart(desired: Desired, present: Present, subnet: str) -> Plan:
    """Stop everything there is and start all of it anew, drift applied; the network stays.

    The old containers are kept aside, stopped, until their successors are ready.
    """
    leftovers, current = _leftovers(present), _current(present)
    parts = {spec.role: Lane(spec.role, RESTART, _fresh(spec)) for spec in desired.containers}
    return Plan(
        desired.instance,
        (
            *stages(tuple(Lane(c.name, LEFT_OVER, _down(c, present)) for c in leftovers)),
            *stages(*((Lane(c.name, RESTART, _aside(c, present)),) for c in current)),
            *stages((_network_lane(desired, present, subnet),)),
            *_start_stages(parts),
        ),
        _only_filled((*(_succeeded(c, SUCCEEDED) for c in current), *_surplus_networks(present))),
    )


def plan_stop(instance: str, present: Present, guests: tuple[ObservedContainer, ...] = ()) -> Plan:
    """What leaves no container and no network behind; ``guests`` are stopped first, and stay."""
    others = tuple(
        Lane(each.name, "uses the instance, and --force", (Stop(each.name, None, GUEST_TIMEOUT_S),))
        for each in guests
    )
    return Plan(instance, (*stages(others), *_down_stages(present)))


def drift_of(spec: ContainerSpec, present: Present) -> str:
    """What differs in a container without having been declared so; empty where nothing does."""
    container = present.container(spec.name)
    if not container or _declared_change(spec, container):
        return ""
    changed = _difference(spec, container)
    newer = present.image_ids.get(spec.image, container.image_id)
    if newer != container.image_id:
        changed = ", ".join(filter(None, [changed, f"{spec.image} is another image now"]))
    return changed


def _cleanup(present: Present, parts: Mapping[Role, Lane | None]) -> Stage:
    """What goes once everything is ready: predecessors, leftovers, and what nobody declares."""
    return _only_filled((*_unneeded(present, parts), *_surplus_networks(present)))


def _unneeded(present: Present, parts: Mapping[Role, Lane | None]) -> Iterator[Lane]:
    operations = (operation for lane in parts.values() if lane for operation in lane.operations)
    renamed = {each.name: each.to for each in operations if isinstance(each, Rename)}
    for container in present.containers:
        if container.role not in parts:
            yield Lane(container.name, "no longer declared", _down(container, present))
        elif renamed.get(container.name, "").endswith(PREVIOUS):
            yield _succeeded(container, SUCCEEDED)
        elif container.name.endswith(PREVIOUS) and container.name not in {
            *renamed,
            *renamed.values(),
        }:
            yield _succeeded(container, LEFT_OVER)


def _start_stages(parts: Mapping[Role, Lane | None]) -> tuple[Stage, ...]:
    """PostgreSQL and Valkey side by side, the admin server, the platform last."""
    return stages(
        (parts.get(Role.POSTGRES), parts.get(Role.VALKEY)),
        (parts.get(Role.ADMIN),),
        (parts.get(Role.PLATFORM),),
    )


def _network_lane(desired: Desired, present: Present, subnet: str) -> Lane | None:
    """The network, made where there is none."""
    if present.networks:
        return None
    spec = NetworkSpec(desired.instance, subnet, desired.labels)
    return Lane("network", NOT_THERE, (CreateNetwork(spec),))


def _surplus_networks(present: Present) -> Iterator[Lane]:
    """Where several networks bear the name, those that are not in use."""
    return (
        Lane("network", "made twice", (RemoveNetwork(each.id, each.name),))
        for each in present.networks[1:]
    )


def _only_filled(lanes: Iterable[Lane]) -> Stage:
    return tuple(lane for lane in lanes if lane.operations)


def _part(spec: ContainerSpec, present: Present) -> Lane | None:
    """What one container needs, and why; ``None`` where it runs as declared."""
    container = present.container(spec.name)
    previous = present.container(spec.name + PREVIOUS)
    if not container and previous:
        return _bring_back(spec, previous, present)
    if not container:
        return Lane(spec.role, NOT_THERE, _fresh(spec))
    for applies, cause, operations in _cases(spec, container, present):
        if applies:
            return Lane(spec.role, cause, operations())
    return Lane(spec.role, LEFT_OVER, (Await(spec),)) if previous else None


Case = tuple[bool, str, Callable[[], tuple[Operation, ...]]]


def _cases(spec: ContainerSpec, container: ObservedContainer, present: Present) -> tuple[Case, ...]:
    """The states a container can be found in, the first that applies first."""
    change = _declared_change(spec, container)
    policy = present.policies.get(container.id)
    is_unsupervised = spec.supervised and policy is not None and policy != "always"
    return (
        # Its secret files may be missing: a run may have been killed right after creating it.
        (
            container.state == "created",
            "created but never started",
            lambda: (*_down(container, present), *_fresh(spec)),
        ),
        (bool(change), change, lambda: _replace(spec, container, present)),
        (
            container.state in {"exited", "dead"},
            f"found {container.status.lower()}",
            lambda: (Start(spec), *_until_ready(spec, policy)),
        ),
        (container.state == "paused", "paused", lambda: _replace(spec, container, present)),
        (is_unsupervised, "not yet supervised", lambda: _until_ready(spec)),
    )


def _declared_change(spec: ContainerSpec, container: ObservedContainer) -> str:
    """Why a container must be replaced; empty where its declaration is what it was."""
    if container.labels.get(LABEL_DECLARED) == spec.labels.get(LABEL_DECLARED):
        return ""
    return _difference(spec, container)


def _difference(spec: ContainerSpec, container: ObservedContainer) -> str:
    return differences(parse(container.labels.get(LABEL_SPEC)), parse(spec.labels[LABEL_SPEC]))


def _fresh(spec: ContainerSpec) -> tuple[Operation, ...]:
    return (Create(spec), Start(spec), *_until_ready(spec))


def _until_ready(spec: ContainerSpec, policy: str | None = None) -> tuple[Operation, ...]:
    """Supervised only once it is ready: a start that fails stays down to be looked at."""
    is_due = spec.supervised and policy != "always"
    return (Await(spec), SetRestartPolicy(spec.name, "always")) if is_due else (Await(spec),)


def _replace(
    spec: ContainerSpec, container: ObservedContainer, present: Present
) -> tuple[Operation, ...]:
    """The old one is kept, stopped, until its successor is ready. An older one makes room."""
    older = present.container(spec.name + PREVIOUS)
    room = _down(older, present) if older else ()
    return (*room, *_aside(container, present), *_fresh(spec))


def _aside(container: ObservedContainer, present: Present) -> tuple[Operation, ...]:
    """Stop a container and keep it under another name; one that runs with --rm is gone."""
    name = container.name
    stop = Stop(name, _role(container), present.stop_timeout(container))
    if _removes_itself(container):
        return (stop, Remove(name))
    is_supervised = present.policies.get(container.id, "always") != "no"
    return (
        *(() if container.state in DOWN else (stop,)),
        *((SetRestartPolicy(name, "no"),) if is_supervised else ()),
        *(() if name.endswith(PREVIOUS) else (Rename(name, name + PREVIOUS),)),
    )


def _succeeded(container: ObservedContainer, cause: str) -> Lane:
    successor = container.name.removesuffix(PREVIOUS)
    remove = Remove(successor + PREVIOUS, successor)
    return Lane(remove.name, cause, () if _removes_itself(container) else (remove,))


def _removes_itself(container: ObservedContainer) -> bool:
    return parse(container.labels.get(LABEL_SPEC)).get("restart") == "no"


def _bring_back(spec: ContainerSpec, previous: ObservedContainer, present: Present) -> Lane:
    """A run was interrupted between setting the old one aside and making its successor."""
    if _declared_change(spec, previous):
        return Lane(spec.role, NOT_THERE, _fresh(spec))
    back = Rename(previous.name, spec.name)
    until_ready = _until_ready(spec, present.policies.get(previous.id))
    return Lane(spec.role, "set aside by an interrupted run", (back, Start(spec), *until_ready))


def _leftovers(present: Present) -> tuple[ObservedContainer, ...]:
    """Containers set aside whose successor exists."""
    return tuple(
        each
        for each in present.containers
        if each.name.endswith(PREVIOUS) and present.container(each.name.removesuffix(PREVIOUS))
    )


def _current(present: Present) -> tuple[ObservedContainer, ...]:
    """The containers that a restart sets aside, in the order in which they stop."""
    leftovers = _leftovers(present)
    return tuple(each for each in _in_stop_order(present) if each not in leftovers)


def _down_stages(present: Present) -> tuple[Stage, ...]:
    """One container after another, in the contract's order, then the network.

    Each is removed while the next one stops.
    """
    containers = _in_stop_order(present)
    stops = [(Lane(each.name, STOP, (_stop(each, present),)),) for each in containers]
    removals = [(Lane(each.name, STOPPED, (Remove(each.name),)),) for each in containers]
    networks = tuple(
        Lane("network", STOP, (RemoveNetwork(each.id, each.name),)) for each in present.networks
    )
    pairs = zip([*stops, networks], [(), *removals], strict=True)
    return stages(*((*removal, *stop) for stop, removal in pairs))


def _down(container: ObservedContainer, present: Present) -> tuple[Operation, ...]:
    return (_stop(container, present), Remove(container.name))


def _stop(container: ObservedContainer, present: Present) -> Stop:
    """Also of one never started: the start that a killed command asked for may still come."""
    is_up = container.state != "created"
    return Stop(container.name, _role(container), present.stop_timeout(container), is_up=is_up)


def _in_stop_order(present: Present) -> list[ObservedContainer]:
    return sorted(present.containers, key=lambda each: STOP_ORDER.index(_role(each)))


def _role(container: ObservedContainer) -> Role:
    return container.role or Role.PLATFORM
