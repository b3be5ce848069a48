"""Which cause explains an instance, where several apply, and who ended a container."""

from typing import Any

import pytest
from msgspec.structs import replace

from wb_cli.cli.commands.schema import read_schema
from wb_cli.contract import Part
from wb_cli.engine.events import Event, Happening
from wb_cli.engine.types import ContainerDetail, State
from wb_cli.lifecycle.guard.problem import Obstacle, Problem
from wb_cli.lifecycle.record.black_box import Crash
from wb_cli.lifecycle.record.history import Line
from wb_cli.observe.history import PastCommand, Stage
from wb_cli.observe.status.instance_state import Condition
from wb_cli.observe.status.part_report import PartReport
from wb_cli.observe.why.causes import explain
from wb_cli.observe.why.evidence import Evidence, Hand, PartEvidence, find_hand
from wb_cli.observe.why.finding import Cause, Finding

BEFORE, THEN, LATER = (f"2026-01-01T0{hour}:00:00.000000Z" for hour in (1, 2, 3))
PARTS = (Part.POSTGRES, Part.VALKEY, Part.PLATFORM)
PROBLEM = Problem("port 9001 is taken", "Free it.", Obstacle.PORT_TAKEN)
FULL = Problem("only 3 MiB are free at /mnt", "Free some space.", Obstacle.DISK)


def part(
    which: Part,
    state: State | None = State.RUNNING,
    *,
    condition: Condition = Condition.HEALTHY,
    says: str = "",
    facts: dict[str, Any] | None = None,
    hand: Hand = Hand.NOT_KNOWN,
    **ending: Any,
) -> PartEvidence:
    """A part that answers if it runs."""
    name = which.container_name("demo")
    if not state:
        return PartEvidence(which, name)
    is_running = state is State.RUNNING
    report = PartReport(condition if is_running else Condition(str(state)), says, facts or {})
    given: dict[str, Any] = {"exit_code": 0, "started_at": BEFORE, "restart_policy": "always"}
    detail = ContainerDetail(f"id-{which}", name, state, **given | ending)
    return PartEvidence(which, name, detail, report, hand=hand)


def evidence(*parts: PartEvidence, **facts: Any) -> Evidence:
    """An instance that is well but for what is given."""
    others = {known.part: known for known in parts}
    return Evidence(instance="demo", parts=tuple(others.get(p) or part(p) for p in PARTS), **facts)


def down(**facts: Any) -> Evidence:
    return evidence(*(part(p, None) for p in PARTS), **facts)


def command(
    verb: str, code: int = 0, *, stage: Stage = Stage.ENDED, error: str = ""
) -> PastCommand:
    begin = Line("1", BEFORE, verb, f"wb {verb} demo", "root")
    end = Line("1", ended=LATER, exit_code=code, result="failed" if code else "done", error=error)
    return PastCommand("demo", begin, end if stage is Stage.ENDED else None, stage)


