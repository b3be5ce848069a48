"""Decide: whether Valkey's files must change their form before Valkey starts, and to which form.

Valkey reads one form only. With an append-only log it ignores a snapshot; without one it ignores
the log. So the files in its folder must have the form that the new Valkey reads. A log that is not
in use is always moved away. So a log that is in its place is as new as the data in Valkey.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wb_cli.contract import Part
from wb_cli.engine.types import LABEL_SPEC, State
from wb_cli.lifecycle.planning.fingerprint import parse
from wb_cli.lifecycle.planning.observed_instance import CARRIER
from wb_cli.lifecycle.planning.part import stop_and_remove
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
    drop_empty,
)

if TYPE_CHECKING:
    from wb_cli.engine.types import ObservedContainer
    from wb_cli.lifecycle.planning.desired import Desired
    from wb_cli.lifecycle.planning.observed_instance import ObservedInstance


class ValkeyFiles(Struct, frozen=True):
    """Which files Valkey's folder holds.

    ``may_be_outdated`` says that the snapshot is younger than the log.
    """

    snapshot: bool
    log: bool
    may_be_outdated: bool = False

    def is_readable_as(self, wanted: Persistence) -> bool:
        """Whether a Valkey of that form finds all its data."""
        if wanted is Persistence.RDB:
            return not self.log
        return (self.log or not self.snapshot) and not self.may_be_outdated


def persistence_of(command: str) -> Persistence:
    """Tell which form a Valkey reads and writes if it is started with this command."""
    return Persistence.AOF if "--appendonly yes" in command else Persistence.RDB


def drop_carrier(current: ObservedInstance) -> ObservedInstance:
    """Leave out the containers that an interrupted change of form left behind."""
    others = tuple(container for container in current.containers if not _is_carrier(container))
    return replace(current, containers=others)


def add_carry_over(
    plan: Plan, desired: Desired, current: ObservedInstance, files: ValkeyFiles | None
) -> Plan:
    """Add to a plan what gives Valkey's files the form that the new Valkey reads.

    ``files`` is ``None`` if wb cannot look into the folder, as on a remote engine. Then the form is
    guessed from the containers.
    """
    carriers = tuple(
        Lane(container.name, LEFT_OVER, _remove_carrier(container, current))
        for container in current.containers
        if _is_carrier(container)
    )
    valkey = desired.container(Part.VALKEY)
    stages_up = plan.stages
    if valkey and has_start_of_valkey(plan, desired):
        wanted = persistence_of(" ".join(valkey.command))
        if _must_change(wanted, drop_carrier(current), files):
            carry = CarryOver(valkey, wanted)
            saves = _save_first(plan, current)
            stages_up = (
                *drop_empty(saves),
                *(_insert_carry(stage, carry) for stage in plan.stages),
            )
    return replace(plan, stages=(*drop_empty(carriers), *stages_up))


def has_start_of_valkey(plan: Plan, desired: Desired) -> bool:
    """Whether a plan starts Valkey."""
    valkey = desired.container(Part.VALKEY)
    return valkey is not None and Start(valkey) in plan.operations


def _must_change(wanted: Persistence, current: ObservedInstance, files: ValkeyFiles | None) -> bool:
    valkeys = [container for container in current.containers if container.part is Part.VALKEY]
    active = {_persistence_of(valkey) for valkey in valkeys if valkey.is_active}
    if active:
        return active != {wanted}
    if files:
        return not files.is_readable_as(wanted)
    if any(valkey.state is State.CREATED for valkey in valkeys):
        return True  # it never ran, so the files may have either form
    known = {_persistence_of(valkey) for valkey in valkeys} or {Persistence.RDB}
    return known != {wanted}


def _persistence_of(container: ObservedContainer) -> Persistence:
    return persistence_of(parse(container.labels.get(LABEL_SPEC)).get("command", ""))


def _save_first(plan: Plan, current: ObservedInstance) -> Stage:
    """Save before anything stops: a Valkey that cannot save loses nothing while it runs."""
    stopped = {operation.name for operation in plan.operations if isinstance(operation, Stop)}
    return tuple(
        Lane(Part.VALKEY, CARRIED, (Save(container.name, current.stop_timeout(container)),))
        for container in current.containers
        if container.part is Part.VALKEY and container.is_running and container.name in stopped
    )


def _remove_carrier(carrier: ObservedContainer, current: ObservedInstance) -> tuple[Operation, ...]:
    """Remove a carrier. It is stopped first if it runs, or may still be started."""
    if carrier.state in {State.EXITED, State.DEAD}:
        return (Remove(carrier.name),)
    return stop_and_remove(carrier, current)


def _insert_carry(stage: Stage, carry: CarryOver) -> Stage:
    return tuple(_insert_carry_in_lane(lane, carry) for lane in stage)


def _insert_carry_in_lane(lane: Lane, carry: CarryOver) -> Lane:
    start = Start(carry.spec)
    if start not in lane.operations:
        return lane
    at = lane.operations.index(start)
    operations = (*lane.operations[:at], carry, *lane.operations[at:])
    return replace(lane, operations=operations)


def _is_carrier(container: ObservedContainer) -> bool:
    return container.part is Part.VALKEY and container.name.endswith(CARRIER)
