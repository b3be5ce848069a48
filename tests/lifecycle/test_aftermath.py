"""What a signal leaves of each instance, and how another signal is answered, for every verb."""

import os
import signal
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wb_cli.contract import Part
from wb_cli.engine.types import LABEL_INSTANCE, LABEL_ROLE, Observed, ObservedContainer, State
from wb_cli.errors import EngineUnreachableError, StartFailedError, WbError
from wb_cli.lifecycle import aftermath
from wb_cli.lifecycle.batch import Batch
from wb_cli.lifecycle.ended import Ended
from wb_cli.lifecycle.guard.interrupts import InterruptedByUserError
from wb_cli.lifecycle.options import RunOptions, Verb

IDS = ["done", "failed", "begun", "waits"]
FAILED = "failed: failed (it exited)"
LEFT = {
    Verb.RUN: ["ready before: done", "undone: begun", FAILED, "not begun: waits"],
    Verb.RESTART: ["ready before: done", "undone: begun", FAILED, "not begun: waits"],
    Verb.STOP: [
        "stopped: done",
        "half stopped: begun (platform is stopped, postgres and valkey run)",
        FAILED,
        "not begun: waits",
    ],
    Verb.ADOPT: ["ready before: done", "undone: begun", FAILED, "not begun: waits"],
    Verb.REMOVE_DIRS: ["removed: done", FAILED, "not begun: begun, waits"],
    Verb.BACKUP: ["done before: done", FAILED, "not begun: begun, waits"],
    Verb.PROVE: ["done before: done", FAILED, "not begun: begun, waits"],
    Verb.FORGET: ["done before: done", FAILED, "not begun: begun, waits"],
    Verb.RESTORE: ["ready before: done", "undone: begun", FAILED, "not begun: waits"],
    Verb.CLONE: ["ready before: done", "undone: begun", FAILED, "not begun: waits"],
    Verb.UPGRADE: ["ready before: done", "undone: begun", FAILED, "not begun: waits"],
    Verb.REHEARSE: ["done before: done", FAILED, "not begun: begun, waits"],
    Verb.UPGRADE_POSTGRES: ["ready before: done", "undone: begun", FAILED, "not begun: waits"],
    Verb.IMPORT: ["ready before: done", "undone: begun", FAILED, "not begun: waits"],
    Verb.ROLLBACK: ["ready before: done", "undone: begun", FAILED, "not begun: waits"],
    Verb.ROTATE: ["ready before: done", "undone: begun", FAILED, "not begun: waits"],
    Verb.REPAIR: ["done before: done", FAILED, "not begun: begun, waits"],
    Verb.INIT_SSL: ["done before: done", FAILED, "not begun: begun, waits"],
    Verb.REMOVE_SSL: ["done before: done", FAILED, "not begun: begun, waits"],
}
NEEDS_TIME = "that takes as long as a container needs to stop; Ctrl-C is heard"
BACKUP_ENDS = "ending the backup: nothing of the instance is changed; Ctrl-C is heard"
CERTBOT_ENDS = "ending the instance that was begun: certbot is not interrupted; Ctrl-C is heard"
ANSWERS = {
    Verb.RUN: f"undoing what was begun: {NEEDS_TIME}",
    Verb.RESTART: f"undoing what was begun: {NEEDS_TIME}",
    Verb.STOP: f"ending the step that was begun: {NEEDS_TIME}",
    Verb.ADOPT: f"undoing what was begun: {NEEDS_TIME}",
    Verb.REMOVE_DIRS: "ending the removal at the next folder; Ctrl-C is heard",
    Verb.BACKUP: BACKUP_ENDS,
    Verb.PROVE: BACKUP_ENDS,
    Verb.FORGET: BACKUP_ENDS,
    Verb.RESTORE: f"undoing what was begun: {NEEDS_TIME}",
    Verb.CLONE: f"undoing what was begun: {NEEDS_TIME}",
    Verb.UPGRADE: f"undoing what was begun: {NEEDS_TIME}",
    Verb.REHEARSE: (
        "ending the rehearsal, and removing its clone: the instance is not touched; Ctrl-C is heard"
    ),
    Verb.UPGRADE_POSTGRES: f"undoing what was begun: {NEEDS_TIME}",
    Verb.IMPORT: f"undoing what was begun: {NEEDS_TIME}",
    Verb.ROLLBACK: f"undoing what was begun: {NEEDS_TIME}",
    Verb.ROTATE: f"undoing what was begun: {NEEDS_TIME}",
    Verb.REPAIR: "ending the repair of the instance that was begun; Ctrl-C is heard",
    Verb.INIT_SSL: CERTBOT_ENDS,
    Verb.REMOVE_SSL: CERTBOT_ENDS,
}


