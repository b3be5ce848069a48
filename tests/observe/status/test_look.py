"""The status of instances, from one listing of the engine."""

import json
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from lifecycle.examples import DEMO, SETTINGS
from msgspec.structs import replace
from support.fake_engine import FINISHED_AT, LOADING, STARTED_AT, FakeEngine, Program, answers

from wb_cli.contract import Part
from wb_cli.engine.types import ContainerSpec, NetworkSpec, Observed, Port, State
from wb_cli.instances.secrets import SecretStore
from wb_cli.lifecycle.fleet import Fleet
from wb_cli.lifecycle.readiness import probes
from wb_cli.lifecycle.readiness.probes import Answer, Verdict
from wb_cli.observe.status.instance_state import Condition, InstanceState, InstanceStatus
from wb_cli.observe.status.look import describe_unknown, look_at_all
from wb_cli.observe.status.survey import Survey

MINE = {"wb.registry": str(SETTINGS.servers_file)}
IMAGE = "x:1"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    unreachable = Answer(Verdict.UNREACHABLE)
    monkeypatch.setattr(probes, "ask_http", lambda *_: unreachable)
    made = FakeEngine([IMAGE])
    made.create_network(NetworkSpec("demo", "10.0.0.0/29", MINE))
    return made


@pytest.fixture
def fleet(engine: FakeEngine, tmp_path: Path) -> Fleet:
    return Fleet(engine, SETTINGS, SecretStore(tmp_path))


def as_declared(part: Part) -> dict[str, str]:
    """The labels of a container that is as demo's entry declares it."""
    fleet = Fleet(FakeEngine([]), SETTINGS, SecretStore(Path("/nowhere")))
    more: dict[Part, Any] = {Part.ADMIN: {"admin_version": "1"}, Part.WAL: {"point_in_time": True}}
    declared = replace(DEMO, **more.get(part, {}))
    spec = fleet.describe(declared, create_secrets=False).container(part)
    assert spec
    return {**spec.labels, **MINE}


def add(
    engine: FakeEngine, part: Part, name: str = "", instance: str = "demo", **changes: Any
) -> str:
    spec = ContainerSpec(instance, part, IMAGE, labels=as_declared(part), **changes)
    id_ = engine.create_container(spec, next(iter(engine.networks)))
    engine.start(id_)
    engine.set_restart_policy(id_, "always")
    if name:
        engine.rename(id_, name)
    return id_


def all_up(engine: FakeEngine) -> None:
    for part in (Part.POSTGRES, Part.VALKEY, Part.PLATFORM):
        add(engine, part)


def status(fleet: Fleet, **changes: Any) -> InstanceStatus:
    (shown,) = look_at_all(Survey(fleet, [replace(DEMO, **changes)], orphans=False))
    return shown


Change = Callable[[FakeEngine], Any]


def unready(engine: FakeEngine, name: str) -> None:
    engine.named(name).program = Program(answers=LOADING)


def gone(engine: FakeEngine, name: str) -> None:
    del engine.containers[engine.named(name).id]


