"""Signals in bursts while wb changes an instance: nothing is half done, and wb ends."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator

import pexpect
import pytest
from support.bursts import SEED, ended_by_burst, is_listening
from support.services import wait_until
from support.wb_host import COMMAND_S, Host

pytestmark = [pytest.mark.engine, pytest.mark.long]


@pytest.fixture(scope="module")
def demo(shared_host: Host) -> Iterator[str]:
    id_ = shared_host.prepare()
    shared_host.wb("run", id_)
    yield id_
    shared_host.wb("stop", id_)


def is_whole(host: Host, id_: str) -> bool:
    """Three parts that run, supervised, under their own names."""
    found = [host.inspect(container.id) for container in host.containers(id_)]
    stand = {(c["State"]["Status"], c["HostConfig"]["RestartPolicy"]["Name"]) for c in found}
    names = {c["Name"].removeprefix("/") for c in found}
    return stand == {("running", "always")} and names == {id_, f"{id_}-postgres", f"{id_}-valkey"}


@pytest.mark.parametrize("tries", [4, pytest.param(60, marks=pytest.mark.faults)])
def test_a_restart_that_is_interrupted_is_undone_or_done(
    shared_host: Host, demo: str, tries: int
) -> None:
    chance = random.Random(SEED)
    for _ in range(tries):
        with shared_host.started("restart", demo) as process:
            told = ended_by_burst(process, chance, 1.2, bursts=chance.randint(1, 3))
            _, talk = process.communicate(timeout=COMMAND_S)
        assert process.returncode in {0, 130, 143}, told + talk
        assert "Traceback" not in talk
        assert is_whole(shared_host, demo), told + talk


@pytest.mark.parametrize("tries", [3, pytest.param(40, marks=pytest.mark.faults)])
def test_a_stop_that_is_interrupted_says_what_is_left_and_goes_on_either_way(
    shared_host: Host, demo: str, tries: int
) -> None:
    chance = random.Random(SEED)
    for _ in range(tries):
        with shared_host.started("stop", demo) as process:
            told = ended_by_burst(process, chance, 0.8)
            _, talk = process.communicate(timeout=COMMAND_S)
        running = {container.labels["wb.role"] for container in shared_host.containers(demo)
                   if container.status == "running"}  # fmt: skip
        if "half stopped" in talk:
            said = talk.partition(f"half stopped: {demo} (")[2].partition(")")[0]
            assert {part for part in running if part in said.partition("stopped, ")[2]} == running
            assert f"`wb stop {demo}` goes on, `wb run {demo}` brings back" in talk
        assert process.returncode in {0, 130, 143}, told + talk
        shared_host.wb(chance.choice(["run", "stop"]), demo)
        shared_host.wb("run", demo)
        assert is_whole(shared_host, demo), told + talk


def test_a_terminal_that_closes_interrupts_the_command(shared_host: Host, demo: str) -> None:
    shared_host.change(demo, env={"MODE": "never-ready"})
    environ = shared_host.environ | {"TERM": "xterm-256color"}
    terminal = pexpect.spawn(sys.executable, ["-m", "wb_cli", "restart", demo], env=environ)
    wait_until(lambda: f"{demo}-previous" in shared_host.names(demo), "the old platform aside")
    terminal.ptyproc.fileobj.close()
    _, status = os.waitpid(terminal.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 143
    assert is_whole(shared_host, demo)
    shared_host.change(demo, env=None)


def test_a_wb_that_is_paused_and_continued_finishes_its_work(shared_host: Host, demo: str) -> None:
    with shared_host.started("restart", demo) as process:
        wait_until(lambda: is_listening(process), "its handlers")
        for _ in range(5):
            process.send_signal(signal.SIGSTOP)
            process.send_signal(signal.SIGCONT)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.05)
        assert process.wait(COMMAND_S) == 0
    assert is_whole(shared_host, demo)


def test_a_second_signal_is_answered(shared_host: Host, demo: str) -> None:
    shared_host.change(demo, env={"MODE": "never-ready"})
    with shared_host.started("restart", demo) as process:
        wait_until(lambda: f"{demo}-previous" in shared_host.names(demo), "the old platform aside")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        _, talk = process.communicate(timeout=COMMAND_S)
    assert process.returncode in {130, 143}  # whichever of the two the system tells first
    assert "undoing what was begun" in talk
    assert f"; undone: {demo}\n" in talk
    assert is_whole(shared_host, demo)
    shared_host.change(demo, env=None)
