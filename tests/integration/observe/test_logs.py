"""`wb logs` on a real engine: several parts, choosing lines, and following through changes."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import IO, Any

import pexpect
import pytest
from support.json_answers import validator
from support.services import wait_until
from support.wb_host import COMMAND_S, Host

from wb_cli.errors import ExitCode

WB = (sys.executable, "-m", "wb_cli")
pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def demo(shared_host: Host) -> str:
    id_ = shared_host.prepare()
    shared_host.wb("run", id_)
    return id_


@pytest.fixture
def running(shared_host: Host, demo: str) -> str:
    """The instance, brought back to what is declared."""
    shared_host.wb("run", demo)
    return demo


def write(host: Host, name: str, script: str) -> None:
    """Have a container write what a script says to its stdout."""
    code, output = host.execute(name, "sh", "-c", f"({script}) > /proc/1/fd/1")
    assert code == 0, output


class Following:
    """`wb logs --follow`, and what it has written so far."""

    def __init__(self, process: Any) -> None:
        self.process = process
        self.answer: list[str] = []
        self.talk: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=(stream, into), daemon=True)
            for stream, into in ((process.stdout, self.answer), (process.stderr, self.talk))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[str], into: list[str]) -> None:
        with stream:
            into.extend(line.rstrip("\n") for line in stream)

    def until_answer(self, words: str) -> None:
        wait_until(lambda: any(words in line for line in self.answer), f"{words} in the log")

    def until_talk(self, words: str) -> None:
        wait_until(lambda: any(words in line for line in self.talk), f"{words} in {self.talk}")

    def end(self) -> int:
        code = self.process.wait(COMMAND_S)
        for reader in self._readers:
            reader.join()
        return int(code)


@contextmanager
def following(host: Host, *words: str) -> Iterator[Following]:
    with host.started("logs", "--follow", "--tail", "all", *words) as process:
        shown = Following(process)
        try:
            yield shown
        finally:
            process.terminate()
            shown.end()
            process.stdout = process.stderr = None


# Choosing lines


def test_without_a_part_the_lines_of_all_parts_are_in_the_order_of_their_time(
    shared_host: Host, running: str
) -> None:
    written = shared_host.wb("logs", running, "--json", "--tail", "all").stdout
    lines = [json.loads(line) for line in written.splitlines()]
    assert all(validator("logs").is_valid(line) for line in lines)
    assert {line["part"] for line in lines} == {"postgres", "valkey", "platform"}
    times = [line["time"] for line in lines]
    assert times == sorted(times)
    named = [f"{line['part']:<8} | {line['line']}" for line in lines]
    assert set(named) >= {f"platform | {'stand-in: healthy'}"}
    begun = datetime.fromisoformat(times[0]) - timedelta(seconds=1)
    done = shared_host.wb("logs", running, "--since", begun.isoformat(), "--until", times[-1])
    assert done.stdout.splitlines() == named
    assert "\x1b" not in done.stdout


def test_a_named_part_alone_has_the_bytes_that_it_wrote(shared_host: Host, running: str) -> None:
    odd = r"printf 'caf\351 \033[1m\r\n\n'; head -c 40000 /dev/zero | tr '\0' x; echo"
    write(shared_host, running, odd)
    container = shared_host.container(running)
    wait_until(lambda: container.logs(tail=1).endswith(b"xx\n"), "the long line")
    for words in (["platform"], ["--part", "platform"]):
        done = subprocess.run(
            [*WB, "logs", running, *words, "--tail", "all"],
            capture_output=True,
            check=True,
            env=shared_host.environ,
        )
        assert done.stdout == container.logs()
        assert done.stderr == b""


def test_the_number_of_lines_is_of_each_part(shared_host: Host, running: str) -> None:
    write(shared_host, running, "seq 1 300")
    platform = shared_host.container(running)
    wait_until(lambda: platform.logs(tail=1) == b"300\n", "the lines")
    for option in ("-n", "--tail", "--lines"):
        done = shared_host.wb("logs", running, "platform", "valkey", option, "2")
        counted = [line.split(" | ")[0].strip() for line in done.stdout.splitlines()]
        assert sorted(counted) == ["platform", "platform", "valkey", "valkey"]
    assert len(shared_host.wb("logs", running, "platform").stdout.splitlines()) == 100
    assert shared_host.wb("logs", running, "platform", "-n", "0").stdout == ""


def test_a_search_looks_at_all_lines_and_can_keep_the_last(shared_host: Host, running: str) -> None:
    write(shared_host, running, "seq -f 'found %g' 1 150; seq 1 300")
    platform = shared_host.container(running)
    wait_until(lambda: platform.logs(tail=1) == b"300\n", "the lines")
    found = shared_host.wb("logs", running, "--grep", r"found \d", "--part", "platform").stdout
    assert found.splitlines() == [f"found {number}" for number in range(1, 151)]
    last = shared_host.wb("logs", running, "platform", "--grep", "FOUND|(?i:found)", "-n", "2")
    assert last.stdout == "found 149\nfound 150\n"


def test_an_empty_answer_says_what_it_means(shared_host: Host, running: str) -> None:
    done = shared_host.wb("logs", running, "valkey", "--grep", "no such word")
    assert (done.stdout, done.stderr) == ("", f"no line of valkey of {running} matches\n")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    done = shared_host.wb("logs", running, "valkey", "postgres", "--since", tomorrow)
    assert done.stderr == f"no line of postgres and valkey of {running} matches\n"


def test_lines_since_a_moment(shared_host: Host, running: str) -> None:
    write(shared_host, running, "echo before; sleep 1; echo after")
    platform = shared_host.container(running)
    wait_until(lambda: platform.logs(tail=1) == b"after\n", "the lines")
    timed = shared_host.wb("logs", running, "platform", "-t", "-n", "1").stdout
    moment, _, text = timed.rstrip().partition(" ")
    assert text == "after"
    assert moment.endswith("Z")
    done = shared_host.wb("logs", running, "platform", "--since", moment)
    assert done.stdout == "after\n"
    done = shared_host.wb("logs", running, "platform", "--until", moment)
    assert done.stdout.endswith("before\n")
    assert "after" in shared_host.wb("logs", running, "platform", "--since", "10m").stdout


def test_each_part_has_its_colour_on_a_terminal(shared_host: Host, running: str) -> None:
    def show(**changes: str) -> str:
        words = [*WB[1:], "logs", running, "-n", "1", "--grep", "."]
        return str(
            pexpect.run(
                f"{WB[0]} {' '.join(words)}", env=shared_host.environ | changes, encoding="utf-8"
            )
        )

    coloured = show()
    assert {"\x1b[34mpostgres |\x1b[0m", "\x1b[36mplatform |\x1b[0m"} <= {
        line[: line.index("|") + 5] for line in coloured.splitlines()
    }
    assert "\x1b[31;1m" in coloured
    assert "\x1b" not in show(NO_COLOR="1")


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--grep", "("], '--grep "(" is not a regular expression', r"--grep '\('"),
        (["--since", "soon"], '--since "soon": neither a length of time nor a time', "`10m`"),
        (["--until", "5 parsecs"], '--until "5 parsecs"', "`2h30m`"),
        (["--tail", "-3"], "--tail -3: not a number of lines", "`all`"),
        (["postgre"], 'has no part "postgre"', "Did you mean postgres?"),
        (["mali"], 'has no part "mali"', "One command shows one instance."),
        (["--follow", "--until", "2h"], "--follow and --until exclude", "Leave one"),
    ],
)
def test_an_option_without_a_meaning_is_refused(
    shared_host: Host, demo: str, words: list[str], message: str, hint: str
) -> None:
    done = shared_host.wb("logs", demo, *words, exits=ExitCode.USAGE)
    assert message in done.stderr
    assert hint in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("word", ["all", "@field", "server=1.6.7", "a,b"])
def test_logs_takes_one_id(shared_host: Host, demo: str, word: str) -> None:
    done = shared_host.wb("logs", word, exits=ExitCode.USAGE)
    assert f"{word} names several instances, and this command takes one id" in done.stderr
    assert demo in done.stderr


# Following


def test_following_goes_on_with_the_container_that_replaces_another(
    shared_host: Host, running: str
) -> None:
    with following(shared_host, running) as shown:
        shown.until_answer("platform | stand-in")
        before = shown.answer.count("platform | stand-in: healthy")
        shared_host.change(running, label=f"Test {before}")
        shared_host.wb("run", running)
        shown.until_talk(f"{running} was replaced; going on with the new container")
        wait_until(
            lambda: shown.answer.count("platform | stand-in: healthy") == before + 1, "its line"
        )
        write(shared_host, running, "echo something new")
        shown.until_answer("platform | something new")
        shared_host.wb("restart", running)
        shown.until_talk(f"{running}-postgres was replaced")
        shown.until_talk(f"{running}-valkey was replaced")
        wait_until(
            lambda: shown.answer.count("platform | stand-in: healthy") == before + 2, "its line"
        )
        assert shown.process.poll() is None


def test_a_container_that_crashes_and_comes_back_is_followed_without_a_gap(
    shared_host: Host, running: str
) -> None:
    with following(shared_host, running, "valkey") as shown:
        for number in (1, 2):
            write(shared_host, f"{running}-valkey", f"echo line {number}")
            shown.until_answer(f"line {number}")
            kill(shared_host, f"{running}-valkey")
            wait_until(
                lambda: " ".join(shown.talk).count("was started again") == number,  # noqa: B023
                f"the new start in {shown.talk}",
            )
        assert "exited with code 137" in " ".join(shown.talk)
        shown.until_answer("Ready to accept connections")
        assert [line for line in shown.answer if line.startswith("line ")] == ["line 1", "line 2"]


def kill(host: Host, name: str) -> None:
    """Kill a container's process on the host, so that its restart policy applies."""
    os.kill(host.inspect(name)["State"]["Pid"], signal.SIGKILL)


