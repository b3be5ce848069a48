"""Actions on instances of several hosts, side by side."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from lifecycle.test_batch import Fleet, result

from wb_cli.errors import EngineUnreachableError, ExitCode
from wb_cli.lifecycle.actions import Result
from wb_cli.lifecycle.batch import Batch
from wb_cli.lifecycle.ended import Ended
from wb_cli.lifecycle.guard.interrupts import InterruptedByUserError
from wb_cli.lifecycle.hosts import OnHost, run_side_by_side
from wb_cli.lifecycle.options import RunOptions, Verb

AWAY = EngineUnreachableError("far is away")


def be_away() -> Any:
    raise AWAY


def act_on(folder: Path, work: Any) -> tuple[list[Ended[Result]], Any]:
    """Act on the hosts one and two, and on one that is away."""
    progress: Any = Fleet(folder)

    def make(name: str) -> Any:
        fleet: Any = Fleet(folder / name)
        return lambda: Batch(fleet, RunOptions(Verb.RUN, parallel=1), work, progress)

    hosts = [OnHost(["a", "b"], make("one")), OnHost(["c"], make("two")), OnHost(["d"], be_away)]
    return run_side_by_side(hosts, Verb.RUN, progress), progress


def test_each_host_acts_on_its_own_and_one_that_is_away_fails_alone(tmp_path: Path) -> None:
    ended, _ = act_on(tmp_path, lambda *_: result())
    assert [(end.instance, end.exit_code) for end in ended] == [
        ("a", ExitCode.OK),
        ("b", ExitCode.OK),
        ("c", ExitCode.OK),
        ("d", ExitCode.ENGINE_UNREACHABLE),
    ]
    assert ended[-1].error is AWAY


def test_each_host_has_locks_of_its_own(tmp_path: Path) -> None:
    act_on(tmp_path, lambda *_: result())
    assert {path.name for path in (tmp_path / "one").glob("*.lock")} == {"a.lock", "b.lock"}
    assert {path.name for path in (tmp_path / "two").glob("*.lock")} == {"c.lock"}


def test_a_signal_ends_the_work_on_all_hosts_and_says_what_became_of_each_instance(
    tmp_path: Path,
) -> None:
    def work(instance: str, options: RunOptions) -> Result:
        if instance == "a":
            os.kill(os.getpid(), signal.SIGINT)
        assert options.cancelled.wait(30)
        raise InterruptedError(instance)

    with pytest.raises(InterruptedByUserError) as caught:
        act_on(tmp_path, work)
    fates = {fate["id"]: fate["result"] for fate in caught.value.left}
    assert fates["a"] == "undone"
    assert fates["b"] == "not begun"
    assert fates["c"] in {"undone", "not begun"}
    assert fates["d"] == "failed"
    assert "d (far is away)" in caught.value.message
