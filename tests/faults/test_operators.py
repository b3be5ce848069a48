"""Several operators at once, and several instances at once."""

import getpass
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Network
from itertools import combinations
from subprocess import Popen

import pytest
from faults.gates import open_gate, shut_gate
from support.services import wait_until
from support.wb_host import COMMAND_S, Host

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.faults]


@pytest.fixture(scope="module")
def gated(shared_host: Host) -> str:
    """An instance whose platform becomes ready when its gate is opened."""
    return shared_host.prepare(env={"MODE": "gate"})


@pytest.fixture
def stopped(shared_host: Host, gated: str) -> Iterator[str]:
    """The same instance, not running, with its gate shut."""
    shut_gate(shared_host, gated)
    yield gated
    shared_host.wb("stop", gated, "--wait", str(COMMAND_S))


@contextmanager
def start_operators(host: Host, count: int, *words: str) -> Iterator[list[Popen[str]]]:
    """Start a number of operators who give the same command at once."""
    with ExitStack() as stack:
        yield [stack.enter_context(host.started(*words)) for _ in range(count)]


@contextmanager
def hold_lock(host: Host, id_: str) -> Iterator[Popen[str]]:
    """Let an operator work on an instance, and hold its lock, as long as its gate is shut."""
    with host.started("run", id_) as process:
        wait_until(lambda: is_running(host, id_), "the platform's container")
        yield process


def is_running(host: Host, id_: str) -> bool:
    return any(
        container.name == id_ and container.status == "running"
        for container in host.containers(id_)
    )


def select_ended(processes: list[Popen[str]]) -> list[Popen[str]]:
    return [process for process in processes if process.poll() is not None]


@pytest.mark.parametrize("count", [2, 8])
def test_of_several_operators_one_acts_and_the_others_are_told_who(
    shared_host: Host, stopped: str, count: int
) -> None:
    with start_operators(shared_host, count, "run", stopped) as processes:
        wait_until(lambda: len(select_ended(processes)) == count - 1, "all but one", COMMAND_S)
        refused = select_ended(processes)
        (acting,) = set(processes) - set(refused)
        open_gate(shared_host, stopped)
        assert acting.wait(COMMAND_S) == ExitCode.OK
        told = [process.stderr.read() for process in refused if process.stderr]
    assert [process.returncode for process in refused] == [ExitCode.LOCKED] * (count - 1)
    assert len(told) == count - 1
    for said in told:
        assert f"`wb run {stopped}` of {getpass.getuser()} (pid {acting.pid}, for " in said
        assert "--wait" in said
        assert "Traceback" not in said
    assert len(shared_host.containers(stopped)) == 3


def test_operators_who_waited_for_the_first_find_nothing_to_do(
    shared_host: Host, stopped: str
) -> None:
    with hold_lock(shared_host, stopped) as first:
        before = shared_host.ids(stopped)
        waiting = ("run", stopped, "--wait", str(COMMAND_S))
        with start_operators(shared_host, 3, *waiting) as processes:
            open_gate(shared_host, stopped)
            for process in (first, *processes):
                assert process.wait(COMMAND_S) == ExitCode.OK
            said = [process.stdout.read() for process in processes if process.stdout]
    assert all("unchanged" in text for text in said)
    assert shared_host.ids(stopped) == before


def test_the_lock_of_a_killed_wb_is_free_for_an_operator_who_waits(
    shared_host: Host, stopped: str
) -> None:
    with (
        hold_lock(shared_host, stopped) as first,
        start_operators(shared_host, 1, "run", stopped, "--wait", str(COMMAND_S)) as (second,),
    ):
        first.send_signal(signal.SIGKILL)
        open_gate(shared_host, stopped)
        assert second.wait(COMMAND_S) == ExitCode.OK
    assert len(shared_host.containers(stopped)) == 3


def test_a_command_that_only_reads_takes_no_lock(shared_host: Host, stopped: str) -> None:
    with hold_lock(shared_host, stopped):
        status = shared_host.json("status", stopped)
        assert status["instances"][0]["state"] == "starting"
        shared_host.wb("config", "show", stopped)
        shared_host.wb("config", "list")
        shared_host.wb("run", stopped, "--dry-run")
        open_gate(shared_host, stopped)


def test_operators_on_different_instances_do_not_wait_for_one_another(
    shared_host: Host, stopped: str
) -> None:
    other = shared_host.prepare()
    with hold_lock(shared_host, stopped) as first:
        shared_host.wb("run", other)
        assert first.poll() is None
        open_gate(shared_host, stopped)
    shared_host.wb("stop", other)
    shared_host.forget(other)


def test_instances_that_start_at_once_get_their_own_networks(shared_host: Host) -> None:
    ids = [shared_host.prepare() for _ in range(4)]
    with ExitStack() as stack:
        processes = [stack.enter_context(shared_host.started("run", id_)) for id_ in ids]
        assert {process.wait(COMMAND_S) for process in processes} == {ExitCode.OK}
    networks = [IPv4Network(read_subnet(shared_host, id_)) for id_ in ids]
    assert not any(one.overlaps(other) for one, other in combinations(networks, 2))
    shared_host.wb("stop", *ids)
    for id_ in ids:
        shared_host.forget(id_)


def read_subnet(host: Host, id_: str) -> str:
    (network,) = host.networks(id_)
    return str(network.attrs["IPAM"]["Config"][0]["Subnet"])


def test_one_failed_instance_does_not_touch_the_others_and_all_are_told(host: Host) -> None:
    good, bad, other = host.prepare(), host.prepare(env={"MODE": "exits"}), host.prepare()
    done = host.wb("run", "all", exits=ExitCode.PARTIAL)
    *lines, total = done.stdout.splitlines()
    ended = dict(line.split(": ", 1) for line in lines)
    assert ended[bad].partition(" (")[0] == "failed"
    assert {ended[instance].partition(":")[0] for instance in (good, other)} == {"ready"}
    assert total == f"2 ready, 1 failed: {bad}"
    assert f"{bad} exited with code 7" in done.stderr
    assert "no such dialect" in done.stderr
    assert [len(host.containers(instance)) for instance in (good, bad, other)] == [3, 0, 3]

    results = host.json("run", "all", exits=ExitCode.PARTIAL)["instances"]
    assert {instance["id"]: instance["exitCode"] for instance in results} == {
        good: 0,
        bad: 1,
        other: 0,
    }


def test_if_all_instances_end_alike_wb_has_their_exit_code(host: Host) -> None:
    ids = [host.prepare(env={"MODE": "exits"}) for _ in range(2)]
    host.wb("run", "all", exits=ExitCode.FAILURE)
    for id_ in ids:
        host.change(id_, env={"MODE": "silent"})
    host.wb("run", "all", "--timeout", "8", exits=ExitCode.STILL_STARTING)
