"""run, stop and restart on an engine in memory."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from lifecycle.examples import wanted
from lifecycle.world import (
    BROKEN,
    LOOK,
    NEVER_READY,
    PLATFORM,
    POSTGRES,
    RUNNING,
    VALKEY,
    World,
    with_patient_platform,
)
from msgspec.structs import replace
from support.fake_engine import Program

from wb_cli.engine.types import State
from wb_cli.errors import ExitCode, StartFailedError, StillStartingError
from wb_cli.lifecycle import actions
from wb_cli.lifecycle.actions import Result
from wb_cli.lifecycle.guard.lock import Holder


def test_run_starts_all_parts_and_supervises_them_once_they_are_ready(world: World) -> None:
    world.run()
    assert world.states() == RUNNING
    assert {container.policy for container in world.engine.containers.values()} == {"always"}


def test_run_again_changes_nothing(world: World) -> None:
    world.run()
    before = world.engine.snapshot()
    result = world.run()
    assert result.plan.is_empty
    assert world.engine.snapshot() == before


def test_stop_leaves_nothing_and_can_be_repeated(world: World) -> None:
    world.run()
    world.stop()
    assert world.engine.snapshot() == {}
    assert world.stop().plan.is_empty


def test_restart_makes_every_container_anew_on_the_same_network(world: World) -> None:
    world.run()
    before, networks = set(world.engine.containers), set(world.engine.networks)
    world.restart()
    assert world.states() == RUNNING
    assert not before & set(world.engine.containers)
    assert set(world.engine.networks) == networks


@pytest.mark.parametrize("act", [World.run, World.restart, World.stop])
def test_a_dry_run_makes_no_changing_call(world: World, act: Callable[..., Result]) -> None:
    world.run()
    world.engine.crash("demo")

    def refuse(name: str, _: Any) -> None:
        pytest.fail(f"a dry run called {name}")

    world.engine.before_call = refuse
    assert act(world, dry_run=True).plan.stages


@pytest.mark.parametrize("slow", [POSTGRES, PLATFORM])
def test_a_slow_part_is_left_running_and_the_next_run_finishes(world: World, slow: str) -> None:
    world.engine.programs[slow] = NEVER_READY
    with pytest.raises(StillStartingError, match="still starting; it last said: LOADING"):
        world.run(timeout_s=0.1)
    assert world.states()["demo-postgres"] is State.RUNNING
    for container in world.engine.containers.values():
        container.program = Program()
    world.engine.programs.clear()
    world.run()
    assert world.states() == RUNNING
    assert {container.policy for container in world.engine.containers.values()} == {"always"}


def test_a_slow_successor_is_left_running_and_its_predecessor_is_kept(world: World) -> None:
    world.run()
    world.engine.programs["app:2"] = NEVER_READY
    newer = replace(LOOK, image="app:2")
    with pytest.raises(StillStartingError):
        world.run(newer, timeout_s=0.1)
    assert world.states() == RUNNING | {"demo-previous": State.EXITED}
    world.engine.named("demo").program = Program()
    world.run(newer)
    assert world.states() == RUNNING
    assert world.engine.named("demo").spec.image == "app:2"


def test_what_is_late_and_is_undone_has_failed_and_is_not_called_left_running(
    world: World,
) -> None:
    world.run()
    world.engine.programs["app:2"] = NEVER_READY
    with pytest.raises(StartFailedError, match="not ready within 1 s: demo") as caught:
        world.run(replace(LOOK, image="app:2"), timeout_s=1.0, goes_back_late=True)
    assert "left running" not in caught.value.hint
    assert caught.value.exit_code is ExitCode.FAILURE
    assert world.engine.named("demo").spec.image == PLATFORM


def test_valkey_that_exits_leaves_the_instance_degraded_and_running(world: World) -> None:
    world.engine.programs[VALKEY] = BROKEN
    outcome = world.run().outcome
    assert world.states() == RUNNING | {"demo-valkey": State.EXITED}
    assert world.engine.named("demo-valkey").policy == "no"
    (reason,) = outcome.degraded
    assert reason.startswith("demo-valkey exited with code 7 while starting")


def test_the_wait_for_a_valkey_that_still_loads_has_its_own_limit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wb_cli.lifecycle.execute.VALKEY_START_GRACE_S", 0.05)
    world.engine.programs[VALKEY] = NEVER_READY
    outcome = world.run().outcome
    assert world.states() == RUNNING
    assert world.engine.named("demo-valkey").policy == "always"
    assert outcome.degraded[0].startswith("demo-valkey is still starting")


def test_a_valkey_that_fails_keeps_its_predecessor(world: World) -> None:
    world.run()
    world.engine.programs["vk:2"] = BROKEN
    world.fleet.settings = replace(world.fleet.settings, valkey_image="vk:2")
    assert world.run().outcome.degraded
    assert world.states() == RUNNING | {
        "demo-valkey": State.EXITED,
        "demo-valkey-previous": State.EXITED,
    }


def test_an_unchanged_instance_whose_valkey_does_not_answer_is_degraded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.run()
    monkeypatch.setattr("wb_cli.lifecycle.execute.VALKEY_START_GRACE_S", 0.05)
    world.engine.named("demo-valkey").program = NEVER_READY
    result = world.run()
    assert result.plan.is_empty
    assert result.outcome.degraded


def test_a_subnet_that_is_taken_meanwhile_is_skipped(world: World) -> None:
    observe = world.engine.observe
    seen = observe()
    world.engine.observe = lambda: seen  # type: ignore[method-assign]
    other = replace(LOOK, id="other", port=9101)
    world.run()
    actions.run(world.fleet, replace(other, instance_dir="demo"), world.options())
    subnets = [spec.subnet for spec in world.engine.networks.values()]
    assert subnets == ["10.213.0.0/26", "10.213.0.64/26"]


@pytest.mark.parametrize("name", ["demo-postgres", "demo-valkey", "demo"])
def test_run_starts_a_part_whose_crash_loop_was_repaired(world: World, name: str) -> None:
    world.run()
    world.engine.named(name).state = State.RESTARTING
    assert not world.run().outcome.degraded
    assert world.states() == RUNNING
    assert world.engine.named(name).policy == "always"


def test_a_crash_loop_that_goes_on_is_a_failed_start_and_goes_back_to_the_engine(
    world: World,
) -> None:
    world.run()
    looping = world.engine.named("demo-postgres")
    looping.state, looping.program = State.RESTARTING, BROKEN
    with pytest.raises(StartFailedError, match="demo-postgres exited with code 7"):
        world.run()
    assert (looping.state, looping.policy) == (State.RESTARTING, "always")


def test_stop_names_a_container_that_had_to_be_killed(world: World) -> None:
    world.run()
    world.engine.named("demo-valkey").program = Program(stops_with=None)
    killed = world.stop().outcome.killed
    assert killed == [
        "demo-valkey did not stop within 10 s and was killed. Its last snapshot may be missing."
    ]
    assert world.engine.snapshot() == {}


def test_stop_does_not_report_a_container_that_was_killed_earlier(world: World) -> None:
    world.run()
    for name in ("demo", "demo-postgres", "demo-valkey"):
        world.engine.crash(name, 137)
    assert world.stop().outcome.killed == []
    assert world.engine.snapshot() == {}


def test_stop_stops_in_the_contract_s_order_and_then_removes_everything(world: World) -> None:
    world.run(replace(LOOK, admin_version="1"))
    names = {id_: container.name for id_, container in world.engine.containers.items()}
    made: list[tuple[str, str]] = []
    world.engine.before_call = lambda name, args: made.append((name, names.get(args[0], "network")))
    world.stop()
    order = ["demo", "demo-admin", "demo-postgres", "demo-valkey"]
    assert made[:4] == [("stop", name) for name in order]
    assert sorted(made[4:]) == [
        *(("remove_container", name) for name in order),
        ("remove_network", "network"),
    ]


def test_restart_no_runs_postgres_and_valkey_with_rm(world: World) -> None:
    world.run(replace(LOOK, restart="no"))
    assert {c.name: (c.spec.auto_remove, c.policy) for c in world.engine.containers.values()} == {
        "demo-postgres": (True, "no"),
        "demo-valkey": (True, "no"),
        "demo": (False, "always"),
    }
    world.engine.crash("demo-valkey")
    world.engine.containers.pop(world.engine.named("demo-valkey").id)
    world.run(replace(LOOK, restart="no"))
    assert world.states() == RUNNING
    world.stop()
    assert world.engine.snapshot() == {}


def test_a_container_with_rm_that_exits_while_starting_is_called_gone(world: World) -> None:
    world.engine.programs[POSTGRES] = BROKEN
    with pytest.raises(StartFailedError, match="demo-postgres is gone: it exited while starting"):
        world.run(replace(LOOK, restart="no"))
    assert world.engine.snapshot() == {}


@pytest.mark.parametrize("name", ["demo", "demo-postgres", "demo-valkey"])
def test_run_finishes_a_stop_under_way_and_then_starts_the_part(world: World, name: str) -> None:
    world.run()
    world.engine.named(name).is_stopping = True
    started: list[str] = []
    world.engine.before_call = lambda call, args: (
        started.append(args[0]) if call == "start" else None
    )
    result = world.run()
    assert started == [world.engine.named(name).id]
    assert world.states() == RUNNING
    assert not result.plan.is_empty


@pytest.mark.parametrize(("code", "restart"), [(0, "always"), (143, "always"), (0, "no")])
def test_a_part_that_is_stopped_while_run_asks_it_is_started_once(
    world: World, code: int, restart: str
) -> None:
    declared = replace(LOOK, restart=restart)
    world.run(declared)
    inspect = world.engine.inspect

    def stopped_first(container: str) -> Any:
        world.engine.inspect = inspect  # type: ignore[method-assign]
        world.engine.crash("demo-valkey", code)
        if restart == "no":
            world.engine.containers.pop(world.engine.named("demo-valkey").id)
        return inspect(container)

    def report(text: str) -> None:
        if text == "wait until demo-valkey is ready":
            world.engine.inspect = stopped_first  # type: ignore[method-assign]

    result = world.run(declared, report=report)
    assert world.states() == RUNNING
    assert result.outcome.revived == ["demo-valkey"]


def test_a_part_that_crashes_while_run_asks_it_is_not_started_again(world: World) -> None:
    world.run()
    inspect = world.engine.inspect

    def crashed_first(container: str) -> Any:
        world.engine.inspect = inspect  # type: ignore[method-assign]
        world.engine.crash("demo-postgres", 1)
        return inspect(container)

    def report(text: str) -> None:
        if text == "wait until demo-postgres is ready":
            world.engine.inspect = crashed_first  # type: ignore[method-assign]

    with pytest.raises(StartFailedError, match="demo-postgres exited with code 1"):
        world.run(report=report)


def test_a_container_set_aside_that_was_started_meanwhile_is_stopped_before_its_removal(
    world: World,
) -> None:
    world.run()

    def start_it(text: str) -> None:
        if text == "set restart policy of demo to always":
            world.engine.named("demo-previous").state = State.RUNNING
            world.engine.named("demo-previous").is_stopping = False

    changed = replace(LOOK, image="app:2", port=9002)
    world.run(changed, report=start_it)
    assert world.states() == RUNNING


def test_the_time_for_starting_is_counted_from_the_first_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("wb_cli.lifecycle.execute.time.monotonic", lambda: clock[0])
    world.run()

    def stops_slowly(name: str, _: Any) -> None:
        clock[0] += 100 if name == "stop" else 0

    world.engine.before_call = stops_slowly
    world.restart(timeout_s=5)
    assert world.states() == RUNNING


def test_a_part_that_was_not_started_in_time_is_named_with_the_next_command(world: World) -> None:
    world.engine.programs[POSTGRES] = NEVER_READY
    with pytest.raises(StillStartingError, match=r"not started yet: demo$") as caught:
        world.run(timeout_s=0.1)
    assert "`wb run demo` goes on" in caught.value.hint


def test_a_postgres_that_is_not_ready_in_time_is_named_and_not_the_platform_that_waits_for_it(
    world: World,
) -> None:
    with_patient_platform(world)
    world.engine.programs |= {POSTGRES: NEVER_READY, PLATFORM: NEVER_READY}
    with pytest.raises(StillStartingError, match=r"^demo-postgres is still .* LOADING$"):
        world.run(timeout_s=0.1)
    assert world.states() == RUNNING
    for container in world.engine.containers.values():
        container.program = Program()
    world.run()
    assert {container.policy for container in world.engine.containers.values()} == {"always"}


def dead(ago_s: float) -> Holder:
    began = datetime.now(UTC) - timedelta(seconds=ago_s)
    return Holder("wb stop demo", 1, "root", began.isoformat(timespec="seconds"))


@pytest.mark.parametrize(
    ("memory_reaches_back", "ago_s", "restarted"),
    [(False, 30, 3), (True, 30, 0), (False, 7200, 0)],
    ids=["events forgotten", "events tell", "long ago"],
)
def test_after_a_command_died_running_parts_are_restarted_if_its_events_are_forgotten(
    world: World, memory_reaches_back: bool, ago_s: float, restarted: int
) -> None:
    world.run()
    world.engine.memory_reaches_back = memory_reaches_back
    stops: list[str] = []
    world.engine.before_call = lambda call, _: stops.append(call) if call == "stop" else None
    world.run(left_by=dead(ago_s))
    assert len(stops) == restarted
    assert world.states() == RUNNING


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("::1", "http://[::1]:9001"),
        ("::", "http://127.0.0.1:9001"),
        ("10.0.0.1", "http://10.0.0.1:9001"),
    ],
)
def test_a_url_brackets_an_ipv6_address(address: str, expected: str) -> None:
    assert actions.build_url(wanted(bind_address=address)) == expected
