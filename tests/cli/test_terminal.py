"""The command line as a person uses it: on a narrow or wide terminal, and in a pipe."""

import json
import os
import re
import subprocess
import sys
from itertools import takewhile
from pathlib import Path
from typing import Any

import pexpect
import pytest
from support.command_line import CommandLine, environment_without_settings, every_command
from support.services import wait_until
from support.wb_host import COMMAND_S, Host

from wb_cli.cli.app import run
from wb_cli.errors import ExitCode

WB = (sys.executable, "-m", "wb_cli")
COLOUR = re.compile(r"\x1b\[[0-9;]*[1-9][0-9;]*m")
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A machine with two instances and no engine."""
    of_this_terminal = {"NO_COLOR", "COLUMNS", "LINES"}
    environ = environment_without_settings()
    entries = [
        {"id": "demo", "label": "Demo", "port": 9001, "serverVersion": "1.6.7", "tags": ["field"]},
        {"id": "mali", "label": "Mali", "port": 9002, "serverVersion": "1.7.0"},
    ]
    (tmp_path / "servers.json").write_text(json.dumps(entries))
    (tmp_path / "instances").mkdir()
    return {name: value for name, value in environ.items() if name not in of_this_terminal} | {
        "TERM": "xterm-256color",
        "WB_CONFIG_DIR": str(tmp_path / "config"),
        "SERVERS_FILE_PATH": str(tmp_path / "servers.json"),
        "MOUNT_PATH": str(tmp_path / "instances"),
        "WB_SECRETS_DIR": str(tmp_path / "secrets"),
        "DOCKER_HOST": f"unix://{tmp_path}/no-engine.sock",
    }


class Terminal:
    """A command on a pseudo-terminal with a given number of columns."""

    def __init__(self, environ: dict[str, str], *words: str, columns: int = 80) -> None:
        self.child: Any = pexpect.spawn(
            WB[0],
            [*WB[1:], *words],
            env=environ,
            dimensions=(40, columns),
            encoding="utf-8",
            timeout=COMMAND_S,
        )
        self.child.ptyproc.delayafterclose = 0.01

    def type(self, text: str) -> None:
        self.child.send(text)

    def until(self, text: str) -> None:
        self.child.expect_exact(text)

    def end(self) -> tuple[int, str]:
        """Wait for the end. Return the exit code, and the output since the last call of `until`."""
        shown = self.child.read()
        self.child.close()
        assert self.child.exitstatus is not None, shown
        return self.child.exitstatus, shown


def on_a_terminal(environ: dict[str, str], *words: str, columns: int = 80) -> tuple[int, str]:
    return Terminal(environ, *words, columns=columns).end()


def in_a_pipe(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*WB, *words], env=environ, capture_output=True, text=True, check=False, timeout=COMMAND_S
    )


def lines(shown: str) -> list[str]:
    """The lines that a person reads."""
    return [line.rstrip() for line in ESCAPE.sub("", shown).splitlines()]


# Colours and widths


def test_an_error_is_coloured_on_a_terminal_and_plain_in_a_pipe(environ: dict[str, str]) -> None:
    code, shown = on_a_terminal(environ, "config", "show", "nobody")
    assert code == ExitCode.USAGE
    assert COLOUR.search(shown)
    done = in_a_pipe(environ, "config", "show", "nobody")
    assert "\x1b" not in done.stderr
    assert done.stdout == ""
    assert lines(shown) == done.stderr.splitlines()


@pytest.mark.parametrize("words", [("config", "list"), ("config", "show", "nobody"), ("status",)])
def test_no_color_turns_colours_off(environ: dict[str, str], words: tuple[str, ...]) -> None:
    _, coloured = on_a_terminal(environ, *words)
    _, plain = on_a_terminal(environ | {"NO_COLOR": "1"}, *words)
    assert COLOUR.search(coloured)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", plain)
    assert lines(plain) == lines(coloured)


@pytest.mark.parametrize("columns", [40, 80])
@pytest.mark.parametrize("words", [("config", "list"), ("status",)])
def test_a_narrow_terminal_leaves_columns_out_and_breaks_no_word(
    environ: dict[str, str], words: tuple[str, ...], columns: int
) -> None:
    _, narrow = on_a_terminal(environ, *words, columns=columns)
    assert max(map(len, table_of(narrow))) <= columns
    whole = set(in_a_pipe(environ, *words).stdout.split())
    shown = set("\n".join(table_of(narrow)).split())
    assert {"ID", "demo", "mali"} <= shown <= whole


@pytest.mark.parametrize("columns", [60, 80])
def test_a_narrow_terminal_breaks_no_name_of_a_setting_and_shows_every_value(
    environ: dict[str, str], columns: int
) -> None:
    _, narrow = on_a_terminal(environ, "config", "settings", columns=columns)
    assert max(map(len, table_of(narrow))) <= columns
    rows = [line.split() for line in in_a_pipe(environ, "config", "settings").stdout.splitlines()]
    shown = "\n".join(table_of(narrow))
    assert {row[0] for row in rows} <= set(shown.split())
    letters = re.sub(r"\s", "", shown)
    assert all("".join(row[2:3]) in letters for row in rows if len(row[2]) < 12)


def table_of(shown: str) -> list[str]:
    """The lines of a table, without the notes after it, which may have several lines."""
    notes = ("error:", "hint:", "2 instances:")
    return list(takewhile(lambda line: not line.startswith(notes), lines(shown)))


def test_a_wide_terminal_has_each_row_on_one_line(environ: dict[str, str]) -> None:
    _, shown = on_a_terminal(environ, "config", "list", columns=200)
    assert re.search(r"demo +Demo +9001 +19001 +1\.6\.7 +field", "\n".join(lines(shown)))


@pytest.mark.parametrize("columns", ["80", "200"])
def test_help_of_every_command_fits_into_80_columns(
    columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for path in every_command():
        assert run([*path.split()[1:], "--help"]) == ExitCode.OK
        shown = capsys.readouterr().out
        assert "Usage: wb" in shown
        assert max(map(len, shown.splitlines())) <= 80, path


# Questions and pipes


@pytest.mark.parametrize(("answer", "stays"), [("y\n", False), ("n\n", True), ("\n", True)])
def test_wb_asks_and_does_what_the_answer_says(
    environ: dict[str, str], answer: str, stays: bool
) -> None:
    terminal = Terminal(environ, "config", "remove", "mali", "--force")
    terminal.until("[y/N] ")
    terminal.type(answer)
    code, _ = terminal.end()
    assert code == (ExitCode.USAGE if stays else ExitCode.OK)
    assert ("mali" in Path(environ["SERVERS_FILE_PATH"]).read_text()) is stays


def test_ctrl_c_at_a_question_changes_nothing(environ: dict[str, str]) -> None:
    terminal = Terminal(environ, "config", "remove", "mali", "--force")
    terminal.until("[y/N] ")
    terminal.type("\x03")
    code, shown = terminal.end()
    assert code == ExitCode.INTERRUPTED
    assert "Traceback" not in shown
    assert "mali" in Path(environ["SERVERS_FILE_PATH"]).read_text()


@pytest.mark.parametrize("words", [("config", "fields"), ("--help",), ("config", "list", "--json")])
def test_a_reader_that_has_gone_is_no_error(
    environ: dict[str, str], words: tuple[str, ...]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        done = subprocess.run(
            [*WB, *words], env=environ, stdout=gone, stderr=subprocess.PIPE, check=False
        )
    assert done.stderr == b""
    assert done.returncode == ExitCode.OK


def test_head_can_stop_after_one_line(environ: dict[str, str]) -> None:
    pipeline = f"set -o pipefail; {sys.executable} -m wb_cli config fields | head -1"
    done = subprocess.run(
        ["bash", "-c", pipeline], env=environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["FIELD", "VALUES", "DEFAULT", "MEANING"]


@pytest.mark.parametrize("instances", [1, 200])  # less than stdout's buffer, and more
def test_an_answer_that_cannot_be_written_is_an_error(
    environ: dict[str, str], instances: int
) -> None:
    entries = [
        {"id": f"i{n}", "label": "I", "port": 9000 + n, "serverVersion": "1.6.7"}
        for n in range(instances)
    ]
    Path(environ["SERVERS_FILE_PATH"]).write_text(json.dumps(entries))
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*WB, "config", "list"], env=environ, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == ExitCode.FAILURE
    assert done.stderr == b"error: the answer cannot be written: No space left on device\n"


# Bad input


@pytest.fixture
def no_engine(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs in this process finds those two instances, and may not reach for any engine."""
    monkeypatch.setenv("DOCKER_HOST", environ["DOCKER_HOST"])


