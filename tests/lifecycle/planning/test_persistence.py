"""When Valkey's files change their form, and how that is undone.

It covers persistence.py here, and carry.py and valkey_folder.py of lifecycle/.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from lifecycle.examples import SUBNET, container, running, spec_of, wanted, without
from lifecycle.plan_texts import text
from lifecycle.world import BROKEN, LOOK, RUNNING, World
from msgspec.structs import replace
from support.fake_engine import Answers, Program

from wb_cli.contract import Part
from wb_cli.engine.types import State
from wb_cli.errors import WbError
from wb_cli.lifecycle.carrying import carry, valkey_folder
from wb_cli.lifecycle.carrying.carry import describe_carrier
from wb_cli.lifecycle.carrying.valkey_folder import look
from wb_cli.lifecycle.planning import persistence
from wb_cli.lifecycle.planning.desired import Desired
from wb_cli.lifecycle.planning.observed_instance import CARRIER, ObservedInstance
from wb_cli.lifecycle.planning.persistence import ValkeyFiles
from wb_cli.lifecycle.planning.plan import CarryOver, Persistence, Plan
from wb_cli.lifecycle.planning.reconcile import plan_run, plan_stop

RDB, AOF = wanted(cache_persistence="rdb"), wanted(cache_persistence="aof")
SNAPSHOT, LOG = ValkeyFiles(snapshot=True, log=False), ValkeyFiles(snapshot=True, log=True)
CARRY = "carry the cache of demo-valkey over from {} to {}"


def planned(desired: Desired, current: ObservedInstance, kept: ValkeyFiles | None) -> Plan:
    plan = plan_run(desired, persistence.drop_carrier(current), SUBNET)
    return persistence.add_carry_over(plan, desired, current, kept)


def carries(plan: Plan) -> list[str]:
    return [str(operation) for operation in plan.operations if isinstance(operation, CarryOver)]


TO_AOF, TO_RDB = [CARRY.format("rdb", "aof")], [CARRY.format("aof", "rdb")]
GONE = ObservedInstance()
EXITED = {state: running(wanted(cache_persistence=state)) for state in ("rdb", "aof")}
EXITED = {
    state: replace(
        current, containers=tuple(replace(c, state=State.EXITED) for c in current.containers)
    )
    for state, current in EXITED.items()
}
CASES = {
    "runs as declared": (AOF, running(AOF), LOG, []),
    "ran with snapshots": (AOF, running(RDB), LOG, TO_AOF),
    "ran with a log": (RDB, running(AOF), LOG, TO_RDB),
    "nothing runs, a snapshot alone": (AOF, GONE, SNAPSHOT, TO_AOF),
    "nothing runs, a log": (AOF, GONE, LOG, []),
    "nothing runs, a log that may be old": (AOF, GONE, replace(LOG, may_be_outdated=True), TO_AOF),
    "nothing runs, a log that is not wanted": (RDB, GONE, LOG, TO_RDB),
    "nothing runs, a snapshot that is wanted": (RDB, GONE, SNAPSHOT, []),
    "nothing runs, nothing there": (AOF, GONE, ValkeyFiles(snapshot=False, log=False), []),
    "it exited, and the folder says more": (AOF, EXITED["aof"], SNAPSHOT, TO_AOF),
    "far away and stopped, a log": (AOF, GONE, None, TO_AOF),
    "far away and stopped, snapshots": (RDB, GONE, None, []),
    "far away, it exited with a log": (RDB, EXITED["aof"], None, TO_RDB),
    "far away, it exited with snapshots": (RDB, EXITED["rdb"], None, []),
}


@pytest.mark.parametrize(("desired", "current", "kept", "expected"), CASES.values(), ids=CASES)
def test_the_form_changes_only_if_valkey_could_not_read_its_files(
    desired: Desired, current: ObservedInstance, kept: ValkeyFiles | None, expected: list[str]
) -> None:
    assert carries(planned(desired, current, kept)) == expected


def test_a_running_valkey_saves_first_and_its_successor_starts_on_the_new_form() -> None:
    assert str(planned(AOF, running(RDB), None)) == text(
        """
        valkey: what it caches is carried over
          save what demo-valkey caches
        valkey: command with --appendonly yes --appendfsync everysec
          stop demo-valkey (at most 10 s)
          set restart policy of demo-valkey to no
          rename demo-valkey to demo-valkey-previous
          create demo-valkey from valkey/valkey:8
          carry the cache of demo-valkey over from rdb to aof
          start demo-valkey
          wait until demo-valkey is ready
          set restart policy of demo-valkey to always
        demo-valkey-previous: its successor is ready
          remove demo-valkey-previous
        """
    )


def test_the_leftovers_of_a_killed_change_are_removed_first() -> None:
    left = container(spec_of(AOF, "demo-valkey"), name=f"demo-valkey{CARRIER}")
    current = running(AOF, left)
    assert str(planned(AOF, current, None)) == text(
        """
        demo-valkey-carrier: left over from an interrupted run
          stop demo-valkey-carrier (at most 10 s)
          remove demo-valkey-carrier
        """
    )
    assert carries(planned(AOF, without(current, "demo-valkey"), SNAPSHOT)) == TO_AOF


def test_a_killed_change_that_has_ended_is_not_stopped() -> None:
    left = container(spec_of(AOF, "demo-valkey"), name=f"demo-valkey{CARRIER}", state=State.EXITED)
    assert str(planned(AOF, running(AOF, left), None)) == text(
        """
        demo-valkey-carrier: left over from an interrupted run
          remove demo-valkey-carrier
        """
    )


def test_a_stop_removes_the_leftovers_of_a_killed_change() -> None:
    left = container(spec_of(AOF, "demo-valkey"), name=f"demo-valkey{CARRIER}")
    plan = plan_stop("demo", running(AOF, left))
    assert f"remove demo-valkey{CARRIER}" in map(str, plan.operations)


def write(path: Path, seconds: int) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"")
    os.utime(path, (seconds, seconds))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, ValkeyFiles(snapshot=False, log=False)),
        ({"dump.rdb": 1}, SNAPSHOT),
        ({"dump.rdb": 1, valkey_folder.MANIFEST: 2}, LOG),
        ({"dump.rdb": 3, valkey_folder.MANIFEST: 2}, replace(LOG, may_be_outdated=True)),
        ({"dump.rdb": 3, valkey_folder.MANIFEST: 2, valkey_folder.MARK: 2}, LOG),
        ({"dump.rdb": 3, valkey_folder.LOG + "/appendonly.aof.1.incr.aof": 2}, SNAPSHOT),
    ],
)
def test_the_files_of_a_folder_are_told_apart(
    tmp_path: Path, files: dict[str, int], expected: ValkeyFiles
) -> None:
    for name, seconds in files.items():
        write(tmp_path / name, seconds)
    assert look(tmp_path) == expected


def test_nothing_is_known_of_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    assert look(tmp_path / "none") is None


DONE = Program(exits=0)
LOOK_AOF = replace(LOOK, cache_persistence="aof")


@pytest.fixture
def carrying(world: World) -> Callable[..., None]:
    """Lets a test say how a container ends that changes the form to a log, or back."""

    def end(*, to_aof: Program = DONE, to_rdb: Program = DONE) -> None:
        spec = world.fleet.describe(LOOK, create_secrets=True).container(Part.VALKEY)
        assert spec
        for to, program in ((Persistence.AOF, to_aof), (Persistence.RDB, to_rdb)):
            world.engine.programs[describe_carrier(CarryOver(spec, to)).command] = program

    return end


SAVES: Answers = {("timeout", "10", "valkey-cli", "save"): (0, b"OK")}


@pytest.fixture
def saving(world: World) -> None:
    """Valkey answers `save`, too."""
    ready = Program()
    world.engine.programs["vk:1"] = Program(answers={**ready.answers, **SAVES})


def test_a_valkey_that_cannot_save_is_left_running(world: World, carrying) -> None:
    carrying()
    world.engine.programs["vk:1"] = Program(
        answers={**Program().answers, next(iter(SAVES)): (0, b"ERR disk full")}
    )
    world.run()
    before = world.engine.snapshot()
    with pytest.raises(WbError, match=r"demo-valkey cannot save what it caches.*ERR disk full"):
        world.run(LOOK_AOF)
    assert world.engine.snapshot() == before


@pytest.mark.usefixtures("saving")
def test_a_change_of_form_that_fails_brings_the_old_valkey_back(world: World, carrying) -> None:
    carrying(to_aof=Program("No space left on device\n", exits=1))
    world.run()
    before = world.engine.snapshot()
    with pytest.raises(WbError, match=r"(?s)could not be carried over from rdb to aof.*No space"):
        world.run(LOOK_AOF)
    assert world.engine.snapshot() == before


@pytest.mark.usefixtures("saving")
def test_a_change_of_form_that_does_not_end_is_stopped_and_brings_the_old_valkey_back(
    world: World, carrying, monkeypatch: pytest.MonkeyPatch
) -> None:
    carrying(to_aof=Program("still copying\n"))
    monkeypatch.setattr(carry, "CARRIED_WITHIN_S", 0.0)
    world.run()
    before = world.engine.snapshot()
    with pytest.raises(WbError, match=r"(?s)demo-valkey-carrier did not end.*copying") as error:
        world.run(LOOK_AOF)
    assert "`wb run demo`" in error.value.hint
    assert world.engine.snapshot() == before


def test_the_instance_runs_without_valkey_if_none_served_before(world: World, carrying) -> None:
    carrying(to_aof=Program("No space left on device\n", exits=1))
    for _ in range(2):
        result = world.run(LOOK_AOF)
        assert "could not be carried over" in result.outcome.degraded[0]
        assert world.states() == RUNNING | {"demo-valkey": State.CREATED}
    carrying()
    world.run(LOOK_AOF)
    assert world.states() == RUNNING


@pytest.mark.usefixtures("saving")
def test_a_run_that_fails_later_changes_the_form_of_the_cache_back(world: World, carrying) -> None:
    carrying()
    world.run()
    before = world.engine.snapshot()
    world.engine.programs["app:2"] = BROKEN
    calls: list[str] = []
    world.engine.before_call = lambda name, arguments: calls.append(
        arguments[0].command[-1] if name == "create_container" and arguments[0].suffix else ""
    )
    with pytest.raises(WbError, match="exited with code 7"):
        world.run(replace(LOOK_AOF, image="app:2"))
    assert [call for call in calls if call] == ["aof", "rdb"]
    assert world.engine.snapshot() == before


@pytest.mark.usefixtures("saving")
def test_an_old_valkey_that_would_not_find_its_data_stays_down(world: World, carrying) -> None:
    carrying(to_rdb=Program("cannot rename\n", exits=1))
    world.run()
    world.engine.programs["app:2"] = BROKEN
    with pytest.raises(WbError) as error:
        world.run(replace(LOOK_AOF, image="app:2"))
    assert "not undone: carry the cache of demo-valkey" in error.value.message
    assert world.states()["demo-valkey"] is State.EXITED
    assert world.engine.named("demo-valkey").policy == "no"
    assert "demo-valkey-previous" not in world.states()
