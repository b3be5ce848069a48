"""Collect the evidence about one instance, and change nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from wb_cli.contract import REQUIRED_PARTS, Part
from wb_cli.engine.types import ContainerSpec, State
from wb_cli.errors import EngineUnreachableError, NotFoundError, WbError
from wb_cli.lifecycle.guard import database_version, first_start
from wb_cli.lifecycle.guard.preflight import Preflight, find_foreign
from wb_cli.lifecycle.guard.problem import Problem
from wb_cli.lifecycle.planning.observed_instance import CARRIER, PREVIOUS
from wb_cli.lifecycle.planning.reconcile import plan_run
from wb_cli.lifecycle.readiness import health_report
from wb_cli.lifecycle.readiness.health import probe
from wb_cli.lifecycle.readiness.probes import Verdict
from wb_cli.lifecycle.record.beside_registry import find_history
from wb_cli.observe.crashes import look_for_dead, read_crashes
from wb_cli.observe.history import read_history
from wb_cli.observe.status.part_report import ask
from wb_cli.observe.why.evidence import Evidence, PartEvidence, find_hand

if TYPE_CHECKING:
    from collections.abc import Callable

    from wb_cli.engine.events import Event
    from wb_cli.engine.types import ContainerDetail, Observed, ObservedContainer
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance
    from wb_cli.instances.registry_file.registry import Registry
    from wb_cli.lifecycle.fleet import Fleet

COMMANDS_READ = 50
SAID_AT_MOST = 200
# A crash is no news any more after this time, if the container has run on since.
RECENT = timedelta(hours=1)


def collect(
    instance_id: str, settings: Settings, registry: Registry, find_fleet: Callable[[], Fleet]
) -> Evidence:
    """Collect the evidence about an instance, whether it is declared or not.

    Raises:
        UsageError: nothing at all is known of the instance.
        WbError: the black box or the history cannot be read.
    """
    declared = {instance.id: instance for instance in registry.instances}.get(instance_id)
    refused = next((e for e in registry.refused if e.id == instance_id), None)
    try:
        fleet = find_fleet()
        observed = fleet.engine.observe()
        inspect = cache(fleet.engine.inspect)  # a container is asked about once
        look_for_dead(fleet, instance_id, observed, inspect)
        found = _look(fleet, instance_id, declared, observed, inspect)
    except EngineUnreachableError as error:
        found = {"engine_problem": error.message, "engine_remedy": error.hint}
    history = find_history(settings.servers_file)
    evidence = Evidence(
        instance=instance_id,
        registry=str(settings.servers_file),
        recent=(datetime.now(UTC) - RECENT).isoformat(),
        is_declared=declared is not None,
        refused=refused,
        crashes=read_crashes(settings, instance_id).records,
        commands=tuple(read_history(history, [instance_id], COMMANDS_READ)),
        **found,
    )
    is_unheard_of = not (declared or refused or evidence.commands or evidence.crashes)
    if is_unheard_of and not evidence.foreign and evidence.is_down:
        registry.find(instance_id)  # raises, and suggests similar ids
    return evidence


def _look(
    fleet: Fleet,
    instance_id: str,
    declared: Instance | None,
    observed: Observed,
    inspect: Callable[[str], ContainerDetail],
) -> dict[str, Any]:
    """Look at everything of an instance that the engine has, and at what a start would need."""
    events = fleet.engine.recall_events(instance_id)
    ours = [c for c in observed.containers if c.instance == instance_id]
    current = {c.part: c for c in ours if not c.name.endswith((PREVIOUS, CARRIER))}
    expected = declared.parts if declared else REQUIRED_PARTS
    shown = [part for part in Part if part in expected or part in current]

    def look_at(part: Part) -> PartEvidence:
        container = current.get(part)
        try:
            detail = inspect(container.id) if container else None
        except NotFoundError:
            detail = None
        if not container or not detail:
            return PartEvidence(part, part.container_name(instance_id))
        return _look_at_part(fleet, container, part, detail, events)

    with ThreadPoolExecutor(len(shown)) as pool:
        looked = tuple(pool.map(look_at, shown))
    return {
        "parts": looked,
        "events": events,
        "foreign": tuple(find_foreign(instance_id, observed, str(fleet.settings.servers_file))),
        **(_compare(fleet, declared, observed, inspect) if declared else {}),
    }


def _look_at_part(
    fleet: Fleet,
    container: ObservedContainer,
    part: Part,
    detail: ContainerDetail,
    events: tuple[Event, ...],
) -> PartEvidence:
    said, is_refused = "", False
    if part is Part.PLATFORM and detail.state is State.RUNNING:
        said, is_refused = _hear(fleet, container, detail)
    return PartEvidence(
        part=part,
        name=container.name,
        detail=detail,
        report=ask(fleet.engine, part, container, detail),
        said=said,
        is_refused=is_refused,
        hand=find_hand(events, container.id),
    )


def _hear(fleet: Fleet, container: ObservedContainer, detail: ContainerDetail) -> tuple[str, bool]:
    """Give what a platform answers that is not well, and whether its database refuses it."""
    instance = container.instance or ""
    spec = ContainerSpec(instance, Part.PLATFORM, container.image, ports=container.ports)
    answer = probe(fleet.engine, spec, detail)
    report = health_report.parse(answer.text)
    is_unwell = answer.verdict is Verdict.NOT_YET and bool(answer.text)
    return (answer.text.strip()[:SAID_AT_MOST] if is_unwell else ""), bool(
        report and report.is_refused
    )


def _compare(
    fleet: Fleet,
    declared: Instance,
    observed: Observed,
    inspect: Callable[[str], ContainerDetail],
) -> dict[str, Any]:
    """Compare an instance with what is declared, and find what would be in the way of a start."""
    try:
        wanted = fleet.describe(declared, create_secrets=False)
    except WbError as error:
        return {"obstacles": (Problem(error.message, error.hint),)}
    images = {spec.image for spec in wanted.containers}
    current = fleet.inspect(declared.id, observed, images, inspect)
    plan = plan_run(wanted, current, "")
    preflight = Preflight(
        declared,
        fleet.settings,
        wanted,
        observed,
        current,
        fleet.machine,
        first_start.look(fleet, declared, observed),
        database_version.look(fleet, declared, plan, wanted, current),
    )
    return {
        "obstacles": tuple(preflight.find_problems()),
        "changes": plan.reasons,
        "drift": plan.drift,
    }
