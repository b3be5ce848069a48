"""Decide: how containers that an older tool left running give way to wb's own. Pure.

The older containers remove themselves when they stop, and have no labels. They are seen here as if
they had the labels that wb would have given them. So stopping them, and making them again if their
successors fail, is planned like everything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from wb_cli.contract import Part
from wb_cli.engine.types import LABEL_INSTANCE, LABEL_ROLE, LABEL_SPEC, RestartPolicy
from wb_cli.lifecycle.planning.fingerprint import dump
from wb_cli.lifecycle.planning.part import stop_and_remove
from wb_cli.lifecycle.planning.persistence import ValkeyFiles, add_carry_over
from wb_cli.lifecycle.planning.plan import (
    SAVED,
    TAKEN_OVER,
    Lane,
    Plan,
    RemoveNetwork,
    Save,
    Stage,
    drop_empty,
)
from wb_cli.lifecycle.planning.reconcile import plan_run, sort_by_stop_order, stop_one_by_one

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wb_cli.engine.types import ObservedContainer, ObservedNetwork
    from wb_cli.lifecycle.planning.desired import Desired
    from wb_cli.lifecycle.planning.observed_instance import ObservedInstance


def dress_container(
    container: ObservedContainer, instance: str, part: Part, command: tuple[str, ...] = ()
) -> ObservedContainer:
    """See an older tool's container as if it had wb's labels, and was to be made again."""
    made_with = {"restart": str(RestartPolicy.NO), "command": " ".join(command)}
    labels = {LABEL_INSTANCE: instance, LABEL_ROLE: str(part), LABEL_SPEC: dump(made_with)}
    return replace(container, labels={**container.labels, **labels})


def dress_network(
    network: ObservedNetwork, instance: str, labels: Mapping[str, str]
) -> ObservedNetwork:
    """See an older tool's network as if it had wb's labels."""
    return replace(network, labels={**network.labels, **labels, LABEL_INSTANCE: instance})


def plan_takeover(
    desired: Desired,
    own: ObservedInstance,
    old: ObservedInstance,
    subnet: str,
    files: ValkeyFiles | None,
) -> Plan:
    """Plan what puts wb's containers in the place of an older tool's.

    ``own`` is what wb has of the instance already, after a command that was interrupted; ``old`` is
    what the older tool left, in the dress of wb's. The older network has the name that the new one
    gets, so it goes before.
    """
    up = plan_run(desired, own, subnet)
    stops = [
        Lane(container.name, TAKEN_OVER, stop_and_remove(container, old))
        for container in sort_by_stop_order(old)
    ]
    networks = tuple(
        Lane("network", TAKEN_OVER, (RemoveNetwork(network.id, network.name),))
        for network in old.networks
    )
    both = replace(old, containers=(*own.containers, *old.containers))
    plan = replace(up, stages=(*stop_one_by_one(stops), *drop_empty(networks), *up.stages))
    plan = add_carry_over(plan, desired, both, files)
    if any(isinstance(operation, Save) for operation in plan.operations):
        return plan
    return replace(plan, stages=(*drop_empty(_save(old)), *plan.stages))


def _save(old: ObservedInstance) -> Stage:
    """Save before anything stops: the platform still serves meanwhile."""
    return tuple(
        Lane(Part.VALKEY, SAVED, (Save(container.name, old.stop_timeout(container)),))
        for container in old.containers
        if container.part is Part.VALKEY and container.is_running
    )
