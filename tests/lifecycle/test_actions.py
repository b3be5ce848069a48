"""run, stop and restart on an engine in memory: failures at every step, and what is left then."""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from fake_engine import LOADING, FakeEngine, Program
from lifecycle.examples import SETTINGS

from wb_cli.errors import EngineError, StartFailedError, StillStartingError, WbError
from wb_cli.instances.model import Instance
from wb_cli.instances.secrets import SecretStore
from wb_cli.lifecycle import actions, health, probes
from wb_cli.lifecycle.actions import How, Result
from wb_cli.lifecycle.plan import Await, Stage
from wb_cli.lifecycle.site import Site

POSTGRES, VALKEY, PLATFORM, ADMIN = "pg:1", "vk:1", "app:1", "admin:1"
BROKEN = Program("no config\ntraceback\n", exits=7)
NEVER_READY = Program(answers=LOADING)
LOOK = Instance("demo", "Demo", 9001, "1.6.7", image=PLATFORM)


@pytest.fixture(autouse=True)
def no_route(monkeypatch: pytest.MonkeyPatch) -> None:
    """As from afar: nothing is reached over the wire, so every probe is run inside."""
    unreachable = probes.Answer(probes.Verdict.UNREACHABLE)
    monkeypatch.setattr(probes, "http_below_500", lambda *_: unreachable)
    monkeypatch.setattr(health, "EXEC_INTERVAL_S", 0.01)


@dataclass
class World:
    """A host with an engine in memory."""

    engine: FakeEngine
    site: Site
    reports: list[str] = field(default_factory=list)

    def run(self, instance: Instance = LOOK, **how: Any) -> Result:
        return actions.run(self.site, instance, self.how(**how))

    def restart(self, instance: Instance = LOOK, **how: Any) -> Result:
        return actions.restart(self.site, instance, self.how(**how))

    def stop(self, **how: Any) -> Result:
        return actions.stop(self.site, "demo", self.how(**how))

    def how(self, **how: Any) -> How:
        return How(**{"timeout_s": 5.0, "report": self.reports.append} | how)

    def states(self) -> dict[str, str]:
        return {each.name: each.state for each in self.engine.containers.values()}


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> SecretStore:
    return SecretStore(tmp_path_factory.mktemp("secrets"))


@pytest.fixture
def new_world(secrets: SecretStore, folders: Path) -> Callable[[], World]:
    def make() -> World:
        engine = FakeEngine([POSTGRES, VALKEY, PLATFORM, ADMIN, "app:2", "pg:2", "vk:2"])
        settings = replace(
            SETTINGS,
            mount_path=folders,
            postgres_image=POSTGRES,
            valkey_image=VALKEY,
            admin_image="admin:{version}",
        )
        return World(engine, Site(engine, settings, secrets))

    return make


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("mnt")
    for name in ("databases", "sandbox", "exports", "assets", "valkey_data"):
        (root / "demo" / name).mkdir(parents=True)
    return root


@pytest.fixture
def world(new_world: Callable[[], World]) -> World:
    return new_world()


RUNNING = {"demo-postgres": "running", "demo-valkey": "running", "demo": "running"}


def test_run_starts_everything_and_supervises_it_only_then(world: World) -> None:
    world.run()
    assert world.states() == RUNNING
    assert {each.policy for each in world.engine.containers.values()} == {"always"}


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


