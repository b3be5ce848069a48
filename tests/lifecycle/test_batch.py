"""Actions on several instances: failures stay apart, and all give one exit code."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wb_cli.errors import (
    ExitCode,
    LockedError,
    StartFailedError,
    StillStartingError,
    UnexpectedError,
)
from wb_cli.lifecycle.actions import Ending, Result
from wb_cli.lifecycle.batch import Batch, combine_exit_codes
from wb_cli.lifecycle.ended import Ended
from wb_cli.lifecycle.execute import Outcome
from wb_cli.lifecycle.guard.lock import locked
from wb_cli.lifecycle.options import RunOptions, Verb
from wb_cli.lifecycle.planning.plan import Plan


def result(**outcome: Any) -> Result:
    return Result(Ending.READY, Plan("demo"), Outcome(**outcome), 1.0)


FINE = Ended("a", result())
CASES: dict[str, tuple[list[Ended[Result]], ExitCode]] = {
    "all fine": ([FINE, FINE], ExitCode.OK),
    "one degraded": ([FINE, Ended("b", result(degraded=["valkey"]))], ExitCode.DEGRADED),
    "one failed": ([FINE, Ended("b", error=StartFailedError("x"))], ExitCode.PARTIAL),
    "the only one failed": ([Ended("a", error=StartFailedError("x"))], ExitCode.FAILURE),
    "all are locked": (
        [Ended("a", error=LockedError("x")), Ended("b", error=LockedError("y"))],
        ExitCode.LOCKED,
    ),
    "all are still starting": (
        [Ended("a", error=StillStartingError("x"))] * 2,
        ExitCode.STILL_STARTING,
    ),
    "each fails in its own way": (
        [Ended("a", error=LockedError("x")), Ended("b", error=StartFailedError("y"))],
        ExitCode.PARTIAL,
    ),
    "something had to be killed": ([Ended("a", result(killed=["valkey"]))], ExitCode.FAILURE),
}


@pytest.mark.parametrize(("endings", "code"), CASES.values(), ids=CASES)
def test_one_exit_code_for_all(endings: list[Ended[Result]], code: ExitCode) -> None:
    assert combine_exit_codes(endings) is code


class Fleet:
    """Stands for the fleet, and for the progress that is told what happens."""

    def __init__(self, locks: Path) -> None:
        self.locks = locks
        self.history = locks / "history"
        self.elsewhere = None
        self.ended: list[str] = []

    def update(self, instance: str, text: str) -> None:
        """No step is reported here."""

    begin = tell = update

    def finish(self, ended: Ended[Result]) -> None:
        self.ended.append(ended.instance)

    def act_on(
        self,
        ids: list[str],
        work: Callable[[str, RunOptions], Result],
        parallel: int,
        verb: Verb = Verb.RUN,
    ) -> list[Ended[Result]]:
        this: Any = self
        return Batch(this, RunOptions(verb, parallel=parallel), work, this).run(ids)


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


@pytest.mark.parametrize("parallel", [1, 2])
def test_a_fault_of_wb_on_one_instance_does_not_stop_the_others(
    fleet: Fleet, parallel: int
) -> None:
    def work(instance: str, _: RunOptions) -> Result:
        if instance == "a":
            raise KeyError("a")
        return result()

    first, *others = fleet.act_on(["a", "b", "c", "d", "e"], work, parallel)
    assert isinstance(first.error, UnexpectedError)
    assert "KeyError" in first.error.message
    assert [ended.exit_code for ended in others] == [ExitCode.OK] * 4


@pytest.mark.parametrize("parallel", [1, 3])
def test_an_instance_that_fails_does_not_stop_the_others(fleet: Fleet, parallel: int) -> None:
    def work(instance: str, _: RunOptions) -> Result:
        if instance == "b":
            raise StartFailedError("b exited")
        return result()

    endings = fleet.act_on(["a", "b", "c"], work, parallel)
    assert [(e.instance, e.error is None) for e in endings] == [
        ("a", True),
        ("b", False),
        ("c", True),
    ]


def test_instances_are_worked_on_side_by_side_up_to_the_limit(fleet: Fleet) -> None:
    both = threading.Barrier(2)

    def work(_: str, __: RunOptions) -> Result:
        both.wait(timeout=10)  # it passes only if two instances are worked on at once
        return result()

    assert all(ended.result for ended in fleet.act_on(["a", "b", "c", "d"], work, 2))


@pytest.mark.parametrize(
    ("verb", "what"),
    [
        (Verb.RUN, "what it had begun was undone"),
        (Verb.RESTART, "what it had begun was undone"),
        (Verb.STOP, "what it had done stays"),
        (Verb.REMOVE_DIRS, "what it had done stays"),
    ],
)
def test_an_interrupted_instance_is_reported_as_interrupted(
    fleet: Fleet, verb: Verb, what: str
) -> None:
    def work(_: str, __: RunOptions) -> Result:
        raise InterruptedError

    (ended,) = fleet.act_on(["a"], work, 1, verb)
    assert ended.error is not None
    assert ended.error.message == f"interrupted; {what}"


def test_each_instance_is_reported_when_it_ends(fleet: Fleet) -> None:
    fleet.act_on(["a", "b"], lambda *_: result(), 1)
    assert fleet.ended == ["a", "b"]


def test_the_lock_of_an_instance_is_held_while_its_work_goes_on(fleet: Fleet) -> None:
    def work(instance: str, _: RunOptions) -> Result:
        never = threading.Event()
        with (
            pytest.raises(LockedError, match="a is being changed by `wb run a`"),
            locked(fleet.locks, instance, "wb stop a", 0, never),
        ):
            pass
        return result()

    (ended,) = fleet.act_on(["a"], work, 1)
    assert ended.result
