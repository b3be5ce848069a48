"""Several instances: one that fails does not stop the others, and one code for all."""

import threading
from typing import Any

import pytest

from wb_cli.errors import (
    ExitCode,
    LockedError,
    StartFailedError,
    StillStartingError,
    UnexpectedError,
)
from wb_cli.lifecycle.actions import Result
from wb_cli.lifecycle.execute import Outcome
from wb_cli.lifecycle.many import Ended, exit_code, for_each
from wb_cli.lifecycle.plan import Plan


def result(**outcome: Any) -> Result:
    return Result(Plan("demo"), Outcome(**outcome), 1.0)


FINE = Ended("a", result())
CASES: dict[str, tuple[list[Ended], ExitCode]] = {
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
def test_one_exit_code_for_all(endings: list[Ended], code: ExitCode) -> None:
    assert exit_code(endings) is code


@pytest.mark.parametrize("parallel", [1, 2])
def test_a_fault_of_ours_in_one_does_not_stop_the_others(parallel: int) -> None:
    def work(instance: str) -> Result:
        if instance == "a":
            raise KeyError("a")
        return result()

    first, *others = for_each(["a", "b", "c", "d", "e"], work, parallel)
    assert isinstance(first.error, UnexpectedError)
    assert "KeyError" in first.error.message
    assert [ended.exit_code for ended in others] == [ExitCode.OK] * 4


@pytest.mark.parametrize("parallel", [1, 3])
def test_one_that_fails_does_not_stop_the_others(parallel: int) -> None:
    def work(instance: str) -> Result:
        if instance == "b":
            raise StartFailedError("b exited")
        return result()

    endings = for_each(["a", "b", "c"], work, parallel)
    assert [(e.instance, e.error is None) for e in endings] == [
        ("a", True),
        ("b", False),
        ("c", True),
    ]


def test_they_are_worked_on_side_by_side_up_to_the_limit() -> None:
    both = threading.Barrier(2)

    def work(_: str) -> Result:
        both.wait(timeout=10)  # passes only where two are at it at once
        return result()

    assert all(ended.result for ended in for_each(["a", "b", "c", "d"], work, 2))


def test_an_interrupted_one_is_told_as_such() -> None:
    def work(_: str) -> Result:
        raise InterruptedError

    (ended,) = for_each(["a"], work, 1)
    assert ended.error is not None
    assert "undone" in ended.error.message