def test_a_container_that_others_start_again_is_followed(shared_host: Host, running: str) -> None:
    with following(shared_host, running, "platform") as shown:
        shown.until_answer("stand-in")
        shared_host.container(running).restart()
        shown.until_talk("started again")
        write(shared_host, running, "echo and on")
        shown.until_answer("and on")


def test_following_ends_when_the_instance_is_stopped_and_says_so(
    shared_host: Host, running: str
) -> None:
    with following(shared_host, running) as shown:
        shown.until_answer("stand-in")
        shared_host.wb("stop", running)
        assert shown.end() == ExitCode.OK
        assert f"{running} exited with code 0" in shown.talk
        assert shown.talk[-1] == f"{running} was stopped, so nothing more comes"


def test_following_one_part_ends_when_it_stays_down(shared_host: Host, running: str) -> None:
    with following(shared_host, running, "valkey") as shown:
        shown.until_answer("Ready to accept")
        shared_host.container(f"{running}-valkey").stop()
        assert shown.end() == ExitCode.OK
        assert shown.talk == [
            f"{running}-valkey exited with code 0",
            f"{running}: {running}-valkey does not run any more; `wb run {running}` starts it",
        ]


def test_a_silent_part_does_not_hold_up_the_others(shared_host: Host, running: str) -> None:
    with following(shared_host, running) as shown:
        written = []
        for number in range(20):
            name = (running, f"{running}-valkey")[number % 2]
            write(shared_host, name, f"echo number {number}")
            shown.until_answer(f"number {number}")
            written.append(f"number {number}")
        told = [line.split(" | ")[1] for line in shown.answer if " | number" in line]
        assert told == written


