"""Jobs that run side by side and end one by one."""

import threading

import pytest

from wb_cli.errors import WbError
from wb_cli.provision.side_by_side import run_side_by_side


def test_a_job_that_fails_does_not_stop_the_others() -> None:
    error = WbError("broken")

    def fail() -> str:
        raise error

    outcomes = dict(run_side_by_side({"a": lambda: "done", "b": fail, "c": lambda: "too"}, 2))
    assert outcomes == {"a": "done", "b": error, "c": "too"}


def test_as_many_jobs_as_allowed_run_at_once() -> None:
    all_here = threading.Barrier(3, timeout=10)
    running: list[int] = []
    most: list[int] = []
    lock = threading.Lock()

    def job() -> None:
        with lock:
            running.append(1)
            most.append(len(running))
        all_here.wait()
        with lock:
            running.pop()

    assert len(list(run_side_by_side({str(n): job for n in range(6)}, 3))) == 6
    assert max(most) == 3


def test_a_fault_of_wb_is_raised_in_the_caller_s_thread() -> None:
    def broken() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        list(run_side_by_side({"a": broken}, 1))