# Every kind of plan: how the world stands before, and what is asked then.
Act = Callable[[World], Result]
KINDS: dict[str, tuple[Callable[[World], Any], Act]] = {
    "fresh start": (lambda _: None, World.run),
    "changed platform": (World.run, lambda w: w.run(replace(LOOK, image="app:2"))),
    "changed port": (World.run, lambda w: w.run(replace(LOOK, port=9002))),
    "everything changed": (
        World.run,
        lambda w: w.run(replace(LOOK, port=9002, valkey_max_memory=2**31, admin_version="1")),
    ),
    "admin added": (World.run, lambda w: w.run(replace(LOOK, admin_version="1"))),
    "admin dropped": (lambda w: w.run(replace(LOOK, admin_version="1")), World.run),
    "restart": (World.run, World.restart),
    "restart with changes": (World.run, lambda w: w.restart(replace(LOOK, image="app:2"))),
    "restart of a stopped instance": (lambda _: None, World.restart),
    "postgres crashed": (lambda w: (w.run(), w.engine.crash("demo-postgres")), World.run),
    "platform crashed and changed": (
        lambda w: (w.run(), w.engine.crash("demo")),
        lambda w: w.run(replace(LOOK, image="app:2")),
    ),
    "not yet supervised": (
        lambda w: (w.run(), setattr(w.engine.named("demo"), "policy", "no")),
        lambda w: w.run(replace(LOOK, valkey_max_memory=2**31)),
    ),
    "set aside by an interrupted run": (
        lambda w: (
            w.run(),
            w.engine.crash("demo"),
            setattr(w.engine.named("demo"), "name", "demo-previous"),
        ),
        World.run,
    ),
    "without supervision, fresh": (lambda _: None, lambda w: w.run(replace(LOOK, restart="no"))),
}


def changing(stages: Iterable[Stage]) -> int:
    """How many changing calls the stages make."""
    operations = (op for stage in stages for lane in stage for op in lane.operations)
    return sum(not isinstance(op, Await) for op in operations)


@pytest.mark.parametrize(("prepare", "act"), KINDS.values(), ids=KINDS)
def test_a_failure_at_any_call_leaves_the_engine_as_it_was(
    new_world: Callable[[], World], prepare: Callable[[World], Any], act: Act
) -> None:
    """Up to the cleanup, by which time all is ready: from there on nothing is undone."""
    world = new_world()
    prepare(world)
    plan = act(world).plan
    until_ready, cleanup = changing(plan.stages), changing([plan.cleanup])
    for failing in range(1, until_ready + cleanup + 1):
        world = new_world()
        prepare(world)
        before = world.engine.snapshot()
        with pytest.raises(EngineError, match="injected"):
            fail_at(world, failing, act)
        if failing <= until_ready:
            assert world.engine.snapshot() == before, f"after call {failing}"
        else:
            assert world.states().items() >= RUNNING.items()


def fail_at(world: World, number: int, act: Act) -> Result:
    """Carry out an action of which one changing call fails."""
    count = 0

    def maybe_fail(name: str, _: Any) -> None:
        nonlocal count
        count += 1
        if count == number:
            raise EngineError(f"injected: {name}")

    world.engine.before_call = maybe_fail
    try:
        return act(world)
    finally:
        world.engine.before_call = lambda *_: None


@pytest.mark.parametrize(("prepare", "act"), KINDS.values(), ids=KINDS)
def test_after_a_failure_the_same_command_finishes(
    new_world: Callable[[], World], prepare: Callable[[World], Any], act: Act
) -> None:
    world = new_world()
    prepare(world)
    plan = act(world).plan
    wanted = ready(world)
    for failing in range(1, changing([*plan.stages, plan.cleanup]) + 1):
        world = new_world()
        prepare(world)
        with pytest.raises(EngineError):
            fail_at(world, failing, act)
        act(world)
        assert ready(world) == wanted, f"after call {failing}"


def ready(world: World) -> dict[str, Any]:
    return {c.name: (c.state, c.policy, c.spec.image) for c in world.engine.containers.values()}


@pytest.mark.parametrize(("prepare", "act"), KINDS.values(), ids=KINDS)
def test_an_interruption_before_any_step_leaves_the_engine_as_it_was(
    new_world: Callable[[], World], prepare: Callable[[World], Any], act: Act
) -> None:
    """Unless all of it was done already."""
    world = new_world()
    prepare(world)
    act(world)
    finished = ready(world)
    for step in range(1, len(world.reports)):
        world = new_world()
        prepare(world)
        before = world.engine.snapshot()
        with suppress(InterruptedError):
            interrupt_at(world, step, act)
        assert world.engine.snapshot() == before or ready(world) == finished, f"at step {step}"


