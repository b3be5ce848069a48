"""Find the current containers of an instance, to read what they wrote or to look inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.contract import CARRIER_SUFFIX, PREVIOUS_SUFFIX, Part
from wb_cli.errors import UsageError
from wb_cli.lifecycle.stop_selection import find_instances
from wb_cli.observe.absent_part import explain_absence, refuse_group

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import Observed, ObservedContainer
    from wb_cli.instances.registry_file.registry import Registry

Current = dict[Part, "ObservedContainer"]


def pick_current(observed: Observed, instance_id: str) -> Current:
    """Pick the containers of an instance, without those that wb has set aside."""
    set_aside = (PREVIOUS_SUFFIX, CARRIER_SUFFIX)
    return {
        container.part: container
        for container in observed.containers
        if container.instance == instance_id
        and container.part
        and not container.name.endswith(set_aside)
    }


def find_containers(
    engine: Engine, instance_id: str, parts: Sequence[Part], registry: Callable[[], Registry]
) -> Current:
    """Find the containers of some parts, or of all that there are if ``parts`` is empty.

    They are found whether they run or not, and whether the instance is declared or not.

    Raises:
        UsageError: the instance has no such part, or no container at all, or there is no such
            instance, or the word names several instances.
    """
    refuse_group(instance_id, registry)
    observed = engine.observe()
    current = pick_current(observed, instance_id)
    if current and not parts:
        return {part: current[part] for part in Part if part in current}
    missing = [part for part in parts if part not in current]
    if current and not missing:
        return {part: current[part] for part in parts}
    if instance_id not in find_instances(observed):
        registry().find(instance_id)
    if not parts:
        raise UsageError(
            f"{instance_id} has no containers, so it does not run and has no logs",
            explain_absence(instance_id, Part.PLATFORM, registry),
        )
    raise UsageError(
        f"{instance_id} has no {missing[0]} container",
        explain_absence(instance_id, missing[0], registry),
    )


def find_container(
    engine: Engine, instance_id: str, part: Part, registry: Callable[[], Registry]
) -> ObservedContainer:
    """Find the container of one part. For the errors see :func:`find_containers`."""
    return find_containers(engine, instance_id, [part], registry)[part]