CRASH = Crash("demo", Part.PLATFORM, "demo", "id-platform", kept_at=THEN, exit_code=3)
ENDED: dict[str, Any] = {"exit_code": 3, "finished_at": THEN, "hand": Hand.NOBODY}
CASES: dict[str, tuple[Evidence, Cause, str]] = {
    "well": (evidence(), Cause.HEALTHY, "nothing is wrong: demo runs"),
    "PostgreSQL goes before the platform that misses it": (
        evidence(
            part(Part.PLATFORM, condition=Condition.UNHEALTHY, says="no database: x"),
            part(Part.POSTGRES, State.EXITED, **ENDED),
        ),
        Cause.CRASHED,
        "demo-postgres ended by itself with code 3",
    ),
    "the platform goes before Valkey": (
        evidence(
            part(Part.VALKEY, State.EXITED, **ENDED), part(Part.PLATFORM, State.EXITED, **ENDED)
        ),
        Cause.CRASHED,
        "demo ended by itself",
    ),
    "out of memory goes before the code": (
        evidence(part(Part.PLATFORM, State.EXITED, **ENDED, oom_killed=True)),
        Cause.OUT_OF_MEMORY,
        "ran out of memory",
    ),
    "a stop while wb was at work": (
        evidence(
            part(Part.PLATFORM, State.EXITED, finished_at=THEN, hand=Hand.A_STOP),
            commands=(command("stop", 1),),
        ),
        Cause.STOPPED_BY_WB,
        "`wb stop demo` of root",
    ),
    "a stop while wb was not at work": (
        evidence(
            part(Part.PLATFORM, State.EXITED, finished_at="2026-02-01T00:00:00Z", hand=Hand.A_STOP),
            commands=(command("run"),),
        ),
        Cause.STOPPED_FROM_OUTSIDE,
        "`docker stop`",
    ),
    "a SIGTERM that the engine forgot": (
        evidence(part(Part.PLATFORM, State.EXITED, exit_code=143, finished_at=THEN)),
        Cause.STOPPED_FROM_OUTSIDE,
        "`docker stop`",
    ),
    "a loop in the moment in which it runs": (
        evidence(
            part(Part.PLATFORM, condition=Condition.STARTING, restart_count=5), crashes=(CRASH,)
        ),
        Cause.RESTART_LOOP,
        "started it 5 times, and it exits with code 3",
    ),
    "no database": (
        evidence(
            part(
                Part.PLATFORM,
                condition=Condition.UNHEALTHY,
                says="no database: cannot find the host",
                facts={"database": {"connected": False}},
            )
        ),
        Cause.NO_DATABASE,
        "demo has no database: cannot find the host",
    ),
    "unhealthy by its image": (
        evidence(part(Part.PLATFORM, condition=Condition.UNHEALTHY)),
        Cause.UNHEALTHY,
        "the health check of its image",
    ),
    "a platform that still starts": (
        evidence(part(Part.PLATFORM, condition=Condition.STARTING)),
        Cause.STARTING,
        "no answer yet",
    ),
    "a platform that waits for PostgreSQL": (
        evidence(
            part(Part.POSTGRES, condition=Condition.STARTING), part(Part.PLATFORM, State.CREATED)
        ),
        Cause.STARTING,
        "demo-postgres starting",
    ),
    "a container that was never started": (
        evidence(part(Part.PLATFORM, State.CREATED)),
        Cause.NOT_STARTED,
        "demo was made and never started",
    ),
    "an obstacle goes before `never started`": (
        down(obstacles=(PROBLEM,)),
        Cause.PORT_TAKEN,
        "demo cannot start: port 9001 is taken",
    ),
    "a stop on purpose goes before an obstacle": (
        down(obstacles=(PROBLEM,), commands=(command("stop"),)),
        Cause.STOPPED_BY_WB,
        "demo was stopped by `wb stop demo` of root",
    ),
    "a failed start goes before an obstacle": (
        down(obstacles=(PROBLEM,), commands=(command("run", 1),), crashes=(CRASH,)),
        Cause.START_FAILED,
        "the last start failed: demo exited 3",
    ),
    "a start that failed without a crash, and nothing is in the way": (
        down(commands=(command("run", 1, error="no network is free"),)),
        Cause.START_FAILED,
        "the last start failed: no network is free",
    ),
    "a change of the entry is no start": (
        down(commands=(command("config set"),)),
        Cause.NEVER_STARTED,
        "never started",
    ),
    "an interrupted command that left everything well": (
        evidence(commands=(command("run", stage=Stage.DID_NOT_END),)),
        Cause.HEALTHY,
        "nothing is wrong",
    ),
    "a crash an hour ago is no news": (
        evidence(
            part(Part.PLATFORM, restart_count=1, finished_at=THEN),
            crashes=(replace(CRASH, finished_at=THEN),),
            recent=LATER,
        ),
        Cause.HEALTHY,
        "nothing is wrong",
    ),
    "a crash a moment ago is the news": (
        evidence(
            part(Part.PLATFORM, restart_count=1, finished_at=THEN),
            crashes=(replace(CRASH, finished_at=THEN),),
            recent=BEFORE,
            changes=("platform: INSTANCE_NAME",),
        ),
        Cause.CRASHED_AND_BACK,
        "demo runs again after it had ended",
    ),
    "a crash on a full disk": (
        evidence(part(Part.POSTGRES, State.EXITED, **ENDED), obstacles=(FULL,)),
        Cause.DISK,
        "only 3 MiB are free at /mnt, and demo-postgres ended by itself with code 3",
    ),
    "a full disk on which it still runs": (
        evidence(obstacles=(FULL,), changes=("platform: port",)),
        Cause.DISK,
        "demo runs, but only 3 MiB are free",
    ),
    "an obstacle to a start is nothing while it runs": (
        evidence(obstacles=(PROBLEM,)),
        Cause.HEALTHY,
        "nothing is wrong",
    ),
    "drift": (evidence(drift=("platform: image",)), Cause.DRIFT, "platform: image"),
    "a change goes before drift": (
        evidence(drift=("platform: image",), changes=("platform: port",)),
        Cause.NOT_APPLIED,
        "not as declared: platform: port",
    ),
    "an engine that is away says nothing of the rest": (
        down(engine_problem="the engine does not answer", commands=(command("run", 1),)),
        Cause.ENGINE_AWAY,
        "how demo stands is not known",
    ),
    "an id that was removed from the registry file": (
        down(is_declared=False, commands=(command("config remove"),)),
        Cause.NOT_DECLARED,
        "demo is not in the registry file",
    ),
}


