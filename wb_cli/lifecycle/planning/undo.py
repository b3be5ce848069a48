"""Decide: what brings an instance back to how it was before a command. Pure.

A command cannot rely on what it did itself: an answer of the engine may have been lost, before or
after the engine carried out the call. So the engine is asked again. The difference between then and
now says what there is to undo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from wb_cli.contract import STOP_ORDER, Part
from wb_cli.engine.types import LABEL_INSTANCE, NetworkSpec
from wb_cli.lifecycle.planning.observed_instance import part_of
from wb_cli.lifecycle.planning.part import is_auto_removed, stop, stop_and_remove
from wb_cli.lifecycle.planning.plan import (
    CarryOver,
    CreateNetwork,
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


def plan_undo(
    before: ObservedInstance,
    now: ObservedInstance,
    kept: Collection[str],
    carried: CarryOver | None = None,
) -> tuple[Operation, ...]:
    """Plan what brings an instance back to how it was, in order.

    Args:
        before: the instance when the command looked first.
        now: the instance as it is now.
        kept: names of the containers that removed themselves and can be made again.
        carried: the change of form of Valkey's files, if there was one.
    """
    known = {container.id for container in before.containers}
    made = [container for container in now.containers if container.id not in known]
    still_there = tuple(_pair(before, now))
    return (
        *(
            operation
            for container in _sort_by_stop_order(made)
            for operation in stop_and_remove(container, now)
        ),
        *_bring_back_network(before, now, kept),
        *_stop_again(still_there, now),
        *_restore_policies(still_there, before, now),
        *(Rename(new.name, old.name) for old, new in still_there if old.name != new.name),
        *_carry_data_back(_start_again(before, still_there, kept), carried),
    )


# A container as it was, and as it is.
Pair = tuple["ObservedContainer", "ObservedContainer"]


def _pair(before: ObservedInstance, now: ObservedInstance) -> Iterator[Pair]:
    current = {container.id: container for container in now.containers}
    return ((old, current[old.id]) for old in before.containers if old.id in current)


def _bring_back_network(
    before: ObservedInstance, now: ObservedInstance, kept: Collection[str]
) -> Iterator[Operation]:
    """Remove the networks that are new.

    If the network of before is gone, what is made again needs one of its name. A new one serves.
    """
    known = {network.id for network in before.networks}
    new = [network for network in now.networks if network.id not in known]
    is_lost = bool(known) and len(new) == len(now.networks) and bool(kept)
    if is_lost and not new:
        old = before.networks[0]
        labels = {name: text for name, text in old.labels.items() if name != LABEL_INSTANCE}
        yield CreateNetwork(NetworkSpec(old.name, next(iter(old.subnets), ""), labels))
    for network in new[1:] if is_lost else new:
        yield RemoveNetwork(network.id, network.name)


def _stop_again(still_there: Iterable[Pair], now: ObservedInstance) -> Iterator[Operation]:
    """Stop what was down before, and wait for every stop that is under way.

    A stop that is under way would otherwise end the container after the undo.
    """
    for old, new in still_there:
        if new.is_active and (not old.is_active or new.is_stopping):
            yield stop(new, now)


def _restore_policies(
    still_there: Iterable[Pair], before: ObservedInstance, now: ObservedInstance
) -> Iterator[Operation]:
    for old, new in still_there:
        policy = before.policies.get(old.id)
        if policy and now.policies.get(old.id, policy) != policy:
            yield SetRestartPolicy(new.name, policy)


def _start_again(
    before: ObservedInstance, still_there: Iterable[Pair], kept: Collection[str]
) -> Iterator[Operation]:
    """Start what ran before, in the order in which parts start."""
    serving = {old.id for old, new in still_there if new.is_active and not new.is_stopping}
    there = {old.id for old, _ in still_there}
    for container in reversed(_sort_by_stop_order(before.containers)):
        if not container.is_active or container.id in serving:
            continue
        if is_auto_removed(container):
            yield from _make_again(container, is_there=container.id in there, kept=kept)
        elif container.id in there:
            yield StartAgain(container)


def _make_again(
    container: ObservedContainer, *, is_there: bool, kept: Collection[str]
) -> tuple[Operation, ...]:
    """Make a container again, once the engine has removed the old one and its name is free."""
    if container.name not in kept:
        return ()
    room = (Remove(container.name),) if is_there else ()
    return (*room, MakeAgain(container), StartAgain(container))


def _carry_data_back(starts: Iterable[Operation], carried: CarryOver | None) -> Iterator[Operation]:
    """Give Valkey's files their old form back before the old Valkey starts."""
    for operation in starts:
        if carried and isinstance(operation, StartAgain) and _is_valkey(operation.container):
            yield replace(carried, to=carried.to.other)
        yield operation


def _is_valkey(container: ObservedContainer) -> bool:
    return container.part is Part.VALKEY


def _sort_by_stop_order(containers: Iterable[ObservedContainer]) -> list[ObservedContainer]:
    return sorted(containers, key=lambda container: STOP_ORDER.index(part_of(container)))
