"""Failures and interruptions at every step, and the state of the engine after them."""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import pytest
from lifecycle.world import (
    ADMIN,
    BROKEN,
    LOOK,
    NEVER_READY,
    PLATFORM,
    POSTGRES,
    RUNNING,
    VALKEY,
    World,
    ready,
    with_patient_platform,
)
from msgspec.structs import replace

from wb_cli.engine.types import State
from wb_cli.errors import EngineError, EngineUnreachableError, StartFailedError, WbError
from wb_cli.lifecycle.actions import Result
from wb_cli.lifecycle.options import RunOptions, Verb
from wb_cli.lifecycle.planning.plan import Await, Stage


def with_postgres_crashed(world: World) -> None:
    world.run()
    world.engine.crash("demo-postgres")


def with_platform_crashed(world: World) -> None:
    world.run()
    world.engine.crash("demo")


def with_platform_unsupervised(world: World) -> None:
    world.run()
    world.engine.named("demo").policy = "no"


def with_platform_set_aside(world: World) -> None:
    with_platform_crashed(world)
    world.engine.named("demo").name = "demo-previous"


def with_patient_platform_running(world: World) -> None:
    with_patient_platform(world)
    world.run()


# Every kind of plan: what prepares the world, and the action that is tested.
Act = Callable[[World], Result]
KINDS: dict[str, tuple[Callable[[World], Any], Act]] = {
    "fresh start": (lambda _: None, World.run),
    "fresh start, patient platform": (with_patient_platform, World.run),
    "changed platform": (World.run, lambda w: w.run(replace(LOOK, image="app:2"))),
    "changed port": (World.run, lambda w: w.run(replace(LOOK, port=9002))),
    "postgres gets the platform's port": (
        lambda w: w.run(replace(LOOK, port=34040)),
        lambda w: w.run(replace(LOOK, port=24040)),
    ),
    "everything changed": (
        World.run,
        lambda w: w.run(replace(LOOK, port=9002, valkey_max_memory=2**31, admin_version="1")),
    ),
    "admin added": (World.run, lambda w: w.run(replace(LOOK, admin_version="1"))),
    "admin dropped": (lambda w: w.run(replace(LOOK, admin_version="1")), World.run),
    "restart": (World.run, World.restart),
    "restart, patient platform": (with_patient_platform_running, World.restart),
    "restart with changes": (World.run, lambda w: w.restart(replace(LOOK, image="app:2"))),
    "restart of a stopped instance": (lambda _: None, World.restart),
    "postgres crashed": (with_postgres_crashed, World.run),
    "platform crashed and changed": (
        with_platform_crashed,
        lambda w: w.run(replace(LOOK, image="app:2")),
    ),
    "not yet supervised": (
        with_platform_unsupervised,
        lambda w: w.run(replace(LOOK, valkey_max_memory=2**31)),
    ),
    "set aside by an interrupted run": (
        with_platform_set_aside,
        World.run,
    ),
    "without supervision, fresh": (lambda _: None, lambda w: w.run(replace(LOOK, restart="no"))),
    "without supervision, restart": (
        lambda w: w.run(replace(LOOK, restart="no")),
        lambda w: w.restart(replace(LOOK, restart="no")),
    ),
    "without supervision, changed": (
        lambda w: w.run(replace(LOOK, restart="no")),
        lambda w: w.run(replace(LOOK, restart="no", valkey_max_memory=2**31)),
    ),
}


def changing(stages: Iterable[Stage]) -> int:
    """Count the calls of some stages that change something."""
    operations = (op for stage in stages for lane in stage for op in lane.operations)
    return sum(not isinstance(op, Await) for op in operations)


@pytest.mark.parametrize("is_answer_lost", [False, True], ids=["refused", "answer lost"])
@pytest.mark.parametrize(("prepare", "act"), KINDS.values(), ids=KINDS)
def test_a_failure_at_any_call_leaves_the_engine_as_it_was(
    new_world: Callable[[], World],
    prepare: Callable[[World], Any],
    act: Act,
    is_answer_lost: bool,
) -> None:
    """This holds until the clean-up. After that, everything is ready and nothing is undone."""
    world = new_world()
    prepare(world)
    plan = act(world).plan
    undoable, cleanup = changing(plan.stages), changing([plan.cleanup])
    for failing in range(1, undoable + cleanup + 1):
        world = new_world()
        prepare(world)
        before = as_it_stands(world)
        with pytest.raises(WbError, match="injected"):
            fail_at(world, failing, act, is_answer_lost=is_answer_lost)
        if failing <= undoable:
            assert as_it_stands(world) == before, f"after call {failing}"
        else:
            assert world.states().items() >= RUNNING.items()


def as_it_stands(world: World) -> dict[str, Any]:
    """The state of the engine, without the ids of containers with --rm, which cannot come back."""
    has_auto_remove = {
        container.name
        for container in world.engine.containers.values()
        if container.spec.auto_remove
    }
    return {
        name: seen[1:] if name in has_auto_remove else seen
        for name, seen in world.engine.snapshot().items()
    }


def fail_at(world: World, number: int, act: Act, *, is_answer_lost: bool = False) -> Result:
    """Do an action. One of its calls that change something fails, or its answer is lost."""
    count = 0

    def maybe_fail(name: str, _: Any) -> None:
        nonlocal count
        count += 1
        if count == number:
            kind = EngineUnreachableError if is_answer_lost else EngineError
            raise kind(f"injected: {name}")

    setattr(world.engine, "after_call" if is_answer_lost else "before_call", maybe_fail)
    try:
        return act(world)
    finally:
        world.engine.before_call = world.engine.after_call = lambda *_: None


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


