"""The status of instances, from one listing of the engine and a probe of each running part."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from wb_cli.contract import Role
from wb_cli.engine.types import LABEL_REGISTRY
from wb_cli.errors import NotFoundError, UsageError
from wb_cli.lifecycle.guard.preflight import find_foreign
from wb_cli.lifecycle.planning.desired import common_labels
from wb_cli.lifecycle.planning.observed_instance import CARRIER, PREVIOUS
from wb_cli.lifecycle.stop_selection import find_instances
from wb_cli.observe.absent_part import explain_absence, refuse_group
from wb_cli.observe.part_report import Condition, ask
from wb_cli.quantities import describe_age

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import ContainerDetail, Observed, ObservedContainer
    from wb_cli.instances.model import Instance
    from wb_cli.instances.refused import RefusedEntry
    from wb_cli.instances.registry import Registry
    from wb_cli.lifecycle.fleet import Fleet

PROBES_AT_A_TIME = 16
# Every instance has these parts, whatever its entry says.
REQUIRED_ROLES = tuple(role for role in Role if role is not Role.ADMIN)


class InstanceState(StrEnum):
    """The state of a whole instance. Its value is shown in the output."""

    RUNNING = "running"
    DEGRADED = "degraded"
    STARTING = "starting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    PARTIAL = "partial"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"


class PartStatus(Struct, frozen=True):
    """The status of one container.

    ``detail`` is its own report, and ``facts`` is the same for ``--json``. Times are RFC 3339. They
    are empty if the container never started or ended. ``exit_code`` is ``None`` while it runs.
    """

    role: str
    name: str
    state: Condition
    since: str = ""
    ports: str = ""
    image: str = ""
    detail: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    started_at: str = ""
    finished_at: str = ""
    exit_code: int | None = None

    def as_document(self) -> dict[str, Any]:
        """Give the status for ``--json``."""
        return {
            "container": self.name,
            "role": self.role,
            "state": self.state,
            "startedAt": self.started_at or None,
            "finishedAt": self.finished_at or None,
            "exitCode": self.exit_code,
            "ports": self.ports.split() if self.ports else [],
            "image": self.image or None,
            **self.facts,
        }


class InstanceStatus(Struct, frozen=True):
    """The state of one instance, and the status of each of its parts."""

    id: str
    state: InstanceState
    parts: tuple[PartStatus, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def as_document(self) -> dict[str, Any]:
        """Give the status for ``--json``."""
        return {
            "id": self.id,
            "state": self.state,
            "containers": [part.as_document() for part in self.parts],
            "notes": list(self.notes),
        }


def look_at_all(
    fleet: Fleet,
    instances: Sequence[Instance],
    *,
    orphans: bool,
    refused: Sequence[RefusedEntry] = (),
) -> list[InstanceStatus]:
    """Look at the status of each instance.

    With ``orphans``, instances that only the engine has, and not the registry file, are looked at,
    too. An instance whose entry is refused has the status of the containers that the engine has.
    """
    observed = fleet.engine.observe()
    broken = {entry.instance_id: entry for entry in refused if entry.instance_id}
    ids = [*(instance.id for instance in instances), *broken]
    if orphans:
        registry = common_labels(fleet.settings)
        running = find_instances(observed, registry[LABEL_REGISTRY])
        ids += sorted(running - set(ids))
    roles = {instance.id: _list_declared_roles(instance) for instance in instances}
    with ThreadPoolExecutor(PROBES_AT_A_TIME) as pool:
        looks = pool.map(
            lambda id_: _look_at(fleet, id_, observed, roles.get(id_), broken.get(id_)), ids
        )
        return list(looks)


def find_container(
    engine: Engine, instance_id: str, role: Role, registry: Callable[[], Registry]
) -> ObservedContainer:
    """Find the container of one part of an instance, whether it runs or is declared, or not.

    Raises:
        UsageError: the instance has no such part, or there is no such instance.
    """
    observed = engine.observe()
    for container in observed.containers:
        is_current = not container.name.endswith((PREVIOUS, CARRIER))
        if (container.instance, container.role) == (instance_id, role) and is_current:
            return container
    if instance_id not in find_instances(observed):
        refuse_group(instance_id, registry())
        registry().find(instance_id)
    raise UsageError(
        f"{instance_id} has no {role} container", explain_absence(instance_id, role, registry)
    )


def describe_unknown(
    instances: Iterable[Instance], refused: Sequence[RefusedEntry] = ()
) -> list[InstanceStatus]:
    """Describe instances while the engine does not answer. They are unknown, and not "down"."""
    return [
        InstanceStatus(
            instance.id,
            InstanceState.UNKNOWN,
            _describe_unknown_parts(instance.id, _list_declared_roles(instance)),
        )
        for instance in instances
    ] + [
        InstanceStatus(
            entry.instance_id,
            InstanceState.UNKNOWN,
            _describe_unknown_parts(entry.instance_id, REQUIRED_ROLES),
            (_describe_refusal(entry),),
        )
        for entry in refused
        if entry.instance_id
    ]


def _describe_unknown_parts(instance_id: str, roles: Iterable[Role]) -> tuple[PartStatus, ...]:
    return tuple(
        PartStatus(role, role.container_name(instance_id), Condition.UNKNOWN) for role in roles
    )


def _list_declared_roles(instance: Instance) -> tuple[Role, ...]:
    return tuple(role for role in Role if role is not Role.ADMIN or instance.admin_version)


def _describe_refusal(entry: RefusedEntry) -> str:
    return f"the entry is refused: {entry.problem}. {entry.remedy}"


def _look_at(
    fleet: Fleet,
    instance_id: str,
    observed: Observed,
    roles: tuple[Role, ...] | None,
    refused: RefusedEntry | None,
) -> InstanceStatus:
    ours = [c for c in observed.containers if c.instance == instance_id]
    current = {c.role: c for c in ours if not c.name.endswith((PREVIOUS, CARRIER))}
    expected = REQUIRED_ROLES if refused else ()
    shown = roles or tuple(role for role in Role if role in expected or role in current)
    parts = tuple(_look_at_part(fleet, instance_id, role, current.get(role)) for role in shown)
    strangers = find_foreign(instance_id, observed, str(fleet.settings.servers_file))
    notes = [problem.message for problem in strangers]
    notes += [
        f"{c.name} is left over{' and runs' * c.is_active}; `wb run {instance_id}` tidies up"
        for c in ours
        if c.name.endswith((PREVIOUS, CARRIER))
    ]
    if refused:
        notes.append(_describe_refusal(refused))
    elif roles is None:
        notes.append(f"is not in the registry file; `wb stop {instance_id}` stops it")
    return InstanceStatus(
        instance_id, _summarise(parts, is_foreign=bool(strangers)), parts, tuple(notes)
    )


def _summarise(parts: Sequence[PartStatus], *, is_foreign: bool) -> InstanceState:
    """Give the state of a whole instance: the first case that applies."""
    states = {part.state for part in parts}
    without_valkey = {part.state for part in parts if part.role is not Role.VALKEY}
    cases = (
        (is_foreign, InstanceState.FOREIGN),
        (states <= {Condition.STOPPED}, InstanceState.STOPPED),
        (states <= {Condition.HEALTHY}, InstanceState.RUNNING),
        (Condition.STOPPING in states, InstanceState.STOPPING),
        (without_valkey <= {Condition.HEALTHY}, InstanceState.DEGRADED),
        (states <= {Condition.STARTING, Condition.HEALTHY}, InstanceState.STARTING),
    )
    return next((state for applies, state in cases if applies), InstanceState.PARTIAL)


def _look_at_part(
    fleet: Fleet, instance_id: str, role: Role, container: ObservedContainer | None
) -> PartStatus:
    name = role.container_name(instance_id)
    if not container:
        return PartStatus(role, name, Condition.STOPPED)
    try:
        detail = fleet.engine.inspect(container.id)
    except NotFoundError:
        return PartStatus(role, name, Condition.STOPPED)
    report = ask(fleet.engine, role, container, detail)
    return PartStatus(
        role=role,
        name=container.name,
        state=report.condition,
        detail=report.detail,
        facts=report.facts,
        ports=" ".join(map(str, container.ports)),
        image=container.image,
        **_read_times(detail),
    )


def _read_times(detail: ContainerDetail) -> dict[str, Any]:
    """Read when a container started. If it does not run, read when and how it ended, too."""
    has_ended = detail.state.has_ended
    return {
        "started_at": detail.started_at,
        "finished_at": detail.finished_at if has_ended else "",
        "exit_code": detail.exit_code if has_ended else None,
        "since": describe_age(detail.finished_at if has_ended else detail.started_at),
    }
