"""A watch follows the engine's events, outlives its absence, and sees the registry file change."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lifecycle.examples import DEMO, SETTINGS
from observe.status.test_look import IMAGE, MINE, all_up
from support.fake_engine import LOADING, FakeEngine, Program

from wb_cli.contract import Part
from wb_cli.engine.events import Event
from wb_cli.engine.types import NetworkSpec, Observed
from wb_cli.errors import EngineUnreachableError, WbError
from wb_cli.instances.registry_file.registry import judge
from wb_cli.instances.registry_file.text import parse
from wb_cli.instances.secrets import SecretStore
from wb_cli.instances.selectors import Selection, select_everything
from wb_cli.lifecycle.fleet import Fleet
from wb_cli.lifecycle.readiness import probes
from wb_cli.lifecycle.readiness.probes import Answer, Verdict
from wb_cli.observe.status import watch as watching
from wb_cli.observe.status.instance_state import (
    Condition,
    InstanceState,
    InstanceStatus,
    PartStatus,
)
from wb_cli.observe.status.watch import Chosen, View, Watch, describe_changes

WITHIN = 200  # views


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    monkeypatch.setattr(probes, "ask_http", lambda *_: Answer(Verdict.UNREACHABLE))
    for name in ("TICK_S", "ASKED_AGAIN_S", "QUIET_S", "BURST_S", "FIRST_PAUSE_S"):
        monkeypatch.setattr(watching, name, 0.02)
    made = FakeEngine([IMAGE])
    made.create_network(NetworkSpec("demo", "10.0.0.0/29", MINE))
    all_up(made)
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return declare(tmp_path / "servers.json", DEMO.id)


def declare(file: Path, *ids: str) -> Path:
    entries = [
        {
            "id": id_,
            "label": DEMO.label,
            "port": DEMO.port + i,
            "serverVersion": DEMO.server_version,
        }
        for i, id_ in enumerate(ids)
    ]
    file.write_text(json.dumps(entries))
    return file


def read(file: Path) -> Selection:
    return select_everything(judge(parse(file.read_bytes(), str(file))))


Views = tuple[Watch, Iterator[View]]


@pytest.fixture
def views(engine: FakeEngine, file: Path, tmp_path: Path) -> Iterator[Views]:
    fleet = Fleet(engine, SETTINGS, SecretStore(tmp_path))
    watch = Watch(lambda: fleet, Chosen(lambda: read(file), file), orphans=False)
    yield watch, watch.give_views()
    watch.stop()


def until(views: Iterator[View], is_it: Callable[[View], bool]) -> View:
    for _, view in zip(range(WITHIN), views, strict=False):
        if is_it(view):
            return view
    pytest.fail("the view never came")


def states(view: View) -> dict[str, str]:
    return {status.id: status.state for status in view.statuses}


def test_an_event_brings_a_new_view(engine: FakeEngine, views: Views) -> None:
    _, shown = views
    until(shown, lambda view: states(view) == {"demo": "running"})
    engine.crash("demo-valkey", 137)
    view = until(shown, lambda view: states(view) == {"demo": "degraded"})
    assert view.statuses[0].notes[0].startswith("valkey ended ")


def test_without_an_event_the_engine_is_not_asked_again(
    engine: FakeEngine, views: Views, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, shown = views
    next(shown)
    monkeypatch.setattr(engine, "observe", lambda: pytest.fail("the engine was asked again"))
    monkeypatch.setattr(engine, "inspect", lambda _: pytest.fail("the engine was asked again"))
    assert [states(next(shown)) for _ in range(20)] == [{"demo": "running"}] * 20


def test_a_part_that_stops_answering_is_seen_without_an_event(
    engine: FakeEngine, views: Views
) -> None:
    _, shown = views
    next(shown)
    engine.named("demo").program = Program(answers=LOADING)
    until(shown, lambda view: states(view) == {"demo": "starting"})


def test_an_engine_that_goes_away_makes_everything_unknown_and_is_found_again(
    engine: FakeEngine, views: Views, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, shown = views
    next(shown)
    follow = engine.follow_events

    def refuse(_: threading.Event) -> None:
        raise EngineUnreachableError("the engine does not answer")

    monkeypatch.setattr(engine, "follow_events", refuse)
    engine.go_away()
    lost = until(shown, lambda view: view.is_lost)
    assert states(lost) == {"demo": "unknown"}
    until(shown, lambda view: str(view.problem) == "the engine does not answer")
    monkeypatch.setattr(engine, "follow_events", follow)
    found = until(shown, lambda view: not view.is_lost)
    assert states(found) == {"demo": "running"}
    engine.crash("demo-valkey")
    until(shown, lambda view: states(view) == {"demo": "degraded"})


def test_a_listing_and_events_that_end_together_are_one_loss(
    engine: FakeEngine, views: Views, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, shown = views
    next(shown)
    follow, observe = engine.follow_events, engine.observe

    def break_off(_: threading.Event) -> Iterator[Event]:
        raise EngineUnreachableError("the connection broke")
        yield

    def refuse() -> Observed:
        raise EngineUnreachableError("the engine does not answer")

    monkeypatch.setattr(engine, "follow_events", break_off)
    monkeypatch.setattr(engine, "observe", refuse)
    engine.go_away()
    until(shown, lambda view: str(view.problem) == "the engine does not answer")
    for _ in range(20):
        assert states(next(shown)) == {"demo": "unknown"}
    monkeypatch.setattr(engine, "follow_events", follow)
    monkeypatch.setattr(engine, "observe", observe)
    until(shown, lambda view: states(view) == {"demo": "running"})


def test_an_instance_that_is_declared_meanwhile_appears(views: Views, file: Path) -> None:
    _, shown = views
    next(shown)
    declare(file, DEMO.id, "mali")
    until(shown, lambda view: states(view) == {"demo": "running", "mali": "stopped"})


def test_a_registry_file_that_is_half_written_is_told_and_the_last_whole_one_counts(
    views: Views, file: Path
) -> None:
    _, shown = views
    next(shown)
    file.write_text("[{")
    broken = until(shown, lambda view: view.problem is not None)
    assert states(broken) == {"demo": "running"}
    assert not broken.is_lost
    declare(file, DEMO.id)
    until(shown, lambda view: view.problem is None)


def test_a_watch_that_is_stopped_gives_no_more_views(views: Views) -> None:
    watch, shown = views
    next(shown)
    watch.stop()
    assert len(list(shown)) <= 1


def view(problem: WbError | None = None, **conditions: Condition) -> View:
    statuses = tuple(
        InstanceStatus(
            id_,
            InstanceState.RUNNING if condition is Condition.HEALTHY else InstanceState.BROKEN,
            (PartStatus(Part.PLATFORM, id_, condition),),
            () if condition is Condition.HEALTHY else ("platform ended",),
        )
        for id_, condition in conditions.items()
    )
    return View(statuses, problem)


UP, DOWN = Condition.HEALTHY, Condition.EXITED
LOST = view(EngineUnreachableError("no answer"))
CHANGES: dict[str, tuple[View | None, View, list[str]]] = {
    "at first each is told": (
        None, view(a=UP, b=DOWN), ["a: running", "b: broken: platform ended"],
    ),
    "nothing changed": (view(a=UP), view(a=UP), []),
    "a state changed": (view(a=UP), view(a=DOWN), ["a: running -> broken: platform ended"]),
    "a part changed": (view(a=DOWN), view(a=Condition.DEAD), ["a: broken: platform ended"]),
    "one came and one went": (view(a=UP), view(b=UP), ["b: running", "a: no longer there"]),
    "the engine went": (
        view(a=UP), LOST, ["engine: no answer; the state of every instance is unknown"],
    ),
    "the engine is still away": (LOST, LOST, []),
    "the engine came back": (LOST, view(a=UP), ["engine: it answers again", "a: running"]),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "lines"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_a_line(old: View | None, new: View, lines: list[str]) -> None:
    assert list(describe_changes(old, new)) == lines