# A command line, the value that its message names, and a word of the remedy.
NONSENSE = [
    ("runn demo", "runn", "Did you mean wb run or"),
    ("config ad x", "ad", "Did you mean wb config add?"),
    ("run demo --paralel 2", "--paralel", "--parallel"),
    ("run demo --timeout soon", "soon", "--help"),
    ("run demo --timeout -1", "-1", "--help"),
    ("run demo --wait -0.5", "-0.5", "--help"),
    ("run demo --parallel 0", "0", "--help"),
    ("run demo --parallel 1.5", "1.5", "--help"),
    ("run", "SELECTOR", "--help"),
    ("run dmeo", "dmeo", "demo"),
    ("run @feild", "feild", "@field"),
    ("run server=1.6.8", "1.6.8", "server=1.6.7"),
    ("run tag=field", "tag=field", "@tag"),
    ("run ''", '""', "wb config list"),
    ("run ../demo", "../demo", "demo"),
    ("restart demo nobody", "nobody", "wb config list"),
    ("status demo nobody", "nobody", "wb config list"),
    ("init-dirs nobody", "nobody", "wb config list"),
    ("config show nobody", "nobody", "wb config list"),
    ("config add Mali2", "Mali2", "a-z"),
    ("config add host", "host", ""),
    ("config add x-postgres", "x-postgres", "-postgres"),
    ("config add demo", "demo", ""),
    (f"config add {'a' * 41}", "a" * 41, "40"),
    ("config add new --port 999", "999", "1000"),
    ("config add new --port 55536", "55536", "55535"),
    ("config add new --port http", "http", "--help"),
    ("config add new --port 9001", "9001", "demo"),
    ("config add new --port 19001", "19001", "demo"),
    ("config add new instanceDir=..", "..", ""),
    ("config add new colour=red", "colour", "wb config fields"),
    ("config add new memory", "memory", "port=9100"),
    ("config set demo port=9002", "9002", "mali"),
    ("config set demo memory=lots", "lots", ""),
    ("config set demo bindAddress=everywhere", "everywhere", ""),
    ("config unset demo label", "label", ""),
    ("--set bind_address config list", "bind_address", "NAME=VALUE"),
    ("--set nonsense=1 config list", "nonsense", "wb config settings"),
    ("--set subnet_pool=everything config list", "everything", ""),
    ("--set subnet_prefix=99 config list", "99", ""),
    ("--env-file /nowhere/.env config list", "/nowhere/.env", ""),
    ("--servers-file /dev/null/servers.json config show demo", "/dev/null/servers.json", ""),
    ("logs demo --part cache", "cache", ""),
    ("images build kernel", "kernel", "valkey"),
    ("schema nonsense", "nonsense", "status"),
    ("backup lst", "lst", "Did you mean wb backup list?"),
    ("backup show demo --at ''", "--at", "--help"),
    ("restore demo --at ''", "--at", "--help"),
    ("restore demo --to ' '", "--to", "--help"),
    ("clone demo new --at ''", "--at", "--help"),
    ("clone demo new --label ''", "--label", "--help"),
    ("backup prove demo --at ''", "--at", "--help"),
    ("plan demo -o -", "stdout", "Name a file"),
    ("plan demo -o /", "/ is a folder", "Name a file"),
    ("plan demo -o / --force", "/ is a folder", "Name a file"),
]
# A file that cannot be read is a failure and not a wrong command line.
UNREADABLE = ("--env-file", "--servers-file")


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize(("line", "value", "remedy"), NONSENSE, ids=[line for line, *_ in NONSENSE])
def test_a_bad_input_is_named_with_a_remedy_and_changes_nothing(
    wb: CommandLine, tmp_path: Path, line: str, value: str, remedy: str
) -> None:
    import shlex

    before = snapshot(tmp_path)
    code, answer, talk = wb(*shlex.split(line))
    assert code == (ExitCode.FAILURE if line.startswith(UNREADABLE) else ExitCode.USAGE)
    assert answer == ""
    message, _, hint = talk.partition("hint: ")
    assert message.startswith("error: ")
    assert value in message
    assert hint or "Did you mean" in message
    assert remedy in talk
    assert "Traceback" not in talk
    assert snapshot(tmp_path) == before


