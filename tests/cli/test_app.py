"""The tree of commands, global options, and the one error boundary."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.command_line import CommandLine, environment_without_settings, every_command

from wb_cli import __version__
from wb_cli.cli.context import Wb
from wb_cli.errors import (
    EngineUnreachableError,
    ExitCode,
    LockedError,
    StillStartingError,
    UsageError,
    WbError,
)

COMMANDS = every_command()


@pytest.mark.parametrize(("path", "command"), COMMANDS.items(), ids=COMMANDS)
def test_every_command_and_every_option_has_help(path: str, command: Any) -> None:
    assert command.help, path
    unexplained = [p.name for p in command.params if not getattr(p, "help", None)]
    assert unexplained == [], path


@pytest.mark.parametrize("path", COMMANDS)
def test_help_needs_neither_an_engine_nor_any_file(wb: CommandLine, path: str) -> None:
    code, answer, _ = wb(*path.split()[1:], "--help")
    assert code == 0
    assert answer.startswith("Usage: wb")


@pytest.mark.parametrize("words", [["config"], ["images"]])
def test_a_group_without_a_command_shows_its_help(wb: CommandLine, words: list[str]) -> None:
    code, answer, talk = wb(*words)
    assert (code, talk) == (0, "")
    assert answer.startswith("Usage: wb")
    assert answer == wb(*words, "--help")[1]


def test_wb_alone_shows_a_newcomer_the_first_three_commands(wb: CommandLine) -> None:
    code, answer, talk = wb()
    assert (code, talk) == (0, "")
    commands = [line.split("#")[0].strip() for line in answer.splitlines() if "#" in line]
    assert commands == ["wb setup", "wb config add demo", "wb run demo"]


def test_wb_alone_shows_an_operator_the_fleet_and_where_help_is(tmp_path: Path) -> None:
    entry = {"id": "demo", "label": "Demo", "port": 9001, "serverVersion": "1"}
    (tmp_path / "servers.json").write_text(json.dumps([entry]))
    environ = environment_without_settings() | {
        "WB_CONFIG_DIR": str(tmp_path),
        "SERVERS_FILE_PATH": str(tmp_path / "servers.json"),
        "DOCKER_HOST": f"unix://{tmp_path}/none.sock",
    }

    def run_wb(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "wb_cli", *words]
        return subprocess.run(command, capture_output=True, text=True, env=environ, check=False)

    alone, status = run_wb(), run_wb("status")
    assert alone.returncode == status.returncode == ExitCode.ENGINE_UNREACHABLE
    assert alone.stdout == status.stdout
    assert alone.stdout.splitlines()[1].startswith("demo")
    assert alone.stderr == f"{status.stderr}`wb --help` lists all commands.\n"


def test_help_can_be_typed_as_a_word(wb: CommandLine) -> None:
    assert wb("help") == wb("--help")
    assert wb("help", "config", "set") == wb("config", "set", "--help")


HINTS = {
    "run --all": "It is a word, not an option: `wb run all`.",
    "status --all": "It is a word, not an option: `wb status all`.",
    "run demo --dryrun": "Did you mean --dry-run?",
    "run demo --colour": "`wb run --help` shows how.",
    "logs demo --since": "`wb logs --help` shows how.",
    "--set": "`wb --help` shows how.",
    "logs demo --sinse": "Did you mean --since?",
    "--json status": "Options of a command stand after it: `wb status --json`.",
    "--json config list": "Options of a command stand after it: `wb config list --json`.",
    "config list --servers-file x": (
        "--servers-file stands before the command: `wb --servers-file ... config list`."
    ),
    "-V": "`wb --version` does that.",
    "version": "`wb --version` does that.",
    "ps": "`wb status` does that.",
    "ls": "`wb status` does that.",
    "up": "`wb run` does that.",
    "down": "`wb stop` does that.",
    "rm": "`wb config remove` does that.",
    "config get": "`wb config show` does that.",
    "config rm x": "`wb config remove` does that.",
    "satus": "Did you mean wb status?",
    "config ad": "Did you mean wb config add?",
    "fly": "`wb --help` shows how.",
    "config unset uxa nosuch": "`wb config list` shows what there is.",
    "config set domain x.org": (
        "domain is a setting, the same for all instances: `wb config settings set domain=...`."
    ),
}


@pytest.mark.parametrize(("line", "hint"), HINTS.items(), ids=HINTS)
def test_the_hint_names_the_right_command(wb: CommandLine, line: str, hint: str) -> None:
    code, answer, talk = wb(*line.split())
    assert code == 2
    if "--json" in line:
        assert json.loads(answer)["error"]["hint"] == hint
    else:
        assert talk.splitlines()[-1] == f"hint: {hint}"


def test_the_version(wb: CommandLine) -> None:
    assert wb("--version") == (0, f"wb {__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "talk"),
    [
        (["fly"], "No such command 'fly'"),
        (["run"], "Missing argument 'SELECTOR...'"),
        (["run", "demo", "--sideways"], "No such option: --sideways"),
        (["run", "demo", "--timeout", "soon"], "'soon' is no length of time"),
        (["run", "demo", "--timeout", "-1"], "-1"),
        (["run", "demo", "--parallel", "0"], "0"),
        (["--set", "domain", "run", "demo"], "--set domain: not NAME=VALUE"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(
    wb: CommandLine, words: list[str], talk: str
) -> None:
    code, answer, said = wb(*words)
    assert (code, answer) == (2, "")
    assert said.startswith("error: ")
    assert talk in said
    assert "hint: " in said


def test_a_usage_error_with_json_is_json(wb: CommandLine) -> None:
    code, answer, talk = wb("run", "--json", "--sideways")
    assert (code, talk) == (2, "")
    assert json.loads(answer)["error"]["exitCode"] == 2


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(Wb, "select", fail)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (WbError("it broke", "mend it"), 1),
        (UsageError("it broke", "mend it"), 2),
        (StillStartingError("it broke", "mend it"), 5),
        (EngineUnreachableError("it broke", "mend it"), 6),
        (LockedError("it broke", "mend it"), 7),
    ],
)
def test_an_error_shows_its_message_and_its_hint_and_sets_the_exit_code(
    wb: CommandLine, monkeypatch: pytest.MonkeyPatch, error: WbError, code: int
) -> None:
    raising(monkeypatch, error)
    assert wb("init-dirs", "demo") == (code, "", "error: it broke\nhint: mend it\n")


def test_with_json_an_error_is_the_answer(wb: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, LockedError("it broke", "mend it"))
    code, answer, talk = wb("init-dirs", "demo", "--json")
    assert (code, talk) == (7, "")
    assert json.loads(answer) == {
        "error": {"kind": "Locked", "message": "it broke", "hint": "mend it", "exitCode": 7}
    }


def test_an_unexpected_error_is_called_a_fault_of_wb_and_shows_no_traceback(
    wb: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(monkeypatch, KeyError("Id"))
    code, _, talk = wb("init-dirs", "demo")
    assert code == 1
    assert talk.startswith("error: unexpected KeyError: 'Id'\nhint: This is a fault of wb.")
    assert "Traceback" not in talk


def test_verbose_adds_the_traceback_of_a_fault_of_wb(
    wb: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(monkeypatch, KeyError("Id"))
    _, _, talk = wb("--verbose", "init-dirs", "demo")
    assert "Traceback (most recent call last)" in talk
    assert "KeyError: 'Id'" in talk


def test_verbose_adds_no_traceback_to_an_error_that_is_no_fault_of_wb(
    wb: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(monkeypatch, LockedError("it broke", "mend it"))
    assert "Traceback" not in wb("-v", "init-dirs", "demo").talk
    assert "Traceback" in wb("-vv", "init-dirs", "demo").talk


def test_an_interruption_exits_130(wb: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, KeyboardInterrupt())
    assert wb("init-dirs", "demo")[0] == 130


@pytest.mark.parametrize("option", ["--servers-file", "--set"])
def test_a_flag_wins_over_the_environment(wb: CommandLine, tmp_path: Path, option: str) -> None:
    other = tmp_path / "other.json"
    other.write_text('[{"id": "one", "label": "One", "port": 9001, "serverVersion": "1"}]')
    value = str(other) if option == "--servers-file" else f"servers_file={other}"
    code, answer, talk = wb(option, value, "config", "list", "--json")
    assert (code, talk) == (0, "")
    assert "one" in answer


def test_the_folders_are_made_below_the_mount_path_of_the_flag(
    wb: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "servers.json").write_text(
        '[{"id": "one", "label": "One", "port": 9001, "serverVersion": "1"}]'
    )
    (tmp_path / "mnt").mkdir()
    code, _, talk = wb("--mount-path", str(tmp_path / "mnt"), "init-dirs", "one")
    assert (code, talk) == (0, "")
    assert (tmp_path / "mnt" / "one" / "valkey_data").is_dir()
