"""The causes in order of precedence. The first that applies explains the instance. Pure."""

from __future__ import annotations

from collections.abc import Callable

from wb_cli.contract import Part
from wb_cli.engine.events import Happening
from wb_cli.engine.types import State
from wb_cli.observe.history import Stage
from wb_cli.observe.status.instance_state import Condition
from wb_cli.observe.why.down import (
    judge_absence,
    judge_failed_start,
    judge_failure,
    judge_obstacle,
    judge_stop,
    list_problems,
)
from wb_cli.observe.why.ends import judge_ends
from wb_cli.observe.why.evidence import Evidence
from wb_cli.observe.why.finding import (
    Cause,
    Finding,
    tell_command,
    tell_crash,
    tell_part,
    tell_parts,
)
from wb_cli.quantities import describe_age

Judge = Callable[[Evidence], Finding | None]


def explain(evidence: Evidence) -> Finding:
    """Find the first cause that applies."""
    found = (judge(evidence) for judge in TABLE)
    return next(finding for finding in found if finding)


def _engine(evidence: Evidence) -> Finding | None:
    if not evidence.engine_problem:
        return None
    known = (*tell_command(evidence.last_command), *tell_crash(evidence.last_crash()))
    line = f"how {evidence.instance} stands is not known: {evidence.engine_problem}"
    return Finding(Cause.ENGINE_AWAY, line, known, evidence.engine_remedy)


def _not_declared(evidence: Evidence) -> Finding | None:
    if evidence.is_declared or evidence.refused:
        return None
    id_ = evidence.instance
    runs = "" if evidence.is_down else ", but it has containers"
    remedy = f"`wb config add {id_}` declares it." if not runs else f"`wb stop {id_}` stops it."
    changes = [c for c in evidence.commands if c.is_of_entry]
    told = tell_command(changes[-1] if changes else evidence.last_command)
    parts = tell_parts(evidence) if runs else ()
    line = f"{id_} is not in the registry file {evidence.registry}{runs}"
    return Finding(Cause.NOT_DECLARED, line, (*told, *parts), remedy)


def _refused(evidence: Evidence) -> Finding | None:
    if not evidence.refused:
        return None
    runs = "" if evidence.is_down else "; what runs was started before"
    line = f"the entry of {evidence.instance} is refused: {evidence.refused.problem}{runs}"
    parts = () if evidence.is_down else tuple(tell_parts(evidence))
    where = f"line {evidence.refused.line} of {evidence.registry}"
    return Finding(Cause.ENTRY_REFUSED, line, (where, *parts), evidence.refused.remedy)


def _foreign(evidence: Evidence) -> Finding | None:
    if not evidence.foreign:
        return None
    first, *others = evidence.foreign
    told = (*(other.message for other in others), *tell_command(evidence.last_command))
    return Finding(Cause.NAME_TAKEN, first.message, told, first.remedy)


def _at_work(evidence: Evidence) -> Finding | None:
    command = evidence.last_command
    if not command or command.stage is not Stage.UNDER_WAY:
        return None
    ago = describe_age(command.begin.began)
    line = (
        f"`{command.begin.command}` of {command.user} (pid {command.begin.pid}) has been at work "
        f"on {evidence.instance} for {ago}"
    )
    return Finding(
        Cause.COMMAND_AT_WORK, line, tuple(tell_parts(evidence)), "Wait until it has ended."
    )


def _interrupted(evidence: Evidence) -> Finding | None:
    command = evidence.last_command
    if not command or command.stage is not Stage.DID_NOT_END or evidence.is_healthy:
        return None
    ago = describe_age(command.begin.began)
    line = (
        f"`{command.begin.command}` of {command.user} did not end, {ago} ago: it was killed, or "
        "the machine stopped"
    )
    remedy = f"`wb run {evidence.instance}` finishes it, `wb stop {evidence.instance}` undoes it."
    return Finding(Cause.COMMAND_INTERRUPTED, line, tuple(tell_parts(evidence)), remedy)


def _gone(evidence: Evidence) -> Finding | None:
    """A part has no container although others have one."""
    if evidence.is_down:
        return None
    for part in evidence.by_cause:
        if not part.detail and part.part is not Part.ADMIN:
            removed = [
                e for e in evidence.events if e.name == part.name and e.what is Happening.REMOVED
            ]
            when = f" {describe_age(removed[-1].when)} ago" if removed else ""
            line = f"{part.name} has no container: it was removed from outside{when}"
            told = (*tell_parts(evidence), *tell_command(evidence.last_command))
            return Finding(Cause.PART_GONE, line, told, f"`wb run {evidence.instance}` makes it.")
    return None


