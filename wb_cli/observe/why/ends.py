"""Judge the parts that do not run: who or what ended them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from wb_cli.contract import Part
from wb_cli.engine.types import State
from wb_cli.observe.why.evidence import Hand
from wb_cli.observe.why.finding import Cause, Finding, tell_command, tell_crash, tell_parts
from wb_cli.quantities import describe_age

if TYPE_CHECKING:
    from wb_cli.engine.types import ContainerDetail
    from wb_cli.observe.why.evidence import Evidence, PartEvidence

KILLED, TERMINATED = 137, 143
# A container that was started again so often by the engine, and does not answer, is in a loop.
LOOP = 3


def judge_ends(evidence: Evidence) -> Finding | None:
    """Explain the first part, in the order of cause and effect, that does not run."""
    for part in evidence.by_cause:
        if part.detail and (finding := _judge(evidence, part, part.detail)):
            return finding
    return None


def _judge(evidence: Evidence, part: PartEvidence, detail: ContainerDetail) -> Finding | None:
    if detail.state is State.PAUSED:
        line = f"{part.name} is paused: the engine holds its processes still"
        told = tuple(tell_parts(evidence))
        return Finding(Cause.PAUSED, line, told, f"`docker unpause {part.name}` lets it go on.")
    if detail.state is State.RESTARTING or _is_between_ends(part, detail):
        return _describe_loop(evidence, part, detail)
    if detail.state.has_ended:
        return _describe_end(evidence, part, detail)
    return None


def _is_between_ends(part: PartEvidence, detail: ContainerDetail) -> bool:
    """Whether it is a container of a crash loop in the moment in which it runs."""
    return detail.state is State.RUNNING and detail.restart_count >= LOOP and not part.is_healthy


def _describe_loop(evidence: Evidence, part: PartEvidence, detail: ContainerDetail) -> Finding:
    count = max(detail.restart_count, 1)
    times = f"{count} times" if count > 1 else "once"
    memory = " out of memory" if detail.oom_killed else ""
    crash = evidence.last_crash(part.part)
    code = detail.exit_code if detail.state.has_ended or not crash else crash.exit_code
    line = (
        f"{part.name} ends again and again{memory}: the engine has started it {times}, and it "
        f"exits with code {code}{_describe_loss(part)}"
    )
    cause = Cause.OUT_OF_MEMORY if detail.oom_killed else Cause.RESTART_LOOP
    return _make(evidence, part, cause, line)


def _describe_end(evidence: Evidence, part: PartEvidence, detail: ContainerDetail) -> Finding:
    cause, what = _name_end(evidence, part, detail)
    line = f"{part.name} {what}, {describe_age(detail.finished_at)} ago{_describe_loss(part)}"
    disk = evidence.disk_problem
    if cause is Cause.CRASHED and disk:
        finding = _make(evidence, part, Cause.DISK, f"{disk.message}, and {line}")
        return replace(finding, remedy=f"{disk.remedy} Then: {finding.remedy}")
    return _make(evidence, part, cause, line)


def _name_end(evidence: Evidence, part: PartEvidence, detail: ContainerDetail) -> tuple[Cause, str]:
    """Say what ended a container: the first case that applies."""
    hand = part.hand
    if hand is Hand.NOT_KNOWN and detail.exit_code == TERMINATED:
        hand = Hand.A_STOP
    by_wb = evidence.was_at_work(detail.finished_at)
    who = f"`{by_wb.begin.command}` of {by_wb.user}" if by_wb else ""
    was_asked = hand in {Hand.A_STOP, Hand.A_KILL}
    by_signal = "(137: `kill -9`, or the kernel of a machine without memory)"
    cases = (
        (detail.oom_killed, Cause.OUT_OF_MEMORY, "ran out of memory and was killed"),
        (was_asked and bool(who), Cause.STOPPED_BY_WB, f"was stopped by {who}"),
        (
            hand is Hand.A_STOP,
            Cause.STOPPED_FROM_OUTSIDE,
            "was stopped from outside (`docker stop`)",
        ),
        (hand is Hand.A_KILL, Cause.KILLED_FROM_OUTSIDE, "was killed from outside (`docker kill`)"),
        (
            detail.exit_code == KILLED,
            Cause.KILLED_FROM_OUTSIDE,
            f"was killed by a signal {by_signal}",
        ),
        (True, Cause.CRASHED, f"ended by itself with code {detail.exit_code}"),
    )
    return next((cause, what) for applies, cause, what in cases if applies)


def _describe_loss(part: PartEvidence) -> str:
    """An instance runs without Valkey, but not as well."""
    return "; the instance runs without its cache" if part.part is Part.VALKEY else ""


def _make(evidence: Evidence, part: PartEvidence, cause: Cause, line: str) -> Finding:
    id_ = evidence.instance
    crash = evidence.last_crash(part.part)
    is_of_it = crash and part.detail and crash.container_id == part.detail.id
    told = (
        *(tell_crash(crash) if is_of_it else ()),
        *tell_parts(evidence),
        *tell_command(evidence.last_command),
    )
    remedy = f"`wb run {id_}` starts it again."
    if cause is Cause.OUT_OF_MEMORY and part.part is Part.PLATFORM:
        remedy = f"`wb config set {id_} memory=...` gives it more; then `wb run {id_}`."
    elif cause in {Cause.CRASHED, Cause.RESTART_LOOP}:
        remedy = f"`wb logs {id_} --failed` shows what it wrote; `wb run {id_}` starts it again."
    return Finding(cause, line, told, remedy)