STATES: dict[str, tuple[Change, str, dict[str, str]]] = {
    "all of it answers": (lambda _: None, "running", {}),
    "valkey exited": (
        lambda e: e.crash("demo-valkey"), "degraded", {"valkey": "exited"},
    ),
    "valkey is loading": (
        lambda e: unready(e, "demo-valkey"), "degraded", {"valkey": "starting"},
    ),
    "valkey is gone": (lambda e: gone(e, "demo-valkey"), "degraded", {"valkey": "stopped"}),
    "the platform starts": (
        lambda e: unready(e, "demo"), "starting", {"platform": "starting"},
    ),
    "the platform exited": (lambda e: e.crash("demo"), "broken", {"platform": "exited"}),
    "postgres is gone": (
        lambda e: gone(e, "demo-postgres"), "broken", {"postgres": "stopped"},
    ),
    "nothing is there": (
        lambda e: e.containers.clear(),
        "stopped",
        dict.fromkeys(("postgres", "valkey", "platform"), "stopped"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "state", "parts"), STATES.values(), ids=STATES)
def test_an_instance_s_state_follows_from_its_parts(
    fleet: Fleet, engine: FakeEngine, change: Change, state: str, parts: dict[str, str]
) -> None:
    all_up(engine)
    change(engine)
    shown = status(fleet)
    assert shown.state == state
    healthy = dict.fromkeys(("postgres", "valkey", "platform"), "healthy")
    assert {part.part: part.state for part in shown.parts} == healthy | parts


def test_every_state_of_a_container_that_does_not_run_is_a_condition() -> None:
    assert {*State} - {State.RUNNING} <= {*Condition}


def test_an_instance_with_only_a_network_or_a_leftover_is_stopped(
    fleet: Fleet, engine: FakeEngine
) -> None:
    add(engine, Part.PLATFORM, "forgotten-previous", instance="forgotten")
    shown = [
        (status.id, status.state, status.parts)
        for status in look_at_all(Survey(fleet, [], orphans=True))
    ]
    stopped = InstanceState.STOPPED
    assert shown == [("demo", stopped, ()), ("forgotten", stopped, ())]


def test_an_instance_without_its_declared_admin_server_is_broken(
    fleet: Fleet, engine: FakeEngine
) -> None:
    all_up(engine)
    assert status(fleet, admin_version="1").state == "broken"
    add(engine, Part.ADMIN)
    assert status(fleet, admin_version="1").state == "running"


RECEIVING: dict[str, tuple[tuple[int, str], str, str, str]] = {
    "all has come": ((0, "s {now} 0"), "healthy", "running", "has all WAL until"),
    "it is far behind": ((0, "s 5 7340032"), "unhealthy", "degraded", ", 7.0 MiB to come"),
    "nothing comes": ((1, "cat: no such file"), "starting", "degraded", "no WAL comes"),
}


@pytest.mark.parametrize("case", RECEIVING.values(), ids=RECEIVING)
def test_a_receiver_of_wal_says_what_would_be_lost_and_breaks_nothing(
    fleet: Fleet, engine: FakeEngine, case: tuple[tuple[int, str], str, str, str]
) -> None:
    all_up(engine)
    add(engine, Part.WAL)
    (code, text), part, state, detail = case
    words = text.format(now=int(time.time())).encode()
    engine.named("demo-wal").program = Program(answers=answers(words, code))
    shown = status(fleet, point_in_time=True)
    receiver = shown.find(Part.WAL)
    assert receiver
    assert (receiver.state, shown.state) == (part, state)
    assert detail in receiver.detail


def test_an_instance_without_its_declared_receiver_is_degraded(
    fleet: Fleet, engine: FakeEngine
) -> None:
    all_up(engine)
    assert status(fleet, point_in_time=True).state == "degraded"


def test_a_container_with_an_instance_s_name_but_without_its_label_is_foreign(
    fleet: Fleet, engine: FakeEngine
) -> None:
    add(engine, Part.PLATFORM, "demo-valkey", instance="somebody")
    shown = status(fleet)
    assert shown.state == "foreign"
    (note,) = shown.notes
    assert note.startswith("a running container named demo-valkey is there and is not wb's. ")
    assert "docker inspect demo-valkey" in note


def test_a_leftover_is_noted_and_does_not_change_the_state(
    fleet: Fleet, engine: FakeEngine
) -> None:
    add(engine, Part.PLATFORM, "demo-previous")
    all_up(engine)
    shown = status(fleet)
    assert shown.state == "running"
    assert shown.notes == ("demo-previous is left over and runs; `wb run demo` tidies up",)
    engine.crash("demo-previous")
    assert status(fleet).notes == ("demo-previous is left over; `wb run demo` tidies up",)


def test_a_part_that_is_told_to_stop_and_still_runs_is_stopping_and_so_is_the_instance(
    fleet: Fleet, engine: FakeEngine
) -> None:
    all_up(engine)
    engine.named("demo").is_stopping = True
    shown = status(fleet)
    parts = {part.part: part.state for part in shown.parts}
    assert shown.state == "stopping"
    assert parts == {Part.POSTGRES: "healthy", Part.VALKEY: "healthy", Part.PLATFORM: "stopping"}


def test_instances_that_only_the_engine_has_are_shown_among_all(
    fleet: Fleet, engine: FakeEngine
) -> None:
    all_up(engine)
    add(engine, Part.PLATFORM, instance="forgotten")
    both = look_at_all(Survey(fleet, [DEMO], orphans=True))
    assert [(status.id, status.state) for status in both] == [
        ("demo", "running"),
        ("forgotten", "running"),
    ]
    assert both[1].notes == ("is not in the registry file; `wb stop forgotten` stops it",)
    assert [status.id for status in look_at_all(Survey(fleet, [DEMO], orphans=False))] == ["demo"]


def test_one_listing_serves_all_instances(
    fleet: Fleet, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_up(engine)
    listings: list[Observed] = []
    observe = engine.observe

    def observe_and_count() -> Observed:
        listings.append(observe())
        return listings[-1]

    monkeypatch.setattr(engine, "observe", observe_and_count)
    others = [replace(DEMO, id=f"i{number}", port=9100 + number) for number in range(40)]
    assert len(look_at_all(Survey(fleet, [DEMO, *others], orphans=True))) == 41
    assert len(listings) == 1


def test_without_an_engine_everything_is_unknown() -> None:
    (shown,) = describe_unknown([DEMO])
    assert shown.state == "unknown"
    assert {part.state for part in shown.parts} == {"unknown"}


def test_the_status_as_a_document(fleet: Fleet, engine: FakeEngine) -> None:
    all_up(engine)
    engine.crash("demo", 3)
    document = status(fleet).as_document()
    assert (document["id"], document["state"]) == ("demo", "broken")
    assert document["notes"][0].startswith("platform ended ")
    assert "exit code 3; `wb logs demo` says why" in document["notes"][0]
    platform = document["containers"][-1]
    assert (platform["container"], platform["state"]) == ("demo", "exited")
    times = [platform[name] for name in ("startedAt", "finishedAt", "exitCode")]
    assert times == [STARTED_AT, FINISHED_AT, 3]
    valkey = document["containers"][1]
    assert [valkey[name] for name in ("startedAt", "finishedAt", "exitCode")] == [
        STARTED_AT,
        None,
        None,
    ]


def test_the_end_of_a_container_is_shown_by_its_exit_code_and_time(
    fleet: Fleet, engine: FakeEngine
) -> None:
    all_up(engine)
    engine.crash("demo", 137)
    platform = status(fleet).parts[-1]
    assert (platform.state, platform.detail) == ("exited", "exit code 137")
    assert platform.since == datetime.fromisoformat(FINISHED_AT).timestamp()


def report(**changes: Any) -> str:
    """A platform's health check."""
    report = {
        "status": "warm",
        "uptimeSeconds": 60,
        "database": {"connected": True, "reason": None},
        "l1": {"entries": 36, "bytes": 66_560, "maxBytes": 2**29},
        "warmUp": {
            "phase": "done", "objects": 0, "entries": 0, "fromL2": 0, "held": 0,
            "fromDatabase": 0, "readySeconds": 0.1, "remainingSeconds": 0,
        },
    }  # fmt: skip
    return json.dumps(report | changes)


NO_DATABASE = {"database": {"connected": False, "reason": "Connection refused"}}
WARMING = {"phase": "waiting", "objects": 9, "entries": 20, "fromL2": 5, "held": 0,
           "fromDatabase": 5, "readySeconds": None, "remainingSeconds": 8.0}  # fmt: skip
REPORTS: dict[str, tuple[Verdict, str, str, str]] = {
    "what its cache holds now": (
        Verdict.READY, report(), "healthy", "36 entries, 65.0 KiB",
    ),
    "an empty cache": (
        Verdict.READY, report(l1={"entries": 0, "bytes": 0}), "healthy", "the cache is empty",
    ),
    "the warm-up while it runs": (
        Verdict.READY,
        report(status="ready", warmUp={**WARMING, "phase": "database", "readySeconds": 0.5}),
        "healthy",
        "9 objects, 5 of 20 entries from Valkey in 0.5 s, 10 left to the database, about 8 s",
    ),
    "a database that is gone": (
        Verdict.NOT_YET, report(status="waiting", **NO_DATABASE), "unhealthy",
        "no database: Connection refused",
    ),
    "a database that was never there": (
        Verdict.NOT_YET, report(status="waiting", warmUp=WARMING, **NO_DATABASE), "unhealthy",
        "no database: Connection refused",
    ),
    "a database that it has just begun to look for": (
        Verdict.NOT_YET,
        report(status="waiting", uptimeSeconds=1, warmUp=WARMING, **NO_DATABASE),
        "starting",
        "no database: Connection refused",
    ),
    "a platform without a report": (Verdict.READY, "<html>", "healthy", ""),
}  # fmt: skip


@pytest.mark.parametrize("shown", REPORTS.values(), ids=REPORTS)
def test_a_platform_is_shown_as_its_health_check_describes_it(
    fleet: Fleet,
    engine: FakeEngine,
    monkeypatch: pytest.MonkeyPatch,
    shown: tuple[Verdict, str, str, str],
) -> None:
    verdict, body, condition, detail = shown
    engine.is_local = True
    add(engine, Part.PLATFORM, ports=(Port(8000, 9001),))
    monkeypatch.setattr(probes, "ask_http", lambda *_: Answer(verdict, body))
    platform = status(fleet).parts[-1]
    assert (platform.state, platform.detail) == (condition, detail)


def test_an_ipv6_address_is_shown_in_brackets(fleet: Fleet, engine: FakeEngine) -> None:
    add(engine, Part.PLATFORM, ports=(Port(8000, 9001, "::1"),))
    assert status(fleet).parts[-1].ports == ("[::1]:9001",)
