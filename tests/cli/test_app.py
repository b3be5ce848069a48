"""The tree of commands, global options, and the one error boundary."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from wb_cli import __version__
from wb_cli.cli import app as boundary
from wb_cli.cli.context import Wb
from wb_cli.errors import (
    EngineUnreachableError,
    LockedError,
    StillStartingError,
    UsageError,
    WbError,
)
from wb_cli.instances.setting_table import SETTINGS

Outcome = tuple[int, str, str]


@pytest.fixture
def wb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Run a command line in this process; give exit code, answer and talk."""
    for setting in SETTINGS:
        monkeypatch.delenv(setting.env, raising=False)
    monkeypatch.setenv("WB_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SERVERS_FILE_PATH", str(tmp_path / "servers.json"))

    def run(*words: str) -> Outcome:
        code = boundary.run(list(words))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def commands() -> list[tuple[str, Any]]:
    """Every command and group of the tree with its path."""

    def walk(path: str, command: Any) -> Any:
        yield path, command
        for name, child in getattr(command, "commands", {}).items():
            yield from walk(f"{path} {name}", child)

    return list(walk("wb", typer.main.get_command(boundary.app)))


@pytest.mark.parametrize(("path", "command"), commands(), ids=[path for path, _ in commands()])
def test_every_command_says_what_it_does_and_what_each_option_means(
    path: str, command: Any
) -> None:
    assert command.help, path
    unexplained = [p.name for p in command.params if not getattr(p, "help", None)]
    assert unexplained == [], path


@pytest.mark.parametrize("path", [path for path, _ in commands()])
def test_help_needs_neither_an_engine_nor_any_file(wb: Callable[..., Outcome], path: str) -> None:
    code, answer, _ = wb(*path.split()[1:], "--help")
    assert code == 0
    assert answer.startswith("Usage: wb")


def test_without_a_command_the_help_is_shown(wb: Callable[..., Outcome]) -> None:
    _, answer, talk = wb()
    assert "Usage: wb" in answer + talk


def test_the_version(wb: Callable[..., Outcome]) -> None:
    assert wb("--version") == (0, f"wb {__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "talk"),
    [
        (["fly"], "No such command 'fly'"),
        (["run"], "Missing argument 'SELECTOR...'"),
        (["run", "demo", "--sideways"], "No such option: --sideways"),
        (["run", "demo", "--timeout", "soon"], "'soon' is not a valid float"),
        (["run", "demo", "--timeout", "-1"], "-1"),
        (["run", "demo", "--parallel", "0"], "0"),
        (["--set", "domain", "run", "demo"], "--set domain: not NAME=VALUE"),
    ],
)
def test_a_command_line_that_cannot_be_right_is_a_usage_error(
    wb: Callable[..., Outcome], words: list[str], talk: str
) -> None:
    code, answer, said = wb(*words)
    assert (code, answer) == (2, "")
    assert said.startswith("error: ")
    assert talk in said
    assert "hint: " in said


def test_a_usage_error_is_json_where_json_was_asked_for(wb: Callable[..., Outcome]) -> None:
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
def test_an_error_ends_with_its_exit_code_its_message_and_its_remedy(
    wb: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, error: WbError, code: int
) -> None:
    raising(monkeypatch, error)
    assert wb("init-dirs", "demo") == (code, "", "error: it broke\nhint: mend it\n")


def test_an_error_as_json_is_the_answer(
    wb: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(monkeypatch, LockedError("it broke", "mend it"))
    code, answer, talk = wb("init-dirs", "demo", "--json")
    assert (code, talk) == (7, "")
    assert json.loads(answer) == {
        "error": {"kind": "Locked", "message": "it broke", "hint": "mend it", "exitCode": 7}
    }


def test_a_fault_of_wb_is_called_one_and_shows_no_traceback(
    wb: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(monkeypatch, KeyError("Id"))
    code, _, talk = wb("init-dirs", "demo")
    assert code == 1
    assert talk.startswith("error: unexpected KeyError: 'Id'\nhint: This is a fault of wb.")
    assert "Traceback" not in talk


def test_verbose_adds_the_traceback(
    wb: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(monkeypatch, KeyError("Id"))
    _, _, talk = wb("--verbose", "init-dirs", "demo")
    assert "Traceback (most recent call last)" in talk
    assert "KeyError: 'Id'" in talk


def test_an_interruption_exits_130(
    wb: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(monkeypatch, KeyboardInterrupt())
    assert wb("init-dirs", "demo")[0] == 130


@pytest.mark.parametrize("option", ["--servers-file", "--set"])
def test_a_flag_goes_before_the_environment(
    wb: Callable[..., Outcome], tmp_path: Path, option: str
) -> None:
    other = tmp_path / "other.json"
    other.write_text('[{"id": "one", "label": "One", "port": 9001, "serverVersion": "1"}]')
    value = str(other) if option == "--servers-file" else f"servers_file={other}"
    code, answer, talk = wb(option, value, "config", "list", "--json")
    assert (code, talk) == (0, "")
    assert "one" in answer


def test_the_folders_are_made_where_the_mount_path_flag_says(
    wb: Callable[..., Outcome], tmp_path: Path
) -> None:
    (tmp_path / "servers.json").write_text(
        '[{"id": "one", "label": "One", "port": 9001, "serverVersion": "1"}]'
    )
    (tmp_path / "mnt").mkdir()
    code, _, talk = wb("--mount-path", str(tmp_path / "mnt"), "init-dirs", "one")
    assert (code, talk) == (0, "")
    assert (tmp_path / "mnt" / "one" / "valkey_data").is_dir()
