"""`wb backup schedule` on the command line, on a machine with cron and without systemd."""

from pathlib import Path

import pytest
from support.command_line import CommandLine

from wb_cli.errors import ExitCode
from wb_cli.host import cron as cron_files
from wb_cli.host import packages
from wb_cli.provision import schedule


@pytest.fixture
def cron(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cron.d"
    folder.mkdir()
    monkeypatch.setattr(schedule, "has_systemd", lambda: False)
    monkeypatch.setattr(cron_files, "FOLDER", folder)
    monkeypatch.setattr(cron_files, "STAMPS", tmp_path / "stamps")
    monkeypatch.setattr(packages, "is_root", lambda: True)
    for name in schedule_variables():
        monkeypatch.delenv(name, raising=False)
    return folder


def schedule_variables() -> tuple[str, ...]:
    from wb_cli.cli.commands.backups.places import PASSED_ON

    return PASSED_ON


def test_it_is_written_repeated_and_removed(wb: CommandLine, cron: Path) -> None:
    shown = wb("backup", "schedule", "--dry-run")
    assert shown.answer.startswith(f"==> {cron}/wb-backup <==\n# Made by")
    assert list(cron.iterdir()) == []
    assert "written (before: not installed)" in wb("backup", "schedule").answer
    assert (cron / "wb-backup").read_text() in shown.answer
    assert "nothing to do" in wb("backup", "schedule").answer
    assert "before: outdated" in wb("backup", "schedule", "--at", "23:30").answer
    assert "would be removed" in wb("backup", "schedule", "--remove", "--dry-run").answer
    assert "wb-backup: removed" in wb("backup", "schedule", "--remove").answer
    assert "nothing to do" in wb("backup", "schedule", "--remove").answer
    assert list(cron.iterdir()) == []


@pytest.mark.usefixtures("cron")
@pytest.mark.parametrize("time", ["24:00", "noon", "3", "12:60"])
def test_what_is_no_time_is_refused(wb: CommandLine, time: str) -> None:
    ended = wb("backup", "schedule", "--at", time)
    assert ended.code == ExitCode.USAGE
    assert repr(time) in ended.talk


@pytest.mark.usefixtures("cron")
def test_keys_of_this_shell_matter_for_a_repository_elsewhere_alone(
    wb: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sesame")
    assert wb("backup", "schedule", "--dry-run").code == ExitCode.OK
    monkeypatch.setenv("WB_BACKUP_REPOSITORY", "s3:https://s3/b")
    ended = wb("backup", "schedule")
    assert ended.code == ExitCode.USAGE
    assert "AWS_SECRET_ACCESS_KEY: only this shell says it" in ended.talk
    assert "sesame" not in ended.answer + ended.talk