def interrupt_at(world: World, step: int, act: Act) -> None:
    """Interrupt an action when it reports its n-th operation."""
    cancelled = threading.Event()
    reported: list[str] = []

    def report(text: str) -> None:
        reported.append(text)
        if len(reported) > step:
            cancelled.set()

    world.how = lambda **how: How(5.0, report=report, cancelled=cancelled, **how)  # type: ignore[method-assign]
    act(world)


@pytest.mark.parametrize("broken", [POSTGRES, PLATFORM, ADMIN])
def test_a_part_that_exits_while_starting_is_undone_with_its_last_lines_in_the_error(
    world: World, broken: str
) -> None:
    world.engine.programs[broken] = BROKEN
    with pytest.raises(StartFailedError) as caught:
        world.run(replace(LOOK, admin_version="1"))
    assert "exited with code 7" in caught.value.message
    assert caught.value.message.endswith("\n    no config\n    traceback")
    assert world.engine.snapshot() == {}


def test_an_update_that_fails_brings_the_old_version_back(world: World) -> None:
    world.run()
    before = world.engine.snapshot()
    world.engine.programs["app:2"] = BROKEN
    with pytest.raises(StartFailedError):
        world.run(replace(LOOK, image="app:2"))
    assert world.engine.snapshot() == before


def test_a_platform_that_fails_takes_the_change_of_postgres_back_too(world: World) -> None:
    world.run()
    before = world.engine.snapshot()
    world.engine.programs["app:2"] = BROKEN
    with pytest.raises(StartFailedError):
        world.run(replace(LOOK, image="app:2", port=9002))
    assert world.engine.snapshot() == before


def test_a_restart_that_fails_brings_everything_back(world: World) -> None:
    world.run()
    before = world.engine.snapshot()
    world.engine.programs["app:2"] = BROKEN
    with pytest.raises(StartFailedError):
        world.restart(replace(LOOK, image="app:2"))
    assert world.engine.snapshot() == before


@pytest.mark.parametrize("slow", [POSTGRES, PLATFORM])
def test_what_is_merely_slow_is_left_running_and_the_next_run_finishes(
    world: World, slow: str
) -> None:
    world.engine.programs[slow] = NEVER_READY
    with pytest.raises(StillStartingError, match="still starting; it last said: LOADING"):
        world.run(timeout_s=0.1)
    assert world.states()["demo-postgres"] == "running"
    for container in world.engine.containers.values():
        container.program = Program()
    world.engine.programs.clear()
    world.run()
    assert world.states() == RUNNING
    assert {each.policy for each in world.engine.containers.values()} == {"always"}


def test_a_slow_successor_is_left_running_and_its_predecessor_kept(world: World) -> None:
    world.run()
    world.engine.programs["app:2"] = NEVER_READY
    newer = replace(LOOK, image="app:2")
    with pytest.raises(StillStartingError):
        world.run(newer, timeout_s=0.1)
    assert world.states() == RUNNING | {"demo-previous": "exited"}
    world.engine.named("demo").program = Program()
    world.run(newer)
    assert world.states() == RUNNING
    assert world.engine.named("demo").spec.image == "app:2"


def test_valkey_that_exits_leaves_the_instance_degraded_and_running(world: World) -> None:
    world.engine.programs[VALKEY] = BROKEN
    outcome = world.run().outcome
    assert world.states() == RUNNING | {"demo-valkey": "exited"}
    assert world.engine.named("demo-valkey").policy == "no"
    (reason,) = outcome.degraded
    assert reason.startswith("demo-valkey exited with code 7 while starting")


