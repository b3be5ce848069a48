"""`kill -9` of wb at any step of a takeover: the next command ends it, or the older ones run on."""

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.older_tool import OlderInstance, answers
from support.platform_stand_in import Platforms
from support.services import wait_until
from support.wb_host import COMMAND_S, Host

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.faults]

LAUNCHER = Path(__file__).with_name("killed_wb.py")
# The exec of the password's trial and of the snapshot are two requests each.
REQUESTS_BEFORE_A_STOP = 4
REQUESTS = 20
SEED = int(os.environ.get("WB_TEST_SEED", "0")) or time.time_ns() % 10**9


@pytest.fixture
def older(host: Host) -> Iterator[OlderInstance]:
    instance = OlderInstance(host).start()
    instance.write("precious")
    yield instance
    instance.discard()


def kill_at(older: OlderInstance, moment: str, step: int) -> bool:
    """Kill a takeover at a step. Tell whether it was killed; otherwise it ended before."""
    done = subprocess.run(
        [sys.executable, str(LAUNCHER), moment, str(step), "adopt", older.id],
        env=older.host.environ,
        capture_output=True,
        timeout=COMMAND_S,
        check=False,
    )
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr.decode()
    return done.returncode != 0


def check_runs(older: OlderInstance) -> None:
    """Check that everything is wb's and answers, with its data."""
    host = older.host
    assert host.names(older.id) == set(older.names)
    (network,) = host.client.networks.list(names=[f"^{older.id}$"])
    assert network.attrs["Labels"]["wb.instance"] == older.id
    wait_until(lambda: answers(older.port), f"{older.id} to answer", COMMAND_S)
    assert set(older.read().values()) == {"precious"}
    assert host.json("run", older.id, "--dry-run")["instances"][0]["plan"]["steps"] == []
    assert not any((host.root / "secrets" / "handovers").glob("*"))


def start_again(older: OlderInstance) -> None:
    """Give the instance back to the older tool."""
    older.host.wb("stop", older.id)
    older.host.wb("config", "remove", older.id, "--yes")
    older.start()


def choose_steps(moment: str) -> Iterator[int]:
    """Choose every step, or a sample of them."""
    if os.environ.get("WB_TEST_ALL"):
        return iter(itertools.count(1))
    chance = random.Random(f"{SEED} {moment}")
    return iter(sorted(chance.sample(range(1, REQUESTS + 1), 4)))


@pytest.mark.parametrize("moment", ["before", "during", "after"])
@pytest.mark.parametrize("seed", [SEED])
def test_after_a_takeover_killed_at_any_request_the_next_ends_it(
    older: OlderInstance, moment: str, seed: int
) -> None:
    assert seed == SEED, "the steps are chosen by it"
    step = 0
    for step in choose_steps(moment):
        if not kill_at(older, moment, step):
            break
        older.host.wb("adopt", older.id)
        check_runs(older)
        start_again(older)
    assert step > 1
    older.discard()
    older.host.wb("stop", "all")


def test_before_the_first_stop_a_kill_leaves_the_older_containers_running(
    older: OlderInstance,
) -> None:
    ids = older.container_ids()
    for step in range(1, REQUESTS_BEFORE_A_STOP + 1):
        assert kill_at(older, "after", step)
        assert older.container_ids() == ids
        assert answers(older.port)


def test_after_a_kill_in_the_middle_a_takeover_that_fails_brings_the_older_ones_back(
    older: OlderInstance, platforms: Platforms
) -> None:
    for step in (6, 9, 12, 15):
        assert kill_at(older, "before", step)
        done = older.host.wb(
            "adopt", older.id, exits=ExitCode.FAILURE, WB_POSTGRES_IMAGE=platforms("exits")
        )
        assert "no such dialect" in done.stderr, done.stderr
        assert "not undone" not in done.stderr
        assert len(older.container_ids()) == len(older.names)
        assert older.host.listed(older.id) == []
        wait_until(lambda: answers(older.port), f"{older.id} to answer", COMMAND_S)
        assert set(older.read().values()) == {"precious"}
    older.host.wb("adopt", older.id)
    check_runs(older)
    older.host.wb("stop", older.id)


def test_two_operators_take_over_at_once_and_one_waits(older: OlderInstance) -> None:
    with (
        older.host.started("adopt", older.id, "--wait", "60") as first,
        older.host.started("adopt", older.id, "--wait", "60") as second,
    ):
        codes = {first.wait(COMMAND_S), second.wait(COMMAND_S)}
    assert codes == {ExitCode.OK}
    check_runs(older)
    older.host.wb("stop", older.id)
