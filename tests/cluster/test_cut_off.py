"""A machine is cut off in the middle of a command, which ends, says so, and can be repeated."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from cluster.far_host import FarHost
from cluster.operator import COMMAND_S, Operator
from support.services import wait_until

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.cluster]


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait until a command has ended by itself. Give its exit code and what it said."""
    stdout, stderr = process.communicate(timeout=COMMAND_S)
    return process.returncode, stdout + stderr


def test_a_start_that_is_cut_off_is_finished_by_the_next(operator: Operator, far: FarHost) -> None:
    id_, host = operator.declare(), ("--host", far.host_url)
    with operator.running(*host, "run", id_) as process:
        wait_until(lambda: f"{id_}-postgres" in far.listed(id_), "the first container")
        with far.cut_off():
            code, said = end(process)
    assert code == ExitCode.ENGINE_UNREACHABLE, said
    assert "connection broke" in said
    operator.wb(*host, "run", id_, "--wait", "90")
    assert set(far.listed(id_).values()) == {"running"}
    operator.wb(*host, "stop", id_)


def test_a_stop_that_is_cut_off_is_finished_by_the_next(operator: Operator, far: FarHost) -> None:
    id_, host = operator.declare(env={"MODE": "slow"}), ("--host", far.host_url)
    operator.wb(*host, "run", id_)
    lock = far.folder / "share" / "wb" / "locks" / f"{id_}.lock"
    with operator.running(*host, "stop", id_) as process:
        wait_until(lock.read_text, "the stop")
        with far.cut_off():
            code, said = end(process)
    assert code == ExitCode.ENGINE_UNREACHABLE, said
    operator.wb(*host, "stop", id_, "--wait", "90")
    assert far.listed(id_) == {}


def test_logs_that_are_followed_say_that_the_machine_is_cut_off_and_never_that_it_stopped(
    operator: Operator, far: FarHost
) -> None:
    id_, host = operator.declare(), ("--host", far.host_url)
    operator.wb(*host, "run", id_)
    with operator.running(*host, "logs", id_, "postgres", "--follow") as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        with far.cut_off():
            told = next(line for line in process.stderr if "cannot be reached" in line)
            process.send_signal(signal.SIGINT)
            _, said = end(process)
    assert "connection broke" in told
    assert "stopped" not in said
    operator.wb(*host, "stop", id_)


def test_the_state_of_a_machine_that_is_cut_off_is_unknown_and_never_stopped(
    operator: Operator, far: FarHost
) -> None:
    id_, host = operator.declare(), ("--host", far.host_url)
    operator.wb(*host, "run", id_)
    with far.cut_off():
        done = operator.wb(*host, "status", "--json", exits=ExitCode.ENGINE_UNREACHABLE)
    (status,) = json.loads(done.stdout)["instances"]
    assert status["state"] == "unknown"
    operator.wb(*host, "stop", id_)


def test_an_interrupted_start_is_undone_elsewhere_too(operator: Operator, far: FarHost) -> None:
    id_, host = operator.declare(env={"MODE": "never-ready"}), ("--host", far.host_url)
    with operator.running(*host, "run", id_) as process:
        wait_until(lambda: far.listed(id_).get(id_) == "running", "the platform")
        process.send_signal(signal.SIGINT)
        code, said = end(process)
    assert code == ExitCode.INTERRUPTED, said
    assert far.listed(id_) == {}


@contextmanager
def followed_log(
    operator: Operator, far: FarHost
) -> Iterator[tuple[subprocess.Popen[str], Callable[[str], None]]]:
    """Follow a log elsewhere. Give the command, and what waits until a word is written and read."""
    id_, host = operator.declare(), ("--host", far.host_url)
    operator.wb(*host, "run", id_)
    words = (*host, "logs", id_, "postgres", "--follow")
    with operator.running(*words, PYTHONUNBUFFERED="1") as process:
        assert process.stdout
        lines = process.stdout

        def hear(word: str) -> None:
            wrong = ("psql", id_, "postgres", "--", "-c", f"select 1 from {word}")
            operator.wb(*host, *wrong, exits=1)
            next(line for line in lines if word in line)

        hear("heard_first")
        yield process, hear
        process.send_signal(signal.SIGINT)
        end(process)
    operator.wb(*host, "stop", id_)


def test_logs_that_are_followed_go_on_when_the_machine_is_there_again(
    operator: Operator, far: FarHost
) -> None:
    with followed_log(operator, far) as (process, hear):
        assert process.stderr
        with far.without_ssh():
            told = next(process.stderr)
        assert "cannot be reached" in told
        assert "waiting for it" in told
        assert "answers again" in next(process.stderr)
        hear("heard_again")


def test_logs_that_are_followed_lose_nothing_when_a_cut_connection_is_there_again_at_once(
    operator: Operator, far: FarHost
) -> None:
    with followed_log(operator, far) as (_, hear):
        for word in ("heard_once", "heard_twice"):
            far.cut_connections()
            hear(word)


def test_a_watch_says_that_all_is_unknown_and_goes_on_when_the_machine_is_there_again(
    operator: Operator, far: FarHost
) -> None:
    id_, host = operator.declare(), ("--host", far.host_url)
    operator.wb(*host, "run", id_)
    with operator.running(*host, "status", "--watch", PYTHONUNBUFFERED="1") as process:
        assert process.stdout
        assert "running" in next(line for line in process.stdout if id_ in line)
        with far.cut_off():
            # The parts may be asked before the connection is known to be broken.
            while "state of every instance is unknown" not in (lost := next(process.stdout)):
                assert f"{id_}: running -> unknown" in lost
        assert "connection broke" in lost
        told = process.stdout.readline()
        assert "answers again" in told, end(process)
        assert "running" in next(line for line in process.stdout if id_ in line)
        operator.wb(*host, "stop", id_)
        next(line for line in process.stdout if "stopped" in line)
        process.send_signal(signal.SIGINT)
        end(process)