def observe_half_stopped() -> Observed:
    """Observe an instance whose platform is stopped, and nothing else is."""
    states = {Part.PLATFORM: State.EXITED, Part.POSTGRES: State.RUNNING, Part.VALKEY: State.RUNNING}
    containers = [
        ObservedContainer(part, part.container_name("begun"), state, "", "", "",
                          labels={LABEL_INSTANCE: "begun", LABEL_ROLE: part})
        for part, state in states.items()
    ]  # fmt: skip
    return Observed(tuple(containers), ())


def observe_nothing() -> Observed:
    raise EngineUnreachableError("no engine")


def judge(verb: Verb, observe: Any = observe_half_stopped) -> list[aftermath.InstanceFate]:
    done: list[Ended[Any]] = [
        Ended("done", result=SimpleNamespace(exit_code=0)),
        Ended("failed", error=StartFailedError("it exited")),
        Ended("begun", error=WbError("interrupted"), is_interrupted=True),
    ]
    return aftermath.judge(verb.after_signal, IDS, done, {"done", "failed", "begun"}, observe)


@pytest.mark.parametrize("verb", Verb)
def test_each_verb_tells_what_it_left_of_each_instance(verb: Verb) -> None:
    assert aftermath.describe(judge(verb)) == LEFT[verb]


@pytest.mark.parametrize("verb", Verb)
def test_only_a_verb_that_leaves_an_instance_half_stopped_asks_the_engine(verb: Verb) -> None:
    unknown = [fate.instance for fate in judge(verb, observe_nothing) if "no engine" in str(fate)]
    assert unknown == (["begun"] if verb is Verb.STOP else [])


@pytest.mark.parametrize("verb", Verb)
def test_the_ways_to_go_on_are_named_if_an_instance_is_half_stopped(verb: Verb) -> None:
    ways = "`wb stop begun` goes on, `wb run begun` brings back what is stopped."
    assert aftermath.suggest(judge(verb)) == (ways if verb is Verb.STOP else "")


@pytest.mark.parametrize("verb", Verb)
def test_another_signal_is_answered_with_what_the_verb_does_now(verb: Verb, tmp_path: Path) -> None:
    answered = threading.Event()
    said: list[str] = []

    def answer(text: str) -> None:
        said.append(text)
        answered.set()

    def work(_: str, options: RunOptions) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        assert options.cancelled.wait(5)
        os.kill(os.getpid(), signal.SIGTERM)
        assert answered.wait(5)
        raise InterruptedError

    steps = dict.fromkeys(("begin", "update", "tell", "finish"), ignore)
    progress: Any = SimpleNamespace(answer=answer, **steps)
    fleet: Any = SimpleNamespace(
        locks=tmp_path,
        history=tmp_path,
        engine=SimpleNamespace(observe=observe_half_stopped),
        elsewhere=None,
    )
    with pytest.raises(InterruptedByUserError):
        Batch(fleet, RunOptions(verb), work, progress).run(["begun"])
    assert said == [ANSWERS[verb]]


def ignore(*_: object) -> None:
    """Take what is said about the steps."""
