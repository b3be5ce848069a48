"""Judge an instance that has no containers: why it did not start, or who stopped it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.engine.events import Happening
from wb_cli.observe.why.finding import Cause, Finding, tell_command, tell_crash
from wb_cli.quantities import describe_age

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wb_cli.lifecycle.guard.problem import Problem
    from wb_cli.observe.why.evidence import Evidence


def judge_failed_start(evidence: Evidence) -> Finding | None:
    """The last command did not bring the instance up, and a container of it failed meanwhile."""
    command, crash = evidence.last_command, evidence.last_crash()
    if not (evidence.is_down and command and command.has_failed and crash):
        return None
    if evidence.was_at_work(crash.kept_at) != command:
        return None
    memory = crash.oom_killed
    cause = Cause.OUT_OF_MEMORY if memory else Cause.START_FAILED
    line = f"the last start failed: {crash.reason or f'{crash.container} {crash.how}'}"
    raise_it = f"`wb config set {evidence.instance} memory=...` gives it more; "
    remedy = f"`wb logs {evidence.instance} --failed` shows what it wrote."
    told = (*tell_crash(crash), *tell_command(command))
    return Finding(cause, line, told, f"{raise_it}{remedy}" if memory else remedy)


def judge_obstacle(evidence: Evidence) -> Finding | None:
    """Something would make a start fail, and it was not stopped on purpose."""
    if not evidence.is_down or not evidence.obstacles or _was_stopped(evidence):
        return None
    first, *others = evidence.obstacles
    line = f"{evidence.instance} cannot start: {first.message}"
    told = (*list_problems(others), *tell_command(evidence.last_command))
    return Finding(Cause(first.kind), line, told, first.remedy)


def list_problems(problems: Iterable[Problem]) -> list[str]:
    """List problems with their remedies."""
    return [f"{problem.message}. {problem.remedy}" for problem in problems]


def _was_stopped(evidence: Evidence) -> bool:
    command = evidence.last_command
    is_stop = command is not None and command.begin.verb == "stop"
    return is_stop and command is not None and not command.has_failed


def judge_stop(evidence: Evidence) -> Finding | None:
    """The last command stopped it on purpose."""
    command = evidence.last_command
    if not evidence.is_down or not command or not _was_stopped(evidence):
        return None
    ago = describe_age(command.begin.began)
    line = (
        f"{evidence.instance} was stopped by `{command.begin.command}` of {command.user}, {ago} ago"
    )
    told = [f"in the way of a start: {text}" for text in list_problems(evidence.obstacles)]
    return Finding(
        Cause.STOPPED_BY_WB, line, tuple(told), f"`wb run {evidence.instance}` starts it."
    )


def judge_failure(evidence: Evidence) -> Finding | None:
    """The last command failed, and what was in its way is in the way no more."""
    command = evidence.last_command
    if not evidence.is_down or not command or not command.end or not command.has_failed:
        return None
    line = f"the last start failed: {command.end.error or command.end.result}"
    remedy = f"Nothing is in the way now: `wb run {evidence.instance}` tries again."
    return Finding(Cause.START_FAILED, line, tuple(tell_command(command)), remedy)


def judge_absence(evidence: Evidence) -> Finding | None:
    """No command says why it has no containers."""
    if not evidence.is_down:
        return None
    run, command = f"`wb run {evidence.instance}` starts it.", evidence.last_command
    if command:
        removed = [event for event in evidence.events if event.what is Happening.REMOVED]
        when = f", {describe_age(removed[-1].when)} ago" if removed else ""
        line = f"the containers of {evidence.instance} were removed from outside{when}"
        return Finding(Cause.REMOVED_FROM_OUTSIDE, line, tuple(tell_command(command)), run)
    line = f"{evidence.instance} was never started, as far as its history reaches"
    return Finding(Cause.NEVER_STARTED, line, (), run)
