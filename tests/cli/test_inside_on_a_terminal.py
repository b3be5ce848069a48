"""`wb psql`, `wb valkey` and `wb shell` on real terminals."""

import re
from collections.abc import Callable, Iterator

import pytest
from support.fixtures.doctored import Doctored
from support.platform_stand_in import Platforms
from support.services import wait_until
from support.session import Session
from support.wb_host import Host

pytestmark = pytest.mark.engine
Begin = Callable[..., Session]


@pytest.fixture(scope="module")
def demo(shared_host: Host) -> str:
    id_ = shared_host.prepare()
    shared_host.wb("run", id_)
    shared_host.sql(id_, "create database main")
    return id_


@pytest.fixture
def begin(shared_host: Host, demo: str) -> Iterator[Begin]:
    """Begin a command. The word `demo` is the instance."""
    begun: list[Session] = []

    def start(*words: str) -> Session:
        begun.append(Session(shared_host, *(demo if word == "demo" else word for word in words)))
        return begun[-1]

    yield start
    for session in begun:
        session.close()


def list_commands(host: Host, name: str) -> str:
    """The command lines of the processes of a container, without those that list them."""
    script = r"for file in /proc/[0-9]*/cmdline; do tr '\0' ' ' < $file; echo; done 2>/dev/null"
    lines = host.execute(name, "sh", "-c", script)[1].splitlines()
    return "\n".join(line for line in lines if "/proc/" not in line)


def count_sleeping(host: Host, id_: str) -> int:
    query = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
    return int(host.sql(id_, query))


def test_psql_names_the_instance_and_ctrl_c_interrupts_the_query_alone(
    begin: Begin, shared_host: Host, demo: str
) -> None:
    psql = begin("psql", "demo")
    psql.until(f"{demo} main=# ")
    psql.type("select pg_sleep(600);\r")
    wait_until(lambda: count_sleeping(shared_host, demo) == 1, "the query")
    psql.type("\x03")
    psql.until("canceling statement due to user request")
    psql.until(f"{demo} main=# ")
    psql.type("select 6 * 7 as answer;\r")
    psql.until(r"\b42\b")
    psql.until(f"{demo} main=# ")  # before it, the terminal would swallow the end of the input
    psql.type("\x04")
    assert psql.end() == 0


def test_valkey_is_interactive(begin: Begin) -> None:
    valkey = begin("valkey", "demo")
    valkey.until("6379> ")
    valkey.type("eval 'return 40 + 2' 0\r")
    valkey.until(r"\(integer\) 42")
    valkey.type("nonsense\r")
    valkey.until("unknown command")
    valkey.type("quit\r")
    assert valkey.end() == 0


def test_a_shell_names_the_container_and_knows_the_size_of_the_window(
    begin: Begin, shared_host: Host, demo: str
) -> None:
    shell = begin("shell", "-it", "demo", "valkey")
    shell.until(f"{demo}-valkey.*[#$] ")
    shell.type("echo bash $BASH_VERSION; until stty size | grep '40 100'; do sleep 0.05; done\r")
    shell.until(r"bash \d")
    shell.until(r"40 100\r\n")
    shell.child.setwinsize(33, 77)
    shell.type("until stty size | grep '33 77'; do sleep 0.05; done\r")
    shell.until(r"\r33 77\r\n")
    shell.type("sleep 600\r")
    wait_until(lambda: "sleep 600" in list_commands(shared_host, f"{demo}-valkey"), "the sleep")
    shell.type("\x03")
    shell.until("[#$] ")
    shell.type("exit 9\r")
    assert shell.end() == 9


def test_without_bash_the_shell_is_sh(
    begin: Begin, shared_host: Host, platforms: Platforms, doctored: Doctored
) -> None:
    image = doctored(platforms("healthy"), "without-bash", 'RUN rm "$(command -v bash)"')
    id_ = shared_host.prepare(image=image)
    shared_host.wb("run", id_)
    shell = begin("shell", id_)
    shell.until(rf"{id_}\$ ")
    shell.type("echo sum $((6 * 7))\r")
    shell.until(r"sum 42\r\n")
    shell.type("exit 3\r")
    assert shell.end() == 3
    shared_host.wb("stop", id_)


def test_a_closed_terminal_ends_wb_and_the_query(
    begin: Begin, shared_host: Host, demo: str
) -> None:
    psql = begin("psql", "demo")
    psql.until("main=# ")
    psql.type("select pg_sleep(600);\r")
    wait_until(lambda: count_sleeping(shared_host, demo) == 1, "the query")
    psql.close_terminal()
    wait_until(lambda: not psql.child.isalive(), "the end of wb")
    wait_until(lambda: count_sleeping(shared_host, demo) == 0, "the end of the query")
    wait_until(lambda: "psql" not in list_commands(shared_host, f"{demo}-postgres"), "psql's end")


def test_a_closed_terminal_ends_the_shell_but_not_what_was_meant_to_stay(
    begin: Begin, shared_host: Host, demo: str
) -> None:
    shell = begin("shell", "demo", "valkey")
    shell.until(r"[#$] ")
    shell.type("nohup sleep 71 > /dev/null 2>&1 &\r")
    shell.type("setsid sleep 72 &\r")
    shell.type("sleep 73 & sleep 74\r")
    name = f"{demo}-valkey"
    wait_until(lambda: "sleep 74" in list_commands(shared_host, name), "the commands")
    shell.close_terminal()
    wait_until(lambda: not shell.child.isalive(), "the end of wb")
    wait_until(lambda: "bash" not in list_commands(shared_host, name), "the end of the shell")
    left = list_commands(shared_host, name)
    assert {"sleep 71", "sleep 72"} <= set(re.findall(r"sleep 7\d", left))
    assert not re.search("sleep 73|sleep 74", left)
    shared_host.execute(name, "sh", "-c", "pkill sleep || true")
