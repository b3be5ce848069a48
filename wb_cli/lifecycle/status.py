"""How instances stand: one engine listing however many there are, and a look at who is up."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from wb_cli import contract
from wb_cli.contract import Role
from wb_cli.engine.types import LABEL_REGISTRY, ContainerSpec
from wb_cli.errors import NotFoundError, UsageError
from wb_cli.lifecycle import probes, warmup
from wb_cli.lifecycle.desired import common_labels
from wb_cli.lifecycle.health import probe, reachable_address
from wb_cli.lifecycle.one_part import refuse_group, why_absent
from wb_cli.lifecycle.preflight import foreign
from wb_cli.lifecycle.present import PREVIOUS
from wb_cli.lifecycle.probes import Answer, Verdict
from wb_cli.lifecycle.targets import instances_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import Observed, ObservedContainer
    from wb_cli.instances.model import Instance
    from wb_cli.instances.refused import RefusedEntry
    from wb_cli.instances.registry import Registry
    from wb_cli.lifecycle.site import Site

PROBES_AT_A_TIME = 16
# What an instance has whatever its entry says.
REQUIRED_ROLES = tuple(role for role in Role if role is not Role.ADMIN)


class PartStatus(Struct, frozen=True):
    """One container: its condition, since when, its published ports, and what it tells of itself.

    ``facts`` are what ``detail`` says, for ``--json``.
    """

    role: str
    name: str
    state: str
    since: str = ""
    ports: str = ""
    image: str = ""
    detail: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_document(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "container": self.name,
            "role": self.role,
            "state": self.state,
            "since": self.since or None,
            "ports": self.ports.split() if self.ports else [],
            "image": self.image or None,
            **self.facts,
        }


class InstanceStatus(Struct, frozen=True):
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


def statuses(
    site: Site,
    instances: Sequence[Instance],
    *,
    orphans: bool,
    refused: Sequence[RefusedEntry] = (),
) -> list[InstanceStatus]:
    """The status of each instance; with ``orphans``, also of what only the engine has of ours.

    An instance whose entry is refused has a status too: what the engine has of it.
    """
    observed = site.engine.observe()
    broken = {entry.instance_id: entry for entry in refused if entry.instance_id}
    ids = [*(instance.id for instance in instances), *broken]
    if orphans:
        registry = common_labels(site.settings)
        running = instances_on(observed, registry[LABEL_REGISTRY])
        ids += sorted(running - set(ids))
    roles = {each.id: _declared_roles(each) for each in instances}
    with ThreadPoolExecutor(PROBES_AT_A_TIME) as pool:
        found = pool.map(
            lambda id_: _status(site, id_, observed, roles.get(id_), broken.get(id_)), ids
        )
        return list(found)


def find_container(
    engine: Engine, instance_id: str, role: Role, registry: Callable[[], Registry]
) -> ObservedContainer:
    """The container of one part of an instance, running or not, declared or not.

    Raises:
        UsageError: the instance has none, or there is no such instance.
    """
    observed = engine.observe()
    for container in observed.containers:
        is_current = not container.name.endswith(PREVIOUS)
        if (container.instance, container.role) == (instance_id, role) and is_current:
            return container
    if instance_id not in instances_on(observed):
        refuse_group(instance_id, registry())
        registry().find(instance_id)
    raise UsageError(
        f"{instance_id} has no {role} container", why_absent(instance_id, role, registry)
    )


def unknown(
    instances: Iterable[Instance], refused: Sequence[RefusedEntry] = ()
) -> list[InstanceStatus]:
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
    ] + [
        InstanceStatus(
            entry.instance_id,
            "unknown",
            tuple(
                PartStatus(role, role.container_name(entry.instance_id), "unknown")
                for role in REQUIRED_ROLES
            ),
            (_refusal(entry),),
        )
        for entry in refused
        if entry.instance_id
    ]


def _declared_roles(instance: Instance) -> tuple[Role, ...]:
    return tuple(role for role in Role if role is not Role.ADMIN or instance.admin_version)


def _refusal(entry: RefusedEntry) -> str:
    return f"the entry is refused: {entry.problem}. {entry.remedy}"


def _status(
    site: Site,
    instance_id: str,
    observed: Observed,
    roles: tuple[Role, ...] | None,
    refused: RefusedEntry | None,
) -> InstanceStatus:
    ours = [c for c in observed.containers if c.instance == instance_id]
    current = {c.role: c for c in ours if not c.name.endswith(PREVIOUS)}
    expected = REQUIRED_ROLES if refused else ()
    shown = roles or tuple(role for role in Role if role in expected or role in current)
    parts = tuple(_part(site, instance_id, role, current.get(role)) for role in shown)
    strangers = foreign(instance_id, observed, str(site.settings.servers_file))
    notes = [problem.message for problem in strangers]
    notes += [
        f"{c.name} is left over; `wb run {instance_id}` tidies up"
        for c in ours
        if c.name.endswith(PREVIOUS)
    ]
    if refused:
        notes.append(_refusal(refused))
    elif roles is None:
        notes.append(f"is not in the registry file; `wb stop {instance_id}` stops it")
    return InstanceStatus(
        instance_id, _summary(parts, is_foreign=bool(strangers)), parts, tuple(notes)
    )


def _summary(parts: Sequence[PartStatus], *, is_foreign: bool) -> str:
    states = {part.role: part.state for part in parts}
    if is_foreign:
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
    told = _ask(site, role, container) if container.is_running else Told(container.state)
    return PartStatus(
        role=role,
        name=container.name,
        state=told.state,
        since=_since(container.status),
        ports=" ".join(f"{p.address}:{p.host}" for p in container.ports),
        image=container.image,
        detail=told.detail,
        facts=told.facts,
    )


class Told(Struct, frozen=True):
    """What a container said when it was asked."""

    state: str
    detail: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def _ask(site: Site, role: Role, container: ObservedContainer) -> Told:
    """Healthy where it answers; starting where it runs and does not (yet)."""
    if role is Role.PLATFORM and container.ports:
        host, port = reachable_address(container.ports[0])
        answer = probes.http_below_500(host, port, contract.HEALTH_PATH)
        return _told_by_platform(answer)
    try:
        detail = site.engine.inspect(container.id)
    except NotFoundError:
        return Told("stopped")
    spec = ContainerSpec(container.instance or "", role, container.image)
    answer = probe(site.engine, spec, detail)
    if role is Role.VALKEY and answer.verdict is Verdict.READY:
        return _told_by_valkey(detail.addresses.get(spec.instance, ""))
    return Told(_word(answer))


def _word(answer: Answer) -> str:
    return "healthy" if answer.verdict is Verdict.READY else "starting"


def _told_by_platform(answer: Answer) -> Told:
    warm_up = warmup.parse(answer.words)
    if not warm_up:
        return Told(_word(answer))
    return Told(_word(answer), str(warm_up), {"warmUp": warm_up.as_document()})


def _told_by_valkey(address: str) -> Told:
    info = probes.valkey_info(address, contract.VALKEY_PORT) if address else {}
    if not info:
        return Told("healthy")
    keys = int((re.search(r"keys=(\d+)", info.get("db0", "")) or [0, 0])[1])
    saved = info.get("rdb_last_bgsave_status") == "ok"
    since = int(info.get("server_time_usec", "0")) // 10**6 - int(
        info.get("rdb_last_save_time", "0")
    )
    detail = (
        f"{keys:,} keys, {info.get('used_memory_human', '?')}, "
        f"last save {'ok' if saved else 'FAILED'} {since:,} s ago"
    )
    facts = {
        "keys": keys,
        "usedMemoryBytes": int(info.get("used_memory", 0)),
        "lastSave": int(info.get("rdb_last_save_time", "0")),
        "lastSaveSucceeded": saved,
    }
    return Told("healthy", detail, {"valkey": facts})


def _since(status: str) -> str:
    """The engine's sentence without its verdict: ``Up 5 minutes (healthy)`` -> ``5 minutes``."""
    return re.sub(r"^Up |\s*\([a-z: ]+\)$", "", status)