def test_valkey_that_still_loads_is_waited_for_for_its_time_only(
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
    world.site.settings = replace(world.site.settings, valkey_image="vk:2")
    assert world.run().outcome.degraded
    assert world.states() == RUNNING | {"demo-valkey": "exited", "demo-valkey-previous": "exited"}


def test_an_unchanged_instance_whose_valkey_does_not_answer_is_degraded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.run()
    monkeypatch.setattr("wb_cli.lifecycle.execute.VALKEY_START_GRACE_S", 0.05)
    world.engine.named("demo-valkey").program = NEVER_READY
    result = world.run()
    assert result.plan.is_empty
    assert result.outcome.degraded


def test_one_lane_that_fails_ends_the_wait_of_the_other(world: World) -> None:
    world.engine.programs |= {VALKEY: NEVER_READY, POSTGRES: BROKEN}
    with pytest.raises(StartFailedError, match="demo-postgres exited"):
        world.run(timeout_s=300)  # and not after the grace of Valkey
    assert world.engine.snapshot() == {}


def test_a_failure_is_told_before_mere_slowness(world: World) -> None:
    world.engine.programs |= {POSTGRES: NEVER_READY}

    def refuse(name: str, _: Any) -> None:
        if name == "set_restart_policy":
            raise EngineError("injected")

    world.engine.before_call = refuse
    with pytest.raises(EngineError, match="injected"):
        world.run(timeout_s=0.1)


def test_a_subnet_that_is_taken_meanwhile_is_passed_over(world: World) -> None:
    observe = world.engine.observe
    seen = observe()
    world.engine.observe = lambda: seen  # type: ignore[method-assign]
    other = replace(LOOK, id="other", port=9101)
    world.run()
    actions.run(world.site, replace(other, instance_dir="demo"), world.how())
    subnets = [spec.subnet for spec in world.engine.networks.values()]
    assert subnets == ["10.213.0.0/26", "10.213.0.64/26"]


def test_what_cannot_be_undone_is_named(world: World) -> None:
    world.run()
    world.engine.programs["app:2"] = BROKEN

    def refuse(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "rename" and arguments[1] == "demo":
            raise EngineError("the engine is out of order")

    world.engine.before_call = refuse
    with pytest.raises(WbError) as caught:
        world.run(replace(LOOK, image="app:2"))
    assert (
        "not undone: rename demo to demo-previous: the engine is out of order"
        in caught.value.message
    )


def test_what_cannot_be_undone_after_an_interruption_is_named_too(world: World) -> None:
    world.run()
    world.engine.programs["app:2"] = NEVER_READY
    cancelled = threading.Event()

    def out_of_order(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "create_container":
            cancelled.set()
        if name == "rename" and arguments[1] == "demo":
            raise EngineError("the engine is out of order")

    world.engine.before_call = out_of_order
    with pytest.raises(WbError, match="interrupted; not undone: rename demo to demo-previous"):
        world.run(replace(LOOK, image="app:2"), cancelled=cancelled)


def test_stop_names_what_had_to_be_killed(world: World) -> None:
    world.run()
    world.engine.named("demo-valkey").program = Program(stops_with=None)
    killed = world.stop().outcome.killed
    assert killed == [
        "demo-valkey did not stop within 10 s and was killed. Its last snapshot may be missing."
    ]
    assert world.engine.snapshot() == {}


def test_stop_stops_in_the_contract_s_order_each_gone_before_the_next(world: World) -> None:
    world.run(replace(LOOK, admin_version="1"))
    names = {id_: each.name for id_, each in world.engine.containers.items()}
    made: list[tuple[str, str]] = []
    world.engine.before_call = lambda name, args: made.append((name, names.get(args[0], "network")))
    world.stop()
    assert made == [
        (call, name)
        for name in ("demo", "demo-admin", "demo-postgres", "demo-valkey")
        for call in ("stop", "remove_container")
    ] + [("remove_network", "network")]


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


def test_one_that_runs_with_rm_and_exits_while_starting_is_called_gone(world: World) -> None:
    world.engine.programs[POSTGRES] = BROKEN
    with pytest.raises(StartFailedError, match="demo-postgres is gone: it exited while starting"):
        world.run(replace(LOOK, restart="no"))
    assert world.engine.snapshot() == {}
