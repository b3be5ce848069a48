"""Decide: whether Valkey's files must change their form before it starts, and which way.

Valkey reads one form only: with an append-only log it ignores a snapshot, without one it ignores
the log. So what lies in its folder must have the form of the Valkey that starts on it. A log that
is not in use is never left in its place: a log in its place is as new as what is in Valkey.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wb_cli.contract import Role
from wb_cli.engine.types import LABEL_SPEC, State
from wb_cli.lifecycle.planning.fingerprint import parse
from wb_cli.lifecycle.planning.observed_instance import CARRIER
from wb_cli.lifecycle.planning.part import down
from wb_cli.lifecycle.planning.plan import (
    CARRIED,
    LEFT_OVER,
    CarryOver,
    Lane,
    Operation,
    Persistence,
    Plan,
    Remove,
    Save,
    Stage,
    Start,
    Stop,
    stages,
)

if TYPE_CHECKING:
    from wb_cli.engine.types import ObservedContainer
    from wb_cli.lifecycle.planning.desired import Desired
    from wb_cli.lifecycle.planning.observed_instance import ObservedInstance


class Kept(Struct, frozen=True):
    """What Valkey's folder holds. ``may_be_outdated``: the log, as the snapshot is younger."""

    snapshot: bool
    log: bool
    may_be_outdated: bool = False

    def suits(self, wanted: Persistence) -> bool:
        """Whether a Valkey that starts on it finds all of it."""
        if wanted is Persistence.RDB:
            return not self.log
        return (self.log or not self.snapshot) and not self.may_be_outdated


def persistence_of(command: str) -> Persistence:
    """The form that a Valkey started with this command writes, and reads at its start."""
    return Persistence.AOF if "--appendonly yes" in command else Persistence.RDB


def without_carrier(current: ObservedInstance) -> ObservedInstance:
    """What the engine has of an instance but for what an interrupted change of form left."""
    others = tuple(each for each in current.containers if not _is_carrier(each))
    return replace(current, containers=others)


def carried_over(
    plan: Plan, desired: Desired, current: ObservedInstance, kept: Kept | None
) -> Plan:
    """The plan, with what is needed such that Valkey finds its data in the form that it reads.

    ``kept`` is ``None`` where the folder cannot be looked at, as on a remote engine. Then the
    containers say what is known.
    """
    carriers = tuple(
        Lane(each.name, LEFT_OVER, _without_trace(each, current))
        for each in current.containers
        if _is_carrier(each)
    )
    valkey = desired.container(Role.VALKEY)
    stages_up = plan.stages
    if valkey and is_started(plan, desired):
        wanted = persistence_of(" ".join(valkey.command))
        if _must_change(wanted, without_carrier(current), kept):
            carry = CarryOver(valkey, wanted)
            saves = _saves(plan, current)
            stages_up = (*stages(saves), *(_with_carry(stage, carry) for stage in plan.stages))
    return replace(plan, stages=(*stages(carriers), *stages_up))


def is_started(plan: Plan, desired: Desired) -> bool:
    """Whether a plan starts Valkey."""
    valkey = desired.container(Role.VALKEY)
    return valkey is not None and Start(valkey) in plan.operations


def _must_change(wanted: Persistence, current: ObservedInstance, kept: Kept | None) -> bool:
    valkeys = [each for each in current.containers if each.role is Role.VALKEY]
    active = {_persistence_of(each) for each in valkeys if each.is_active}
    if active:
        return active != {wanted}
    if kept:
        return not kept.suits(wanted)
    if any(each.state is State.CREATED for each in valkeys):
        return True  # whether its files suit it is not known
    known = {_persistence_of(each) for each in valkeys} or {Persistence.RDB}
    return known != {wanted}


def _persistence_of(container: ObservedContainer) -> Persistence:
    return persistence_of(parse(container.labels.get(LABEL_SPEC)).get("command", ""))


def _saves(plan: Plan, current: ObservedInstance) -> Stage:
    """Before anything stops: a Valkey that cannot save loses nothing as long as it runs."""
    stopped = {each.name for each in plan.operations if isinstance(each, Stop)}
    return tuple(
        Lane(Role.VALKEY, CARRIED, (Save(each.name, current.stop_timeout(each)),))
        for each in current.containers
        if each.role is Role.VALKEY and each.is_running and each.name in stopped
    )


def _without_trace(carrier: ObservedContainer, current: ObservedInstance) -> tuple[Operation, ...]:
    """Stopped only where it runs, or may yet: how an earlier one ended is of no interest."""
    if carrier.state in {State.EXITED, State.DEAD}:
        return (Remove(carrier.name),)
    return down(carrier, current)


def _with_carry(stage: Stage, carry: CarryOver) -> Stage:
    return tuple(_lane_with_carry(lane, carry) for lane in stage)


def _lane_with_carry(lane: Lane, carry: CarryOver) -> Lane:
    start = Start(carry.spec)
    if start not in lane.operations:
        return lane
    at = lane.operations.index(start)
    operations = (*lane.operations[:at], carry, *lane.operations[at:])
    return replace(lane, operations=operations)


def _is_carrier(container: ObservedContainer) -> bool:
    return container.role is Role.VALKEY and container.name.endswith(CARRIER)
