"""Why an instance is not plainly running, and how little of the engine is asked to tell it."""

from pathlib import Path
from typing import Any

import pytest
from lifecycle.examples import DEMO, SETTINGS
from msgspec.structs import replace
from observe.status.test_look import IMAGE, MINE, add, all_up
from support.fake_engine import FakeEngine

from wb_cli.contract import Part
from wb_cli.engine.types import ContainerSpec, NetworkSpec
from wb_cli.errors import WbError
from wb_cli.instances.model import Instance
from wb_cli.instances.secrets import SecretStore
from wb_cli.lifecycle.fleet import Fleet
from wb_cli.lifecycle.readiness import probes
from wb_cli.lifecycle.readiness.probes import Answer, Verdict
from wb_cli.observe.status.instance_state import InstanceStatus
from wb_cli.observe.status.look import look_at_all
from wb_cli.observe.status.survey import Survey

LONG_AGO = 1_700_000_000.0


class CountingEngine(FakeEngine):
    """Notes each call that reads from the engine."""

    def __init__(self, images: list[str]) -> None:
        super().__init__(images)
        self.asked: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        if name in {"observe", "inspect", "find_image", "execute"}:
            super().__getattribute__("asked").append(name)
        return super().__getattribute__(name)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> CountingEngine:
    monkeypatch.setattr(probes, "ask_http", lambda *_: Answer(Verdict.UNREACHABLE))
    made = CountingEngine([IMAGE, *images()])
    made.create_network(NetworkSpec("demo", "10.0.0.0/29", MINE))
    return made


@pytest.fixture
def fleet(engine: CountingEngine, tmp_path: Path) -> Fleet:
    return Fleet(engine, SETTINGS, SecretStore(tmp_path))


def specs(instance: Instance = DEMO) -> tuple[ContainerSpec, ...]:
    fleet = Fleet(FakeEngine([]), SETTINGS, SecretStore(Path("/nowhere")))
    return fleet.describe(instance, create_secrets=False).containers


def images() -> list[str]:
    return [spec.image for spec in specs()]


def look(fleet: Fleet, instance: Instance = DEMO, *, closely: bool = False) -> InstanceStatus:
    (status,) = look_at_all(Survey(fleet, [instance], orphans=False), closely=closely)
    return status


def test_an_instance_that_runs_as_declared_has_no_reason(
    fleet: Fleet, engine: CountingEngine
) -> None:
    all_up(engine)
    assert look(fleet).notes == ()
    assert look(fleet, closely=True).notes == ()


def test_a_running_fleet_needs_one_listing_and_no_inspection(
    fleet: Fleet, engine: CountingEngine
) -> None:
    all_up(engine)
    others = [replace(DEMO, id=f"i{number}", port=9100 + number) for number in range(40)]
    engine.asked.clear()
    look_at_all(Survey(fleet, [DEMO, *others], orphans=True), closely=False)
    assert [call for call in engine.asked if call != "execute"] == ["observe"]


def test_a_part_that_the_engine_restarted_is_told_though_the_instance_runs(
    fleet: Fleet, engine: CountingEngine
) -> None:
    all_up(engine)
    valkey = engine.named("demo-valkey")
    valkey.restarts, valkey.created = 3, LONG_AGO
    status = look(fleet)
    assert status.state == "running"
    (note,) = status.notes
    assert note.startswith("valkey was restarted 3 times, last ")
    assert note.endswith("; `wb logs demo --part valkey` may say why")
    assert engine.asked.count("inspect") == 1


def test_what_the_operator_declared_anew_is_a_change_for_run(
    fleet: Fleet, engine: CountingEngine
) -> None:
    all_up(engine)
    (note,) = look(fleet, replace(DEMO, label="Another")).notes
    assert note.startswith("changed: platform: INSTANCE_NAME ")
    assert note.endswith("-> Another; `wb run demo` applies it")


def test_what_changed_underneath_is_drift_for_restart(fleet: Fleet, engine: CountingEngine) -> None:
    all_up(engine)
    spec = engine.named("demo-valkey").spec
    old = {**spec.labels, "wb.spec": spec.labels["wb.spec"].replace("--save 60 1", "--save 9 9")}
    engine.named("demo-valkey").spec = replace(spec, labels=old)
    (note,) = look(fleet).notes
    assert note.startswith("drift: valkey: command ")
    assert note.endswith("; `wb restart demo` applies it")


def test_an_image_whose_name_means_another_image_now_is_drift(
    fleet: Fleet, engine: CountingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_up(engine)
    observed = engine.observe()
    moved = tuple(
        replace(container, image="sha256:old", image_id="sha256:old")
        if container.part is Part.VALKEY
        else container
        for container in observed.containers
    )
    monkeypatch.setattr(engine, "observe", lambda: replace(observed, containers=moved))
    engine.asked.clear()
    (note,) = look(fleet).notes
    image = next(spec.image for spec in specs() if spec.part is Part.VALKEY)
    assert note == f"drift: valkey: {image} is another image now; `wb restart demo` applies it"
    assert engine.asked.count("find_image") == 1


def test_secrets_that_cannot_be_read_leave_the_declaration_unknown(
    fleet: Fleet, engine: CountingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_up(engine)

    def refuse(_: str) -> None:
        raise WbError("cannot read /secrets: Permission denied")

    monkeypatch.setattr(fleet.secrets, "read", refuse)
    status = look(fleet)
    assert (status.state, status.notes) == ("running", ())
    assert status.doubt == "cannot read /secrets: Permission denied"
    assert status.as_document()["notes"] == [status.doubt]


def test_the_worst_part_is_told_first(fleet: Fleet, engine: CountingEngine) -> None:
    all_up(engine)
    engine.crash("demo", 3)
    del engine.containers[engine.named("demo-postgres").id]
    first, second = look(fleet).notes
    assert first.startswith("platform ended ")
    assert second == "postgres is not there; `wb run demo` starts it"


def test_of_an_instance_that_is_not_declared_no_start_is_suggested(
    fleet: Fleet, engine: CountingEngine
) -> None:
    add(engine, Part.PLATFORM, instance="lost")
    engine.crash("lost")
    (_, lost) = look_at_all(Survey(fleet, [DEMO], orphans=True), closely=False)
    assert lost.notes[0] == "is not in the registry file; `wb stop lost` stops it"
    assert "wb run" not in " ".join(lost.notes)


def test_the_version_is_that_of_the_platform_that_runs(
    fleet: Fleet, engine: CountingEngine
) -> None:
    assert look(fleet).version == DEMO.server_version
    add(engine, Part.PLATFORM)
    assert look(fleet, replace(DEMO, server_version="9.9.9")).version == DEMO.server_version
