"""The logs of an instance's containers, and commands in them."""

import hashlib
import os
import signal
import subprocess
import sys

import pytest
from support.wb_host import COMMAND_S, Host

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.engine
WB = (sys.executable, "-m", "wb_cli")


@pytest.fixture(scope="module")
def demo(shared_host: Host) -> str:
    id_ = shared_host.prepare()
    shared_host.wb("run", id_)
    return id_


def test_a_command_s_output_and_exit_code_become_wb_s(shared_host: Host, demo: str) -> None:
    done = shared_host.wb(
        "exec", "--part", "postgres", demo, "sh", "-c", "cat /etc/hostname; exit 7", exits=7
    )
    assert done.stdout.strip() == shared_host.container(f"{demo}-postgres").id[:12]


def test_a_command_s_two_outputs_stay_apart_each_in_its_order(shared_host: Host, demo: str) -> None:
    script = "i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo $i; echo $i >&2; done"
    done = shared_host.wb("exec", demo, "sh", "-c", script)
    counted = "".join(f"{i}\n" for i in range(1, 501))
    assert (done.stdout, done.stderr) == (counted, counted)


def test_input_and_output_pass_byte_for_byte_both_ways_at_once(
    shared_host: Host, demo: str
) -> None:
    much = os.urandom(50_000_000)
    done = exec_with(shared_host, much, demo, "cat")
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(much).digest()
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_end_of_the_input_is_passed_on(shared_host: Host, demo: str) -> None:
    script = "cat | wc -c; echo done >&2; exit 4"
    for sent in (b"", b"select 1;\n"):
        done = exec_with(shared_host, sent, demo, "sh", "-c", script)
        assert (done.returncode, done.stderr) == (4, b"done\n")
        assert int(done.stdout) == len(sent)


def test_psql_runs_a_script_that_it_gets_as_input(shared_host: Host, demo: str) -> None:
    script = b"\\set ON_ERROR_STOP on\nselect 6 * 7;\n\\nonsense\nselect 8;\n"
    words = ("--part", "postgres", demo, "psql", "-U", "postgres", "-qAt")
    done = exec_with(shared_host, script, *words)
    assert (done.returncode, done.stdout) == (3, b"42\n")
    assert b"nonsense" in done.stderr


@pytest.mark.parametrize("command", ["exit 5", "head -c 3 | wc -c; exit 5", "exec 0<&-; exit 5"])
def test_a_command_may_end_before_its_input_does(
    shared_host: Host, demo: str, command: str
) -> None:
    done = exec_with(shared_host, bytes(20_000_000), demo, "sh", "-c", command)
    assert (done.returncode, done.stderr) == (5, b"")


def test_a_command_may_end_while_its_input_stays_open(shared_host: Host, demo: str) -> None:
    reading, writing = os.pipe()
    done = subprocess.run(
        [*WB, "exec", demo, "echo", "yes"],
        stdin=reading,
        capture_output=True,
        check=True,
        timeout=COMMAND_S,
        env=shared_host.environ,
    )
    os.close(reading)
    os.close(writing)
    assert done.stdout == b"yes\n"


def test_without_an_input_the_command_has_none(shared_host: Host, demo: str) -> None:
    pipeline = f"{sys.executable} -m wb_cli exec {demo} wc -c <&-"
    done = subprocess.run(
        ["sh", "-c", pipeline], capture_output=True, check=True, env=shared_host.environ
    )
    assert (done.stdout, done.stderr) == (b"0\n", b"")


def test_a_reader_that_leaves_ends_a_command_s_output(shared_host: Host, demo: str) -> None:
    pipeline = f"set -o pipefail; {sys.executable} -m wb_cli exec {demo} yes | head -1"
    done = subprocess.run(
        ["bash", "-c", pipeline], capture_output=True, check=False, env=shared_host.environ
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"y\n", b"")


def test_ctrl_c_ends_wb_though_its_command_has_no_terminal(shared_host: Host, demo: str) -> None:
    with shared_host.started("exec", demo, "sh", "-c", "echo begun; exec sleep 20") as process:
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=COMMAND_S)
    assert process.returncode == ExitCode.INTERRUPTED
    assert "Traceback" not in talk


def test_a_stopped_container_takes_no_command(shared_host: Host, demo: str) -> None:
    valkey = f"{demo}-valkey"
    shared_host.container(valkey).stop()
    done = shared_host.wb("exec", "--part", "valkey", demo, "true", exits=ExitCode.FAILURE)
    assert f"{valkey} exited with code 0, so wb cannot look inside" in done.stderr
    assert f"wb run {demo}" in done.stderr


@pytest.mark.parametrize("command", ["logs", "exec"])
def test_an_unknown_instance_has_neither_logs_nor_commands(
    shared_host: Host, demo: str, command: str
) -> None:
    rest = ["true"] if command == "exec" else []
    done = shared_host.wb(command, "nobody", *rest, exits=ExitCode.USAGE)
    assert 'there is no instance "nobody"' in done.stderr
    assert "wb run" not in done.stderr
    done = shared_host.wb(command, f"{demo}x", *rest, exits=ExitCode.USAGE)
    assert f"Did you mean {demo}?" in done.stderr
    done = shared_host.wb(command, "--part=admin", demo, *rest, exits=ExitCode.USAGE)
    assert f"{demo} has no admin container" in done.stderr
    assert done.stdout == ""


def test_an_instance_that_only_the_engine_has_has_logs_and_takes_commands(
    shared_host: Host, demo: str
) -> None:
    entry = shared_host.entries[demo]
    shared_host.forget(demo)
    try:
        assert "stand-in" in shared_host.wb("logs", demo).stdout
        assert shared_host.wb("exec", demo, "echo", "yes").stdout == "yes\n"
    finally:
        shared_host.declare(**entry)


def exec_with(host: Host, sent: bytes, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run `wb exec` with bytes for its input."""
    return subprocess.run(
        [*WB, "exec", *words],
        input=sent,
        capture_output=True,
        timeout=COMMAND_S,
        check=False,
        env=host.environ,
    )
