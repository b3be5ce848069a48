"""psql, valkey, shell, open and exec in pipes, on a real instance."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
from support.services import wait_until
from support.wb_host import COMMAND_S, Host, pipe

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.engine
WB = (sys.executable, "-m", "wb_cli")


@pytest.fixture(scope="module")
def demo(shared_host: Host) -> str:
    id_ = shared_host.prepare()
    shared_host.wb("run", id_)
    shared_host.sql(id_, "create database main")
    shared_host.sql(id_, 'create database "a=b c"')
    return id_


def list_commands(host: Host, name: str) -> str:
    """The command lines of the processes of a container."""
    return host.execute(name, "sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '")[1]


def count_queries(host: Host, id_: str, text: str) -> str:
    query = "select count(*) from pg_stat_activity where state = 'active' and pid <> pg_backend_pid"
    return host.sql(id_, f"{query}() and query like '%{text}%'")


def test_psql_runs_on_main_and_on_another_database(shared_host: Host, demo: str) -> None:
    asked = ("--", "-Atc", "select current_database(), current_user")
    assert shared_host.wb("psql", demo, *asked).stdout == "main|postgres\n"
    assert shared_host.wb("psql", demo, "a=b c", *asked).stdout == "a=b c|postgres\n"


def test_psql_takes_a_script_and_hands_its_exit_code_through(shared_host: Host, demo: str) -> None:
    script = b"\\set ON_ERROR_STOP on\nselect 6 * 7;\n\\nonsense\n"
    done = pipe(shared_host, script, "psql", demo, "--", "-qAt")
    assert (done.returncode, done.stdout) == (3, b"42\n")
    assert b"nonsense" in done.stderr


def test_binary_data_pass_psql_byte_for_byte_both_ways(shared_host: Host, demo: str) -> None:
    shared_host.wb(
        "psql", demo, "--", "-qc", "drop table if exists bytes; create table bytes (b bytea)"
    )
    statement = "insert into bytes select sha256(n::text::bytea) from generate_series(1, 5000) n"
    shared_host.wb("psql", demo, "--", "-qc", statement)
    out = pipe(shared_host, b"", "psql", demo, "--", "-c", "copy bytes to stdout (format binary)")
    assert out.stdout.startswith(b"PGCOPY\n\xff\r\n\0")
    back = ("--", "-qc", "copy bytes from stdin (format binary)")
    done = pipe(shared_host, out.stdout, "psql", demo, *back)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    counted = shared_host.wb(
        "psql", demo, "--", "-Atc", "select count(*), count(distinct b) from bytes"
    )
    assert counted.stdout == "10000|5000\n"


def test_an_unknown_database_is_named_with_those_that_are_alike(
    shared_host: Host, demo: str
) -> None:
    done = shared_host.wb("psql", demo, "mian", "--", "-c", "select 1", exits=ExitCode.USAGE)
    assert f'error: {demo} has no database "mian"' in done.stderr
    assert "Did you mean main?" in done.stderr
    done = shared_host.wb("psql", demo, "xxxxxx", "--", "-c", "select 1", exits=ExitCode.USAGE)
    assert "There are: a=b c, main, postgres." in done.stderr


def test_valkey_runs_a_command_and_says_when_it_failed(shared_host: Host, demo: str) -> None:
    assert shared_host.wb("valkey", demo, "set", "key", "value").stdout == "OK\n"
    assert shared_host.wb("valkey", demo, "get", "key").stdout == "value\n"
    assert shared_host.wb("valkey", demo, "--", "--scan", "--pattern", "ke*").stdout == "key\n"
    done = shared_host.wb("valkey", demo, "get", exits=1)
    assert "wrong number of arguments" in done.stderr
    assert pipe(shared_host, b"get key\nget key\n", "valkey", demo).stdout == b"value\nvalue\n"


def test_a_shell_takes_a_script_and_runs_in_the_named_part(shared_host: Host, demo: str) -> None:
    done = pipe(shared_host, b"cat /etc/hostname; exit 9\n", "shell", demo, "postgres")
    assert done.returncode == 9
    assert done.stdout.decode().strip() == shared_host.container(f"{demo}-postgres").id[:12]
    done = pipe(shared_host, b"", "shell", demo, "--", "-c", 'echo "$BASH_VERSION $1"', "x", "y")
    assert done.stdout.decode().rstrip().endswith(" y")


def test_who_runs_a_command_where_and_with_which_variables(shared_host: Host, demo: str) -> None:
    asked = "echo $(id -u) $(pwd) $A $B"
    options = ("-u", "1234", "-w", "/tmp", "-e", "A=1", "--env", "B=x=y")
    assert shared_host.wb("exec", *options, demo, "sh", "-c", asked).stdout == "1234 /tmp 1 x=y\n"
    assert shared_host.wb("shell", *options, demo, "--", "-c", asked).stdout == "1234 /tmp 1 x=y\n"
    done = shared_host.wb("exec", "-e", "A", demo, "true", exits=ExitCode.USAGE)
    assert "--env A: not NAME=VALUE" in done.stderr


@pytest.mark.parametrize("habit", ["-i", "-t", "-it", "-ti"])
def test_habits_of_other_tools_are_tolerated(shared_host: Host, demo: str, habit: str) -> None:
    assert shared_host.wb("exec", habit, demo, "--", "echo", "yes").stdout == "yes\n"
    assert shared_host.wb("valkey", habit, demo, "ping").stdout == "PONG\n"


@pytest.mark.parametrize("command", ["psql", "valkey", "shell", "open", "exec"])
def test_what_looks_inside_needs_a_container_that_runs(shared_host: Host, command: str) -> None:
    rest = ["true"] if command == "exec" else []
    stopped = shared_host.declare()
    done = shared_host.wb(command, stopped, *rest, exits=ExitCode.USAGE)
    assert f"{stopped} has no" in done.stderr
    assert f"`wb run {stopped}` starts it" in done.stderr
    shared_host.forget(stopped)
    done = shared_host.wb(command, "all", *rest, exits=ExitCode.USAGE)
    assert "this command takes one id" in done.stderr


def test_the_end_of_a_container_is_told(shared_host: Host, demo: str) -> None:
    shared_host.container(f"{demo}-valkey").stop()
    done = shared_host.wb("valkey", demo, exits=ExitCode.FAILURE)
    assert f"{demo}-valkey exited with code 0, so wb cannot look inside" in done.stderr
    assert f"`wb run {demo}` starts it; `wb logs {demo} valkey` shows its end." in done.stderr
    shared_host.wb("run", demo)


# What wb leaves behind


def test_ctrl_c_ends_the_command_and_its_query(shared_host: Host, demo: str) -> None:
    query = "select pg_sleep(600), 'left behind'"
    with shared_host.started("psql", demo, "--", "-c", query) as process:
        wait_until(lambda: count_queries(shared_host, demo, "left behind") == "1", "the query")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=COMMAND_S)
    assert process.returncode == ExitCode.INTERRUPTED
    wait_until(lambda: count_queries(shared_host, demo, "left behind") == "0", "its end")
    assert "psql" not in list_commands(shared_host, f"{demo}-postgres")


@pytest.mark.parametrize("user", ["root", "1234"])
def test_a_reader_that_leaves_ends_the_command_and_its_children(
    shared_host: Host, demo: str, user: str
) -> None:
    endless = "(exec -a never-ends sleep 600) & echo begun; while :; do echo more; sleep 0.05; done"
    pipeline = f"{' '.join(WB)} exec -u {user} {demo} bash -c '{endless}' | head -1"
    done = subprocess.run(
        ["bash", "-c", pipeline], capture_output=True, check=True, env=shared_host.environ
    )
    assert done.stdout == b"begun\n"
    wait_until(lambda: "never-ends" not in list_commands(shared_host, demo), "the end")


# The address


def test_the_address_is_that_of_the_platform(shared_host: Host, demo: str) -> None:
    address = f"http://127.0.0.1:{shared_host.port(demo)}\n"
    for words in ([], ["--no-browser"]):
        assert shared_host.wb("open", demo, *words, DISPLAY=":7").stdout == address


@pytest.fixture
def opened(tmp_path: Path) -> Path:
    """The file into which a stand-in for `xdg-open`, beside it, writes what it was given."""
    opened = tmp_path / "opened"
    opener = tmp_path / "xdg-open"
    opener.write_text(f'#!/bin/sh\necho "$@" > {opened}.new && mv {opened}.new {opened}\n')
    opener.chmod(0o755)
    return opened


def open_on_a_terminal(host: Host, opened: Path, *words: str, display: str) -> str:
    environ = host.environ | {
        "PATH": f"{opened.parent}:{os.environ['PATH']}",
        "DISPLAY": display,
        "WAYLAND_DISPLAY": "",
    }
    line = " ".join([*WB, "open", *words])
    shown, code = pexpect.run(line, env=environ, withexitstatus=True)
    assert code == 0
    return str(shown.decode().strip())


def test_a_browser_is_opened_on_a_terminal_with_a_display(
    shared_host: Host, demo: str, opened: Path
) -> None:
    address = f"http://127.0.0.1:{shared_host.port(demo)}"
    assert open_on_a_terminal(shared_host, opened, demo, display="") == address
    assert open_on_a_terminal(shared_host, opened, demo, "--no-browser", display=":7") == address
    assert not opened.exists()
    assert open_on_a_terminal(shared_host, opened, demo, display=":7") == address
    wait_until(opened.exists, "the browser")
    assert opened.read_text().strip() == address