def snapshot(folder: Path) -> dict[str, Any]:
    """The content of everything below a folder, except locks."""
    return {
        str(path): (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in folder.rglob("*")
        if path.suffix != ".lock"
    }


# Progress

MANY = """
import os, time
from wb_cli.cli.console import Console
with Console().tasks(41) as tasks:
    for n in range(40):
        tasks.update(f"ux{n:02}", "checking")
    tasks.update("slow", "wait until slow is ready")
    for n in range(40):
        tasks.update(f"ux{n:02}", "still checking")
        time.sleep(0.01)
        tasks.finish(f"ux{n:02}", "no image", ok=n % 2 == 0)
    os.read(0, 1)
print("the answer")
"""
ROWS = 16


def test_the_jobs_at_work_stay_visible_and_do_not_scroll_the_terminal(
    environ: dict[str, str],
) -> None:
    terminal = pexpect.spawn(
        WB[0], ["-c", MANY], env=environ, dimensions=(ROWS, 80), encoding="utf-8", timeout=30
    )
    terminal.expect_exact("more at work")
    terminal.expect_exact("slow")
    terminal.expect(r"40/41  20 failed  0:\d\d")
    shown = terminal.before
    terminal.send("\n")
    shown += terminal.read()
    terminal.close()
    assert terminal.exitstatus == 0
    assert "wait until slow is ready" in shown
    assert count_scrolled_lines(shown) == 0
    assert seen_last(shown) == "the answer"


def count_scrolled_lines(shown: str) -> int:
    """Count the lines that scrolled out of the terminal at its upper edge."""
    row = gone = 0
    for move in re.finditer(r"\n|\x1b\[(\d*)A", shown):
        row += 1 if move[0] == "\n" else -int(move[1] or 1)
        gone, row = gone + max(0, row - ROWS + 1), min(row, ROWS - 1)
    return gone


# On an engine


@pytest.fixture(scope="module")
def demo(shared_host: Host) -> str:
    id_ = shared_host.prepare()
    shared_host.wb("run", id_)
    return id_


@pytest.mark.engine
def test_progress_on_a_terminal_is_live_and_leaves_only_the_results(
    shared_host: Host, demo: str
) -> None:
    shared_host.wb("stop", demo)
    terminal = Terminal(shared_host.environ | {"TERM": "xterm-256color"}, "run", demo)
    code, shown = terminal.end()
    assert code == ExitCode.OK
    assert "\x1b[2K" in shown
    assert "\x1b[?25l" in shown
    last = shown[shown.rindex("\x1b[?25h") :]
    assert re.fullmatch(rf"{demo}: ready: http://127\.0\.0\.1:\d+ \(\d+\.\d s\)", seen_last(last))


@pytest.mark.engine
def test_of_several_instances_each_that_ended_has_a_line_with_a_mark_and_nothing_else_is_left(
    host: Host,
) -> None:
    good, bad, other = host.prepare(), host.prepare(env={"MODE": "exits"}), host.prepare()
    environ = host.environ | {"TERM": "xterm-256color"}
    code, shown = Terminal(environ, "run", "all", columns=100).end()
    assert code == ExitCode.PARTIAL
    left = what_is_left(shown)
    total = left.index(f"2 ready, 1 failed: {bad}")
    assert total == len(left) - 1
    ended = sorted(line for line in left if line.startswith(("✔", "✘")))
    assert [line.split(" (")[0] for line in ended] == sorted(
        [
            f"✔ {good}: ready: http://127.0.0.1:{host.port(good)}",
            f"✔ {other}: ready: http://127.0.0.1:{host.port(other)}",
            f"✘ {bad}: failed",
        ]
    )
    assert left[3].startswith(f"error: {bad} exited with code 7")


def what_is_left(shown: str) -> list[str]:
    """The lines that a terminal shows in the end, scrolled ones too."""
    screen: list[str] = [""]
    row = 0
    for piece in re.findall(
        r"\x1b\[\d*A|\x1b\[2K|\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", shown
    ):
        if piece == "\n":
            row += 1
            screen += [""] * (row == len(screen))
        elif piece.endswith("A") and piece.startswith("\x1b"):
            row -= int(piece[2:-1] or 1)
        elif piece == "\x1b[2K":
            screen[row] = ""
        elif not piece.startswith(("\x1b", "\r")):
            screen[row] += piece
    return [line.rstrip() for line in screen if line.strip()]


def seen_last(shown: str) -> str:
    return [line for line in lines(shown) if line][-1]


@pytest.mark.engine
def test_progress_in_a_pipe_is_plain_lines_beside_the_answer(shared_host: Host, demo: str) -> None:
    shared_host.wb("stop", demo)
    done = shared_host.wb("run", demo, "--verbose")
    assert done.stdout.count("\n") == 1
    assert done.stdout.startswith(f"{demo}: ready: http://")
    assert "\x1b" not in done.stderr
    talk = done.stderr.splitlines()
    assert all(line.startswith(f"{demo}: ") for line in talk)
    assert f"{demo}: starting" in talk
    assert f"{demo}: start {demo}-postgres" in talk
    assert talk.index(f"{demo}: start {demo}-valkey") < talk.index(f"{demo}: start {demo}")


@pytest.mark.engine
@pytest.mark.parametrize("columns", [40, 200])
def test_status_of_a_running_instance_fits_the_terminal(
    shared_host: Host, demo: str, columns: int
) -> None:
    shared_host.wb("run", demo)
    environ = shared_host.environ | {"TERM": "xterm-256color"}
    code, shown = on_a_terminal(environ, "status", demo, columns=columns)
    assert code == ExitCode.OK
    assert max(map(len, lines(shown))) <= columns
    if columns == 200:
        assert len(re.findall(r" healthy ", " ".join(lines(shown)))) == 3


@pytest.mark.engine
def test_ctrl_c_undoes_the_start_and_restores_the_terminal(shared_host: Host, demo: str) -> None:
    shared_host.change(demo, env={"MODE": "silent"})
    shared_host.wb("stop", demo)
    terminal = Terminal(shared_host.environ | {"TERM": "xterm-256color"}, "run", demo)
    wait_until(lambda: is_running(shared_host, demo), "the platform's container")
    terminal.type("\x03")
    code, shown = terminal.end()
    assert code == ExitCode.INTERRUPTED
    assert f"interrupted; undone: {demo}" in shown
    assert "Traceback" not in shown
    assert "\x1b[?25h" in shown
    assert shared_host.state(demo) == {}
    shared_host.change(demo, env=None)


def is_running(host: Host, id_: str) -> bool:
    return any(
        container.name == id_ and container.status == "running"
        for container in host.containers(id_)
    )
