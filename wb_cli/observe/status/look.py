"""The status of instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.contract import REQUIRED_PARTS
from wb_cli.observe.crashes import look_for_dead
from wb_cli.observe.status import reasons
from wb_cli.observe.status.instance_state import (
    Condition,
    InstanceState,
    InstanceStatus,
    PartStatus,
)
from wb_cli.observe.status.usage import Measurement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wb_cli.contract import Part
    from wb_cli.instances.model import Instance
    from wb_cli.instances.registry_file.refused import RefusedEntry
    from wb_cli.observe.status.survey import Survey


def look_at_all(
    survey: Survey, *, closely: bool = True, measured: bool = False
) -> list[InstanceStatus]:
    """Look at the status of each instance that a survey chose: ask the parts.

    With ``closely`` every container is inspected. With ``measured`` it is added what each uses,
    too. A container that ended badly is put into the black box.
    """
    containers = (c for id_ in survey.ids for c in survey.find_current(id_).values())
    measurement = Measurement(survey.fleet.engine, containers) if measured else None
    for instance_id in survey.ids:
        look_for_dead(survey.fleet, instance_id, survey.observed, survey.inspect)
    statuses = survey.look(closely=closely)
    return measurement.add_to(statuses) if measurement else statuses


def describe_unknown(
    instances: Iterable[Instance], refused: Sequence[RefusedEntry] = ()
) -> list[InstanceStatus]:
    """Describe instances while the engine does not answer. They are unknown, and not "down"."""
    return [
        InstanceStatus(
            instance.id,
            InstanceState.UNKNOWN,
            _describe_unknown_parts(instance.id, instance.parts),
            version=instance.server_version,
        )
        for instance in instances
    ] + [
        InstanceStatus(
            entry.instance_id,
            InstanceState.UNKNOWN,
            _describe_unknown_parts(entry.instance_id, REQUIRED_PARTS),
            (reasons.describe_refusal(entry),),
            version=entry.server_version,
        )
        for entry in refused
        if entry.instance_id
    ]


def _describe_unknown_parts(instance_id: str, parts: Iterable[Part]) -> tuple[PartStatus, ...]:
    return tuple(
        PartStatus(part, part.container_name(instance_id), Condition.UNKNOWN) for part in parts
    )
