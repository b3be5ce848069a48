"""Undo: from what an instance was and what the engine has of it now, to how it was. Pure.

What a command believes that it did may be wrong: an answer of the engine may have been lost on its
way, before or after the call was carried out. So the engine is asked again, and the difference says
what there is to undo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from wb_cli.contract import STOP_ORDER, Role
from wb_cli.lifecycle.planning.observed_instance import role_of
from wb_cli.lifecycle.planning.part import down, removes_itself, stop
from wb_cli.lifecycle.planning.plan import (
    CarryOver,
    MakeAgain,
    Operation,
    Remove,
    RemoveNetwork,
    Rename,
    SetRestartPolicy,
    StartAgain,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from wb_cli.engine.types import ObservedContainer
    from wb_cli.lifecycle.planning.observed_instance import ObservedInstance


def operations_back(
    before: ObservedInstance,
    now: ObservedInstance,
    kept: Collection[str],
    carried: CarryOver | None = None,
) -> tuple[Operation, ...]:
    """What brings an instance back to how it was, in order.

    Args:
        before: what the engine had of it when the command looked first.
        now: what it has of it now.
        kept: names of containers that can be made again, as they removed themselves.
        carried: the change of form that Valkey's files went through, if they did.
    """
    known = {container.id for container in before.containers}
    made = [container for container in now.containers if container.id not in known]
    still_there = tuple(_pairs(before, now))
    return (
        *(operation for container in _in_stop_order(made) for operation in down(container, now)),
        *_networks_removed(before, now),
        *_stops(still_there, now),
        *_policies(still_there, before, now),
        *(Rename(new.name, old.name) for old, new in still_there if old.name != new.name),
        *_with_its_data(_starts(before, still_there, kept), carried),
    )


# A container as it was, and as it is.
Pair = tuple["ObservedContainer", "ObservedContainer"]


def _pairs(before: ObservedInstance, now: ObservedInstance) -> Iterator[Pair]:
    current = {container.id: container for container in now.containers}
    return ((old, current[old.id]) for old in before.containers if old.id in current)


def _networks_removed(before: ObservedInstance, now: ObservedInstance) -> Iterator[Operation]:
    known = {network.id for network in before.networks}
    return (RemoveNetwork(each.id, each.name) for each in now.networks if each.id not in known)


def _stops(still_there: Iterable[Pair], now: ObservedInstance) -> Iterator[Operation]:
    """What was down stops. A stop under way is joined: left alone, it would come true later."""
    for old, new in still_there:
        if new.is_active and (not old.is_active or new.is_stopping):
            yield stop(new, now)


def _policies(
    still_there: Iterable[Pair], before: ObservedInstance, now: ObservedInstance
) -> Iterator[Operation]:
    for old, new in still_there:
        policy = before.policies.get(old.id)
        if policy and now.policies.get(old.id, policy) != policy:
            yield SetRestartPolicy(new.name, policy)


def _starts(
    before: ObservedInstance, still_there: Iterable[Pair], kept: Collection[str]
) -> Iterator[Operation]:
    """What was up starts again, in the order in which parts start."""
    serving = {old.id for old, new in still_there if new.is_active and not new.is_stopping}
    there = {old.id for old, _ in still_there}
    for container in reversed(_in_stop_order(before.containers)):
        if not container.is_active or container.id in serving:
            continue
        if removes_itself(container):
            yield from _made_again(container, is_there=container.id in there, kept=kept)
        elif container.id in there:
            yield StartAgain(container)


def _made_again(
    container: ObservedContainer, *, is_there: bool, kept: Collection[str]
) -> tuple[Operation, ...]:
    """The engine may still be removing the old one, whose name it keeps until then."""
    if container.name not in kept:
        return ()
    room = (Remove(container.name),) if is_there else ()
    return (*room, MakeAgain(container), StartAgain(container))


def _with_its_data(starts: Iterable[Operation], carried: CarryOver | None) -> Iterator[Operation]:
    """Valkey's files get their old form back before the old Valkey starts on them."""
    for operation in starts:
        if carried and isinstance(operation, StartAgain) and _is_valkey(operation.container):
            yield replace(carried, to=carried.to.other)
        yield operation


def _is_valkey(container: ObservedContainer) -> bool:
    return container.role is Role.VALKEY


def _in_stop_order(containers: Iterable[ObservedContainer]) -> list[ObservedContainer]:
    return sorted(containers, key=lambda container: STOP_ORDER.index(role_of(container)))