@pytest.mark.parametrize(("given", "cause", "words"), CASES.values(), ids=CASES)
def test_the_first_cause_that_applies_explains_it(
    given: Evidence, cause: Cause, words: str
) -> None:
    finding = explain(given)
    assert (finding.cause, words in finding.line) == (cause, True), finding


def event(what: Happening, container: str = "c1", **facts: Any) -> Event:
    return Event(THEN, container, "demo", "demo", Part.PLATFORM, what, **facts)


START, DIE, STOP_SIGNAL, KILL_SIGNAL = (
    event(Happening.STARTED),
    event(Happening.ENDED, exit_code=1),
    event(Happening.SIGNALLED, signal=15),
    event(Happening.SIGNALLED, signal=9),
)


@pytest.mark.parametrize(
    ("events", "hand"),
    [
        ((START, DIE), Hand.NOBODY),
        ((START, STOP_SIGNAL, DIE), Hand.A_STOP),
        ((START, STOP_SIGNAL, KILL_SIGNAL, DIE), Hand.A_STOP),
        ((START, KILL_SIGNAL, DIE), Hand.A_KILL),
        ((STOP_SIGNAL, DIE), Hand.A_STOP),
        ((START, STOP_SIGNAL, DIE, START, DIE), Hand.NOBODY),
        ((START,), Hand.NOT_KNOWN),
        ((DIE,), Hand.NOT_KNOWN),
        ((event(Happening.STARTED, "c2"), event(Happening.ENDED, "c2")), Hand.NOT_KNOWN),
        ((), Hand.NOT_KNOWN),
    ],
)
def test_who_ended_a_container(events: tuple[Event, ...], hand: Hand) -> None:
    assert find_hand(events, "c1") is hand


def test_every_obstacle_is_a_cause() -> None:
    assert {str(kind) for kind in Obstacle} <= {str(cause) for cause in Cause}


def test_the_schema_has_every_cause() -> None:
    assert all(f'"{cause}"' in read_schema("why") for cause in Cause)


def test_without_a_remedy_the_document_has_none() -> None:
    document = Finding(Cause.HEALTHY, "well", ("a fact",)).as_document("demo")
    assert document["remedy"] is None
    assert document["evidence"] == ["a fact"]
