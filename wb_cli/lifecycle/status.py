"""How instances stand: one engine listing however many there are, and a look at who is up."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wb_cli import contract
from wb_cli.contract import Role
from wb_cli.errors import NotFoundError
from wb_cli.lifecycle import probes
from wb_cli.lifecycle.desired import common_labels
from wb_cli.lifecycle.health import reachable_address
from wb_cli.lifecycle.preflight import foreign_names
from wb_cli.lifecycle.reconcile import PREVIOUS
from wb_cli.lifecycle.targets import instances_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wb_cli.engine.types import Observed, ObservedContainer
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.site import Site

PROBES_AT_A_TIME = 16


@dataclass(frozen=True)
class PartStatus:
    """One container: its condition, since when, its published ports."""

    role: str
    name: str
    state: str
    since: str = ""
    ports: str = ""
    image: str = ""

    def as_document(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "container": self.name,
            "role": self.role,
            "state": self.state,
            "since": self.since or None,
            "ports": self.ports.split() if self.ports else [],
            "image": self.image or None,
        }


@dataclass(frozen=True)
class InstanceStatus:
    """One instance: running, degraded, starting, stopped, partial, foreign or unknown."""

    id: str
    state: str
    parts: tuple[PartStatus, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def as_document(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "id": self.id,
            "state": self.state,
            "containers": [part.as_document() for part in self.parts],
            "notes": list(self.notes),
        }


def statuses(site: Site, instances: Sequence[Instance], *, orphans: bool) -> list[InstanceStatus]:
    """The status of each instance; with ``orphans``, also of what only the engine has of ours."""
    observed = site.engine.observe()
    ids = [instance.id for instance in instances]
    if orphans:
        registry = common_labels(site.settings)
        running = instances_on(observed, registry["wb.registry"])
        ids += sorted(running - set(ids))
    roles = {each.id: _declared_roles(each) for each in instances}
    with ThreadPoolExecutor(PROBES_AT_A_TIME) as pool:
        return list(pool.map(lambda id_: _status(site, id_, observed, roles.get(id_)), ids))


def unknown(instances: Iterable[Instance]) -> list[InstanceStatus]:
    """What can be said where the engine does not answer: nothing is known, which is not "down"."""
    return [
        InstanceStatus(
            each.id,
            "unknown",
            tuple(
                PartStatus(r, r.container_name(each.id), "unknown") for r in _declared_roles(each)
            ),
        )
        for each in instances
    ]


def _declared_roles(instance: Instance) -> tuple[Role, ...]:
    return tuple(role for role in Role if role is not Role.ADMIN or instance.admin_version)


def _status(
    site: Site, instance_id: str, observed: Observed, roles: tuple[Role, ...] | None
) -> InstanceStatus:
    ours = [c for c in observed.containers if c.instance == instance_id]
    current = {c.role: c for c in ours if not c.name.endswith(PREVIOUS)}
    shown = roles or tuple(role for role in Role if role in current)
    parts = tuple(_part(site, instance_id, role, current.get(role)) for role in shown)
    foreign = foreign_names(instance_id, observed)
    notes = [f"{name} is there and is not wb's" for name in foreign]
    notes += [
        f"{c.name} is left over; `wb run {instance_id}` tidies up"
        for c in ours
        if c.name.endswith(PREVIOUS)
    ]
    if roles is None:
        notes.append(f"is not in the registry file; `wb stop {instance_id}` stops it")
    return InstanceStatus(instance_id, _summary(parts, foreign), parts, tuple(notes))


def _summary(parts: Sequence[PartStatus], foreign: Sequence[str]) -> str:
    states = {part.role: part.state for part in parts}
    if foreign:
        return "foreign"
    if set(states.values()) <= {"healthy"}:
        return "running"
    if set(states.values()) <= {"stopped"}:
        return "stopped"
    if all(state == "healthy" for role, state in states.items() if role != Role.VALKEY):
        return "degraded"
    if "starting" in states.values() and set(states.values()) <= {"starting", "healthy"}:
        return "starting"
    return "partial"


def _part(
    site: Site, instance_id: str, role: Role, container: ObservedContainer | None
) -> PartStatus:
    if not container:
        return PartStatus(role, role.container_name(instance_id), "stopped")
    return PartStatus(
        role=role,
        name=container.name,
        state=_condition(site, role, container),
        since=_since(container.status),
        ports=" ".join(f"{p.address}:{p.host}" for p in container.ports),
        image=container.image,
    )


def _condition(site: Site, role: Role, container: ObservedContainer) -> str:
    """Healthy where it answers, starting where it runs and does not; else the engine's word."""
    if not container.is_running:
        return container.state
    try:
        is_ready = is_answering(site, role, container)
    except NotFoundError:
        return "stopped"
    return "healthy" if is_ready else "starting"


def is_answering(site: Site, role: Role, container: ObservedContainer) -> bool:
    """Whether a running container does its part now."""
    if role is Role.ADMIN:
        return True
    if role is Role.PLATFORM and container.ports:
        host, port = reachable_address(container.ports[0])
        return (
            probes.http_below_500(host, port, contract.HEALTH_PATH).verdict is probes.Verdict.READY
        )
    return _inside(site, role, container)


def _inside(site: Site, role: Role, container: ObservedContainer) -> bool:
    from wb_cli.engine.types import ContainerSpec
    from wb_cli.lifecycle.health import probe

    spec = ContainerSpec(container.instance or "", role, container.image)
    return (
        probe(site.engine, spec, site.engine.inspect(container.id)).verdict is probes.Verdict.READY
    )


def _since(status: str) -> str:
    """The engine's sentence without its verdict: ``Up 5 minutes (healthy)`` -> ``5 minutes``."""
    return re.sub(r"^Up |\s*\([a-z: ]+\)$", "", status)
