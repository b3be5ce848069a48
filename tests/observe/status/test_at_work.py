"""An instance on which a command of wb works is not called broken meanwhile."""

import threading
from contextlib import closing
from pathlib import Path

import pytest
from lifecycle.examples import DEMO, SETTINGS
from msgspec.structs import replace
from observe.status.test_look import IMAGE, MINE, all_up, gone
from support.fake_engine import FakeEngine

from wb_cli.engine.base import Channel
from wb_cli.engine.types import NetworkSpec
from wb_cli.errors import ImageMissingError
from wb_cli.instances.secrets import SecretStore
from wb_cli.lifecycle.fleet import Fleet
from wb_cli.lifecycle.guard import far_lock
from wb_cli.lifecycle.guard.lock import Holder, locked
from wb_cli.lifecycle.machine.far import FarMachine
from wb_cli.lifecycle.machine.outpost import Outpost, read_script
from wb_cli.lifecycle.options import Verb
from wb_cli.lifecycle.readiness import probes
from wb_cli.lifecycle.readiness.probes import Answer, Verdict
from wb_cli.observe.status.instance_state import InstanceState, heed_command
from wb_cli.observe.status.look import look_at_all
from wb_cli.observe.status.reasons import describe_command
from wb_cli.observe.status.survey import Survey

S = InstanceState


@pytest.mark.parametrize(
    ("state", "verb", "shown"),
    [
        (S.BROKEN, "run", S.STARTING),
        (S.BROKEN, "restart", S.STARTING),
        (S.DEGRADED, "restart", S.STARTING),
        (S.BROKEN, "stop", S.STOPPING),
        (S.BROKEN, "remove-dirs", S.BROKEN),
        (S.BROKEN, "backup", S.BROKEN),
        (S.RUNNING, "run", S.RUNNING),
        (S.STOPPED, "run", S.STOPPED),
        (S.FOREIGN, "run", S.FOREIGN),
        (S.UNKNOWN, "stop", S.UNKNOWN),
    ],
)
def test_a_part_that_is_not_there_yet_is_no_fault(state: S, verb: str, shown: S) -> None:
    assert heed_command(state, verb) is shown


def test_the_command_is_named_with_its_user_and_how_long_it_works() -> None:
    holder = Holder("wb restart demo", 7, "ada", "2026-01-01T00:00:00+00:00")
    began = holder.began
    assert holder.verb == Verb.RESTART
    assert began
    assert describe_command(holder, began + 12) == "`wb restart demo` of ada is at work for 12s"


def test_status_says_which_command_is_at_work_and_the_next_look_forgets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "ask_http", lambda *_: Answer(Verdict.UNREACHABLE))
    engine = FakeEngine([IMAGE])
    engine.create_network(NetworkSpec("demo", "10.0.0.0/29", MINE))
    all_up(engine)
    gone(engine, "demo")
    monkeypatch.setattr(Fleet, "locks", tmp_path)
    fleet = Fleet(engine, SETTINGS, SecretStore(tmp_path))
    with locked(fleet.locks, "demo", "wb restart demo", 0, threading.Event()):
        (during,) = look_at_all(Survey(fleet, [DEMO], orphans=False))
    (after,) = look_at_all(Survey(fleet, [DEMO], orphans=False))
    assert during.state is S.STARTING
    assert during.notes[0].startswith("`wb restart demo` of ")
    assert during.notes[1] == "platform is not there"
    assert after.state is S.BROKEN
    assert after.notes == ("platform is not there; `wb run demo` starts it",)


def test_a_command_on_this_machine_is_not_taken_for_one_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fleet, "locks", tmp_path / "here")
    monkeypatch.setattr(far_lock, "LOCKS", str(tmp_path / "there"))
    engine = FakeEngine([IMAGE])
    here = Fleet(engine, SETTINGS, SecretStore(tmp_path))
    with closing(Outpost(lambda: engine.open_outpost(IMAGE, read_script(), {}))) as outpost:
        elsewhere = replace(here, elsewhere=FarMachine(outpost))
        with locked(here.locks, "demo", "wb restart demo", 0, threading.Event()):
            assert here.find_holder("demo")
            assert elsewhere.find_holder("demo") is None


def test_the_holder_on_a_machine_that_cannot_be_looked_at_is_unknown(tmp_path: Path) -> None:
    def open_none() -> Channel:
        raise ImageMissingError("there is no image to look at the machine with")

    fleet = Fleet(FakeEngine([]), SETTINGS, SecretStore(tmp_path), FarMachine(Outpost(open_none)))
    assert fleet.find_holder("demo") is None


def test_only_an_instance_that_may_be_between_two_states_is_asked_for_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question takes a container there."""
    asked: list[str] = []
    monkeypatch.setattr(Fleet, "find_holder", lambda _, id_: asked.append(id_))

    def open_none() -> Channel:
        raise ImageMissingError("there is no image to look at the machine with")

    engine = FakeEngine([IMAGE])
    fleet = Fleet(engine, SETTINGS, SecretStore(tmp_path), FarMachine(Outpost(open_none)))
    (status,) = look_at_all(Survey(fleet, [DEMO], orphans=False))
    assert (status.state, asked) == (S.STOPPED, [])
    engine.create_network(NetworkSpec("demo", "10.0.0.0/29", MINE))
    all_up(engine)
    gone(engine, "demo")
    (status,) = look_at_all(Survey(fleet, [DEMO], orphans=False))
    assert (status.state, asked) == (S.BROKEN, ["demo"])
