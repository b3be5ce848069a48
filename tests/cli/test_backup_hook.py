"""The operator's hook hears how backups and trials ended, also where they failed as a whole."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from support.command_line import CommandLine

from wb_cli.backup.hook import call_hook
from wb_cli.cli.commands.backups.telling import told
from wb_cli.cli.console import Console
from wb_cli.cli.context import Wb
from wb_cli.errors import ExitCode, WbError


@pytest.fixture
def heard(tmp_path: Path) -> Path:
    return tmp_path / "heard"


def writes_to(path: Path) -> str:
    return f"sh -c {shlex.quote(f'cat > {shlex.quote(str(path))}')}"


def make_wb(hook: str) -> Wb:
    return Wb({"backup_hook": hook} if hook else {}, None, Console())


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_it_gets_the_outcome_on_its_input(heard: Path) -> None:
    call_hook(writes_to(heard), {"command": "backup", "exitCode": 0})
    assert read(heard) == {"command": "backup", "exitCode": 0}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("sh -c 'echo no mail today >&2; exit 3'", r"\(exit code 3\): no mail today"),
        ("false", "it said nothing"),
        ("no-such-program-of-wb", "is not installed"),
    ],
)
def test_a_hook_that_fails_is_an_error_with_its_own_words(command: str, said: str) -> None:
    with pytest.raises(WbError, match=said):
        call_hook(command, {})


def test_a_hook_that_does_not_read_its_input_is_well() -> None:
    call_hook("true", {"much": "x" * 1_000_000})


def test_an_outcome_is_told_with_its_exit_code(heard: Path) -> None:
    with told(make_wb(writes_to(heard)), "backup prove") as outcome:
        outcome.code = ExitCode.PARTIAL
    found = read(heard)
    assert (found["command"], found["exitCode"]) == ("backup prove", ExitCode.PARTIAL)
    assert (found["instances"], found["error"]) == ([], None)
    assert outcome.code == ExitCode.PARTIAL


@pytest.mark.parametrize(
    ("code", "after"),
    [(ExitCode.OK, ExitCode.PARTIAL), (ExitCode.FAILURE, ExitCode.FAILURE)],
)
def test_a_hook_that_fails_never_makes_it_better(
    code: ExitCode, after: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    with told(make_wb("false"), "backup") as outcome:
        outcome.code = code
    assert outcome.code == after
    assert "the hook of WB_BACKUP_HOOK did not take it" in capsys.readouterr().err


def test_a_dry_run_tells_nobody(heard: Path) -> None:
    with told(make_wb(writes_to(heard)), "backup", is_dry_run=True):
        pass
    assert not heard.exists()


def test_without_a_hook_nobody_is_told() -> None:
    with told(make_wb(""), "backup") as outcome:
        pass
    assert outcome.code == ExitCode.OK


def test_a_command_that_fails_as_a_whole_is_told_with_its_error(
    wb: CommandLine, heard: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WB_BACKUP_HOOK", writes_to(heard))
    assert wb("backup", "nobody").code == ExitCode.USAGE
    found = read(heard)
    assert found["exitCode"] == ExitCode.USAGE
    assert "nobody" in found["error"]["message"]
    heard.unlink()
    assert wb("backup", "prove").code == ExitCode.USAGE
    assert "no key for the backups" in read(heard)["error"]["message"]