def test_following_searches(shared_host: Host, running: str) -> None:
    with following(shared_host, running, "platform", "--grep", "needle") as shown:
        write(shared_host, running, "seq -f 'hay %g' 1 20; echo needle 1; echo needle 2")
        shown.until_answer("needle 2")
        assert shown.answer == ["needle 1", "needle 2"]


def test_following_ends_as_soon_as_the_reader_leaves(shared_host: Host, running: str) -> None:
    with shared_host.started("logs", "--follow", running) as process:
        assert process.stdout
        assert " | " in process.stdout.readline()
        process.stdout.close()
        wait_until(lambda: process.poll() is not None, "the end of wb")
        assert process.stderr
        assert process.stderr.read() == ""
        process.stdout = None
    assert process.returncode == ExitCode.OK


def test_ctrl_c_ends_following(shared_host: Host, running: str) -> None:
    with following(shared_host, running) as shown:
        shown.until_answer("stand-in")
        shown.process.send_signal(signal.SIGINT)
        assert shown.end() == ExitCode.INTERRUPTED
        assert shown.talk == ["interrupted"]


def test_a_stopped_container_has_logs_and_how_it_ended(shared_host: Host, running: str) -> None:
    shared_host.container(f"{running}-valkey").stop()
    done = shared_host.wb("logs", running, "valkey", "--lines", "1")
    assert "bye bye" in done.stdout
    assert done.stderr == f"{running}-valkey exited with code 0\n"
    with following(shared_host, running, "valkey") as shown:
        assert shown.end() == ExitCode.OK
        assert "bye bye" in shown.answer[-1]
        assert shown.talk[0] == f"{running}-valkey exited with code 0"