def _unwell(evidence: Evidence) -> Finding | None:
    """The platform runs, and says that it is not well."""
    platform = evidence.part(Part.PLATFORM)
    if not platform or platform.state is not State.RUNNING or platform.is_healthy:
        return None
    report, told = platform.report, tuple(tell_parts(evidence))
    id_, logs = evidence.instance, f"`wb logs {evidence.instance}` shows what it writes."
    if platform.is_refused and report:
        remedy = (
            "The database in its folder was made with another password: write that one as "
            f"`postgresPassword` into {id_}.json in the secrets folder, or set PG_PASSWORD."
        )
        return Finding(
            Cause.PASSWORD_REFUSED, f"PostgreSQL refuses {id_}: {report.detail}", told, remedy
        )
    if report and report.facts.get("database", {}).get("connected") is False:
        return Finding(Cause.NO_DATABASE, f"{id_} has {report.detail}", told, logs)
    if platform.said:
        line = f"{id_} answers its health check with an error: {platform.said}"
        return Finding(Cause.UNHEALTHY, line, told, logs)
    if report and report.condition is Condition.UNHEALTHY:
        line = f"{id_} does not answer, and the health check of its image calls it unhealthy"
        return Finding(Cause.UNHEALTHY, line, told, logs)
    return Finding(Cause.STARTING, f"{id_} {tell_part(platform)}: no answer yet", told, logs)


def _others_start(evidence: Evidence) -> Finding | None:
    for part in evidence.by_cause:
        if part.state is State.RUNNING and not part.is_healthy:
            line = f"{part.name} {tell_part(part)}"
            return Finding(Cause.STARTING, line, tuple(tell_parts(evidence)))
    return None


def _not_started(evidence: Evidence) -> Finding | None:
    for part in evidence.by_cause:
        if part.state is State.CREATED:
            line = f"{part.name} was made and never started"
            told = (*tell_command(evidence.last_command), *tell_parts(evidence))
            remedy = f"`wb run {evidence.instance}` starts it."
            return Finding(Cause.NOT_STARTED, line, told, remedy)
    return None


def _disk(evidence: Evidence) -> Finding | None:
    """It runs still, but its disk is full."""
    if not (disk := evidence.disk_problem):
        return None
    line = f"{evidence.instance} runs, but {disk.message}"
    return Finding(Cause.DISK, line, tuple(tell_parts(evidence)), disk.remedy)


def _back(evidence: Evidence) -> Finding | None:
    """A part crashed a short while ago, and the engine started it again."""
    for part in evidence.by_cause:
        crash = evidence.last_crash(part.part)
        if not crash or not part.detail or not part.detail.restart_count:
            continue
        if crash.finished_at < evidence.recent:
            continue
        if crash.container_id == part.detail.id and crash.finished_at == part.detail.finished_at:
            count = part.detail.restart_count
            times = f"{count} times" if count > 1 else "once"
            cause = Cause.OUT_OF_MEMORY if crash.oom_killed else Cause.CRASHED_AND_BACK
            age = describe_age(part.detail.finished_at)
            line = (
                f"{part.name} runs again after it had ended {age} ago ({crash.how}); the engine "
                f"has started it again {times}"
            )
            remedy = f"`wb logs {evidence.instance} --failed` shows what it wrote before."
            return Finding(cause, line, tuple(tell_crash(crash)), remedy)
    return None


def _changed(evidence: Evidence) -> Finding | None:
    if not evidence.changes:
        return None
    command, run = evidence.last_command, f"`wb run {evidence.instance}` applies it."
    told = (*evidence.changes, *tell_command(command))
    if command and command.end and command.has_failed:
        line = f"{evidence.instance} runs as before a change that failed: {command.end.error}"
        in_the_way = list_problems(evidence.obstacles)
        crash = evidence.last_crash()
        is_of_it = crash and evidence.was_at_work(crash.kept_at) == command
        more = (*in_the_way, *(tell_crash(crash) if is_of_it else ()))
        return Finding(Cause.CHANGE_FAILED, line, (*told, *more), run)
    line = f"{evidence.instance} runs, but not as declared: {evidence.changes[0]}"
    return Finding(Cause.NOT_APPLIED, line, told, run)


def _drifted(evidence: Evidence) -> Finding | None:
    if not evidence.drift:
        return None
    line = f"{evidence.instance} runs, but not as this wb would make it: {evidence.drift[0]}"
    remedy = f"`wb restart {evidence.instance}` applies it."
    return Finding(Cause.DRIFT, line, evidence.drift, remedy)


def _well(evidence: Evidence) -> Finding:
    starts = [part.detail.started_at for part in evidence.parts if part.detail]
    line = f"nothing is wrong: {evidence.instance} runs, for {describe_age(max(starts))}"
    earlier = [f"before that: {text}" for text in tell_crash(evidence.last_crash())][:1]
    told = (*tell_parts(evidence), *tell_command(evidence.last_command), *earlier)
    return Finding(Cause.HEALTHY, line, told)


TABLE: tuple[Judge, ...] = (
    _engine,
    _not_declared,
    _refused,
    _foreign,
    _at_work,
    _interrupted,
    judge_ends,
    _gone,
    _unwell,
    _others_start,
    _not_started,
    judge_failed_start,
    judge_obstacle,
    judge_stop,
    judge_failure,
    judge_absence,
    _disk,
    _back,
    _changed,
    _drifted,
    _well,
)
