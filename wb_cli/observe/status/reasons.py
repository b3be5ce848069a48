"""Say why an instance is not plainly running, and what to do about it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.contract import Part
from wb_cli.lifecycle.guard.half_restored import Left, suggest
from wb_cli.lifecycle.planning.observed_instance import CARRIER, PREVIOUS
from wb_cli.lifecycle.planning.part import find_drift, steps_for
from wb_cli.lifecycle.planning.plan import LEFT_OVER
from wb_cli.observe.status.instance_state import Condition
from wb_cli.quantities import describe_duration, shorten_list

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wb_cli.engine.types import ObservedContainer
    from wb_cli.instances.registry_file.refused import RefusedEntry
    from wb_cli.lifecycle.guard.lock import Holder
    from wb_cli.lifecycle.guard.problem import Problem
    from wb_cli.lifecycle.planning.desired import Desired
    from wb_cli.lifecycle.planning.observed_instance import ObservedInstance
    from wb_cli.observe.status.instance_state import PartStatus

# The worst first. A part that is not there is told after one that has ended.
BY_WEIGHT = (
    Condition.EXITED,
    Condition.RESTARTING,
    Condition.DEAD,
    Condition.UNHEALTHY,
    Condition.PAUSED,
    Condition.UNKNOWN,
    Condition.STOPPED,
    Condition.CREATED,
    Condition.REMOVING,
    Condition.STOPPING,
    Condition.STARTING,
)


def describe_refusal(entry: RefusedEntry) -> str:
    """Say why an entry of the registry file is refused, and what corrects it."""
    return f"the entry is refused: {entry.problem}. {entry.remedy}"


def describe_stranger(problem: Problem) -> str:
    """Say what has one of the instance's names, and what to do."""
    return f"{problem.message}. {problem.remedy}"


def describe_undeclared(instance_id: str) -> str:
    """Say that only the engine has an instance."""
    return f"is not in the registry file; `wb stop {instance_id}` stops it"


def describe_interrupted_takeover(instance_id: str) -> str:
    """Say that a takeover did not end. Until it does, the older containers can be brought back."""
    return f"its takeover was interrupted; `wb adopt {instance_id}` ends it"


def describe_older(ids: Sequence[str], options: str = "") -> str:
    """Say what an older tool left that no entry declares, and what takes it over.

    ``options`` are those of a command line that choose the host.
    """
    wb = f"wb {options}".rstrip()
    if len(ids) == 1:
        return (
            f"An older tool left {ids[0]}; `{wb} adopt {ids[0]} --dry-run` shows how wb takes over"
        )
    return f"An older tool left {shorten_list(ids)}; `{wb} adopt` shows what wb can take over"


def describe_command(holder: Holder, now: float) -> str:
    """Say which command of wb works on an instance now."""
    took = f" for {describe_duration(now - holder.began)}" if holder.began else ""
    return f"`{holder.command}` of {holder.user} is at work{took}"


def describe_parts(
    instance_id: str, parts: Sequence[PartStatus], now: float, *, can_run: bool
) -> Iterator[str]:
    """Say of each part that is not healthy how it stands, the worst first.

    Nothing is said of an instance of which no part is there.
    """
    if all(part.state is Condition.STOPPED for part in parts):
        return
    unwell = [part for part in parts if part.state is not Condition.HEALTHY]
    for part in sorted(unwell, key=lambda part: BY_WEIGHT.index(part.state)):
        yield _describe_part(instance_id, part, now, can_run=can_run)


def _describe_part(instance_id: str, part: PartStatus, now: float, *, can_run: bool) -> str:
    logs = f"`{_name_logs(instance_id, part)}` says why"
    run = f"; `wb run {instance_id}` starts it" if can_run else ""
    detail = f": {part.detail}" if part.detail else ""
    ago = f" {describe_duration(now - part.since)} ago" if part.since is not None else ""
    return {
        Condition.EXITED: f"{part.part} ended{ago}{detail}; {logs}",
        Condition.RESTARTING: f"{part.part} ends again and again{detail}; {logs}",
        Condition.DEAD: f"{part.part} could not be removed by the engine{run}",
        Condition.UNHEALTHY: f"{part.part} is unhealthy{detail}; {logs}",
        Condition.PAUSED: f"{part.part} is paused; `docker unpause {part.name}` lets it go on",
        Condition.UNKNOWN: f"{part.part}{detail or ' is in a state that this wb does not know'}",
        Condition.STOPPED: f"{part.part} is not there{run}",
        Condition.CREATED: f"{part.part} was created and never started{run}",
        Condition.REMOVING: f"{part.part} is being removed by the engine",
        Condition.STOPPING: f"{part.part} was told to stop and still runs",
        Condition.STARTING: f"{part.part} is starting{detail}",
    }[part.state]


def describe_restarts(instance_id: str, parts: Sequence[PartStatus], now: float) -> Iterator[str]:
    """Say how often the engine has restarted parts that run."""
    for part in parts:
        if part.state is Condition.HEALTHY and part.restarts:
            times = "once" if part.restarts == 1 else f"{part.restarts} times"
            ago = f", last {describe_duration(now - part.since)} ago" if part.since else ""
            logs = _name_logs(instance_id, part)
            yield f"{part.part} was restarted {times}{ago}; `{logs}` may say why"


def describe_restore(left: Left, instance_id: str) -> Iterator[str]:
    """Say what a restore left, and what to do about it."""
    if left is not Left.NOTHING:
        yield f"{left.value}; {suggest(left, instance_id).rstrip('.')}"


def describe_differences(desired: Desired, current: ObservedInstance) -> Iterator[str]:
    """Say in what the running parts differ from what is declared, as the planner sees it.

    ``wb run`` applies what the operator declared. Anything else is drift, for ``wb restart``.
    """
    changes, drift = [], []
    for spec in desired.containers:
        container = current.container(spec.name)
        if not container or not container.is_running or container.is_stopping:
            continue
        lane = steps_for(spec, current)
        if lane and lane.cause != LEFT_OVER:  # what is left over has a reason of its own
            changes.append(f"{spec.part}: {lane.cause}")
        elif difference := find_drift(spec, current):
            drift.append(f"{spec.part}: {difference}")
    if changes:
        yield f"changed: {'; '.join(changes)}; `wb run {desired.instance}` applies it"
    if drift:
        yield f"drift: {'; '.join(drift)}; `wb restart {desired.instance}` applies it"


def describe_leftovers(
    instance_id: str, containers: Sequence[ObservedContainer], *, is_declared: bool
) -> Iterator[str]:
    """Name the containers that an interrupted command has left over."""
    command = "run" if is_declared else "stop"
    for container in containers:
        if container.name.endswith((PREVIOUS, CARRIER)):
            runs = " and runs" * container.is_active
            yield f"{container.name} is left over{runs}; `wb {command} {instance_id}` tidies up"


def _name_logs(instance_id: str, part: PartStatus) -> str:
    of_part = "" if part.part == Part.PLATFORM else f" --part {part.part}"
    return f"wb logs {instance_id}{of_part}"