@pytest.mark.parametrize(("prepare", "act"), KINDS.values(), ids=KINDS)
def test_an_interruption_before_any_step_leaves_the_engine_as_it_was(
    new_world: Callable[[], World], prepare: Callable[[World], Any], act: Act
) -> None:
    """Or everything was done already."""
    world = new_world()
    prepare(world)
    act(world)
    finished = ready(world)
    for step in range(1, len(world.reports)):
        world = new_world()
        prepare(world)
        before = as_it_stands(world)
        with suppress(InterruptedError):
            interrupt_at(world, step, act)
        assert as_it_stands(world) == before or ready(world) == finished, f"at step {step}"


def interrupt_at(world: World, step: int, act: Act) -> None:
    """Interrupt an action when it reports its n-th operation."""
    cancelled = threading.Event()
    reported: list[str] = []

    def report(text: str) -> None:
        reported.append(text)
        if len(reported) > step:
            cancelled.set()

    def options(verb: Verb, **options: Any) -> RunOptions:
        return RunOptions(verb, 5.0, report=report, cancelled=cancelled, **options)

    world.options = options  # type: ignore[assignment, method-assign]
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


def test_a_lane_that_fails_ends_the_wait_of_the_other(world: World) -> None:
    world.engine.programs |= {VALKEY: NEVER_READY, POSTGRES: BROKEN}
    with pytest.raises(StartFailedError, match="demo-postgres exited"):
        world.run(timeout_s=300)  # it does not wait for the time that Valkey has
    assert world.engine.snapshot() == {}


@pytest.mark.parametrize("act", [World.run, World.restart])
def test_a_postgres_that_exits_is_the_cause_and_not_the_platform_that_waits_for_it(
    world: World, act: Act
) -> None:
    with_patient_platform(world)
    world.engine.programs |= {POSTGRES: BROKEN, PLATFORM: NEVER_READY}
    with pytest.raises(StartFailedError, match=r"^demo-postgres exited with code 7"):
        act(world)
    assert world.engine.snapshot() == {}


def test_a_failure_is_reported_before_slowness(world: World) -> None:
    world.engine.programs |= {POSTGRES: NEVER_READY}

    def refuse(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "create_container" and arguments[0].name == "demo":
            raise EngineError("injected")

    world.engine.before_call = refuse
    with pytest.raises(EngineError, match="injected"):
        world.run(timeout_s=0.1)


def test_the_error_names_a_step_that_cannot_be_undone(world: World) -> None:
    world.run()
    world.engine.programs["app:2"] = BROKEN

    def refuse(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "rename" and arguments[1] == "demo":
            raise EngineError("the engine is out of order")

    world.engine.before_call = refuse
    with pytest.raises(WbError) as caught:
        world.run(replace(LOOK, image="app:2"))
    assert (
        "not undone: rename demo-previous to demo: the engine is out of order"
        in caught.value.message
    )


def test_the_error_names_a_step_that_cannot_be_undone_after_an_interruption_too(
    world: World,
) -> None:
    world.run()
    world.engine.programs["app:2"] = NEVER_READY
    cancelled = threading.Event()

    def out_of_order(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "create_container":
            cancelled.set()
        if name == "rename" and arguments[1] == "demo":
            raise EngineError("the engine is out of order")

    world.engine.before_call = out_of_order
    with pytest.raises(WbError, match="interrupted; not undone: rename demo-previous to demo"):
        world.run(replace(LOOK, image="app:2"), cancelled=cancelled)


def test_undo_waits_for_a_stop_whose_answer_was_lost_and_starts_the_container_again(
    world: World,
) -> None:
    """The container is still listed as running, but would be down a moment later."""
    world.run()
    before = world.engine.snapshot()
    platform = world.engine.named("demo")
    asked: list[str] = []

    def lose_the_answer(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "stop" and arguments[0] == platform.id:
            asked.append(name)
            if len(asked) == 1:
                platform.is_stopping = True
                raise EngineUnreachableError("injected")

    world.engine.before_call = lose_the_answer
    with pytest.raises(EngineUnreachableError):
        world.run(replace(LOOK, image="app:2"))
    assert asked == ["stop", "stop"]
    assert world.engine.snapshot() == before


def test_undo_says_that_the_engine_no_longer_answers(world: World) -> None:
    world.run()

    def break_down(name: str, _: Any) -> None:
        if name == "create_container":
            world.engine.observe = gone  # type: ignore[method-assign]
            raise EngineUnreachableError("injected")

    def gone() -> Any:
        raise EngineUnreachableError("the engine is gone")

    world.engine.before_call = break_down
    with pytest.raises(EngineUnreachableError) as caught:
        world.run(replace(LOOK, image="app:2"))
    assert "not undone: the rest, which the next run" in caught.value.message


def test_undo_makes_a_container_with_rm_again_once_the_engine_has_removed_it(
    world: World,
) -> None:
    seed = replace(LOOK, restart="no")
    world.run(seed)
    observe = world.engine.observe
    postgres = next(c for c in observe().containers if c.name == "demo-postgres")

    def with_a_ghost() -> Any:
        seen = observe()
        if any(container.name == "demo-postgres" for container in seen.containers):
            return seen
        ghost = replace(postgres, state=State.REMOVING)
        return replace(seen, containers=(*seen.containers, ghost))

    def interrupt(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "stop" and arguments[0] == postgres.id:
            world.engine.observe = with_a_ghost  # type: ignore[method-assign]
            cancelled.set()

    cancelled = threading.Event()
    world.engine.before_call = interrupt
    with pytest.raises(InterruptedError):
        world.restart(seed, cancelled=cancelled)
    world.engine.observe = observe  # type: ignore[method-assign]
    assert world.states() == RUNNING
