"""`wb exec` on a terminal: the command gets a terminal, and wb restores its own at the end."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing

import pexpect
import pytest
from support.services import wait_until
from support.session import Session
from support.wb_host import Host

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.engine
Exec = Callable[..., Session]


@pytest.fixture(scope="module")
def demo(shared_host: Host) -> str:
    id_ = shared_host.prepare()
    shared_host.wb("run", id_)
    return id_


@pytest.fixture
def on_a_terminal(shared_host: Host, demo: str) -> Iterator[Exec]:
    """Run `wb exec` with these words. `demo` is the instance."""
    begun: list[Session] = []

    def begin(*words: str) -> Session:
        begun.append(
            Session(shared_host, "exec", *(demo if word == "demo" else word for word in words))
        )
        return begun[-1]

    yield begin
    for session in begun:
        session.close()


def test_a_shell_takes_input_and_its_exit_code_becomes_wb_s(on_a_terminal: Exec) -> None:
    shell = on_a_terminal("demo", "sh")
    shell.until("# ")
    assert shell.is_raw
    shell.type("tty; echo sum $((6 * 7))\r")
    shell.until(r"/dev/pts/\d+\r\n")
    shell.until(r"sum 42\r\n")
    shell.type("exit 9\r")
    assert shell.end() == 9


def test_psql_is_interactive(on_a_terminal: Exec) -> None:
    psql = on_a_terminal("--part", "postgres", "demo", "psql", "-U", "postgres")
    psql.until("postgres=# ")
    psql.type("select 6 * 7 as answer;\r")
    psql.until(r"\b42\b")
    psql.until("postgres=# ")
    psql.type("\x04")
    assert psql.end() == 0


def test_the_command_s_terminal_has_the_window_s_size_at_the_start_and_after_a_change(
    on_a_terminal: Exec,
) -> None:
    shell = on_a_terminal("demo", "sh", "-c", "while :; do stty size; sleep 0.05; done")
    shell.until(r"40 100\r\n")
    shell.child.setwinsize(33, 77)
    shell.until(r"33 77\r\n")
    shell.type("\x03")
    assert shell.end() == ExitCode.INTERRUPTED


def test_ctrl_c_reaches_the_program_and_not_wb(on_a_terminal: Exec) -> None:
    shell = on_a_terminal(
        "demo", "sh", "-c", "trap 'echo caught; exit 3' INT; echo set; while :; do sleep 0.05; done"
    )
    shell.until("set\r\n")
    shell.type("\x03")
    shell.until("caught\r\n")
    assert shell.end() == 3


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, ExitCode.TERMINATED),
        (signal.SIGHUP, ExitCode.TERMINATED),
        (signal.SIGINT, ExitCode.INTERRUPTED),
    ],
)
def test_a_signal_ends_wb_and_the_terminal_is_restored(
    on_a_terminal: Exec, number: signal.Signals, code: ExitCode
) -> None:
    shell = on_a_terminal("demo", "cat")
    wait_until(lambda: shell.is_raw, "raw mode")
    shell.child.kill(number)
    assert shell.end() == code


def test_the_terminal_is_restored_when_the_container_ends(
    on_a_terminal: Exec, shared_host: Host, demo: str
) -> None:
    shell = on_a_terminal("--part", "valkey", "demo", "cat")
    shell.type("here\r")
    shell.until("here\r\n.*here\r\n")
    shared_host.container(f"{demo}-valkey").kill()
    assert shell.end() != ExitCode.OK
    shared_host.wb("run", demo)


def test_the_terminal_is_restored_when_the_program_does_not_exist(on_a_terminal: Exec) -> None:
    missing = on_a_terminal("demo", "no-such-program")
    missing.until("no-such-program")
    assert missing.end() in {126, 127}


def test_without_a_tty_the_terminal_stays_as_it_is(on_a_terminal: Exec) -> None:
    command = on_a_terminal("-T", "demo", "sh", "-c", "echo begun; tty; exec wc -c")
    command.until(r"begun\r\nnot a tty\r\n")
    assert not command.is_raw
    command.type("four\n\x04")
    command.until(r"\b5\r\n")
    assert command.end() == 0


def test_ctrl_c_without_a_tty_ends_wb(on_a_terminal: Exec) -> None:
    command = on_a_terminal("--no-tty", "demo", "sh", "-c", "echo begun; exec cat")
    command.until("begun\r\n")
    command.type("\x03")
    assert command.end() == ExitCode.INTERRUPTED


def test_a_command_whose_output_is_piped_has_no_terminal(shared_host: Host, demo: str) -> None:
    pipeline = f"{sys.executable} -m wb_cli exec {demo} sh -c 'tty; test -t 1 || echo piped' | cat"
    with closing(pexpect.spawn("sh", ["-c", pipeline], env=shared_host.environ)) as child:
        child.ptyproc.delayafterclose = 0.01
        assert child.read() == b"not a tty\r\npiped\r\n"
