"""The files that back up by the clock: their texts, what systemd and cron make of them."""

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from lifecycle.examples import SETTINGS
from msgspec.structs import replace

from wb_cli.errors import UsageError, WbError
from wb_cli.host import cron as cron_files
from wb_cli.host import packages, systemd
from wb_cli.provision import schedule
from wb_cli.provision.own_files import Found
from wb_cli.provision.schedule import JOBS, Job, Schedule

PROGRAM = ("/bin/true", "-m", "wb_cli")
DOCKER = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"


@pytest.fixture(autouse=True)
def stamps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where cron notes when a job began: not on this machine."""
    folder = tmp_path / "it's 100%"
    monkeypatch.setattr(cron_files, "STAMPS", folder)
    return folder


def make(**changes: Any) -> Schedule:
    return Schedule(SETTINGS, PROGRAM, {}, **changes)


def lines_of(text: str, name: str) -> list[str]:
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{name}=")]


def test_each_job_has_a_service_of_the_least_priority() -> None:
    units = make().describe_units()
    for job in JOBS:
        text = units[f"{job.name}.service"]
        assert (lines_of(text, "Nice"), lines_of(text, "IOSchedulingClass")) == (["15"], ["idle"])
    (words,) = lines_of(units["wb-backup.service"], "ExecStart")
    assert words == (
        '"/bin/true" "-m" "wb_cli" "backup" "make" "on=here" "--present" "--wait" "4h"'
    )
    (words,) = lines_of(units["wb-backup-forget.service"], "ExecStart")
    assert words.endswith('"backup" "forget" "--yes" "--wait" "4h"')


def test_backups_are_made_daily_and_proven_and_forgotten_weekly() -> None:
    units = make(hour=22, minute=5).describe_units()
    calendar = {name: lines_of(text, "OnCalendar") for name, text in units.items()}
    assert calendar["wb-backup.timer"] == ["*-*-* 22:05:00"]
    assert calendar["wb-backup-prove.timer"] == ["Sun *-*-* 01:05:00"]
    assert calendar["wb-backup-forget.timer"] == ["Sat *-*-* 01:05:00"]
    assert lines_of(units["wb-backup.timer"], "Persistent") == ["true"]
    assert lines_of(units["wb-backup.timer"], "RandomizedDelaySec") == ["3600"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
@pytest.mark.parametrize("folder", ["/srv/data", '/srv/a "b" 100% $HOME'])
def test_systemd_finds_nothing_wrong_with_them(tmp_path: Path, folder: str) -> None:
    (tmp_path / "docker.service").write_text(DOCKER)
    settings = replace(
        SETTINGS, mount_path=Path(folder), origins={"mount_path": "environment MOUNT_PATH"}
    )
    units = Schedule(settings, PROGRAM, {}).describe_units()
    for name, text in units.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in units)],
        capture_output=True,
        text=True,
        check=False,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_cron_gets_a_line_for_each_job_which_a_shell_reads_as_it_was_meant(tmp_path: Path) -> None:
    program = ("printf", "%s\\n")
    settings = replace(
        SETTINGS,
        config_file=tmp_path / "config.toml",
        domain="it's 100%",
        origins={"domain": "flag"},
    )
    (tmp_path / "backup.env").write_text("AWS_SECRET_ACCESS_KEY=sesame\n")
    text = Schedule(settings, program, {}, minute=7, host="one").describe_cron()
    entries = [line for line in text.splitlines() if " root " in line]
    assert [entry.split()[1:5] for entry in entries] == [
        ["1", "*", "*", "*"],
        ["*", "*", "*", "*"],
        ["4", "*", "*", "sun"],
        ["*", "*", "*", "*"],
        ["4", "*", "*", "sat"],
        ["*", "*", "*", "*"],
    ]
    # cron gives the shell what stands before a `%`, unless it is escaped.
    command = entries[0].partition(" root ")[2].replace("\\%", "%")
    said = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[:3] == ["backup", "make", "on=here"]
    shown = command.replace("printf '%s\\n' backup", "printenv DOMAIN AWS_SECRET_ACCESS_KEY; :")
    said = subprocess.run(["sh", "-c", shown], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["it's 100%", "sesame"]


@pytest.fixture
def by_cron() -> Schedule:
    """A schedule whose jobs only say their words."""
    return Schedule(SETTINGS, ("printf", "%s\\n"), {})


def call(schedule: Schedule, job: Job, entry: int) -> str:
    """Do as cron does with one of the two lines of a job."""
    entries = [line for line in schedule.describe_cron().splitlines() if " root " in line]
    command = entries[2 * JOBS.index(job) + entry].partition(" root ")[2].replace("\\%", "%")
    words = ["sh", "-c", command]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def let_pass(job: Job, hours: float) -> None:
    """Let time pass since the beginning of a job."""
    then = time.time() - hours * 3600
    os.utime(job.stamp, (then, then))


BY_CLOCK, LATER = 0, 1


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_cron_does_later_and_once_what_the_machine_slept_through(
    by_cron: Schedule, job: Job
) -> None:
    period = 7 * 24 if job.day else 24
    assert call(by_cron, job, BY_CLOCK).startswith("backup\n")
    let_pass(job, period + 1)
    assert call(by_cron, job, LATER) == ""
    let_pass(job, period + 2.1)
    assert call(by_cron, job, LATER).startswith("backup\n")
    assert call(by_cron, job, LATER) == ""


def test_nothing_is_overdue_from_before_the_schedule_was_made(by_cron: Schedule) -> None:
    job = JOBS[0]
    assert call(by_cron, job, LATER) == ""
    let_pass(job, 27)
    assert call(by_cron, job, LATER).startswith("backup\n")


def test_the_line_that_does_it_later_never_begins_together_with_the_other() -> None:
    for host in range(9):
        text = make(host=f"host{host}").describe_cron()
        minutes = [line.split()[0] for line in text.splitlines() if " root " in line]
        assert len(set(minutes)) == 2


def test_hosts_begin_at_different_minutes() -> None:
    minutes = {make(host=f"host{i}").describe_cron().splitlines()[4].split()[0] for i in range(9)}
    assert len(minutes) > 3


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine with systemd, whose units lie in a folder. What it is told is listed here."""
    heard: list[str] = []
    wants = tmp_path / f"{systemd.TIMERS}.wants"
    wants.mkdir()

    def tell(words: Sequence[str], *, timeout: float) -> None:
        assert timeout
        heard.append(" ".join(words))
        timers = [word for word in words if word.endswith(".timer")]
        for timer in timers if "enable" in words else ():
            (wants / timer).symlink_to(tmp_path / timer)
        for timer in timers if "disable" in words else ():
            (wants / timer).unlink()

    monkeypatch.setattr(systemd, "UNITS", tmp_path)
    monkeypatch.setattr(systemd, "run", tell)
    monkeypatch.setattr(schedule, "has_systemd", lambda: True)
    monkeypatch.setattr(packages, "is_root", lambda: True)
    return heard


TIMERS = "wb-backup.timer wb-backup-prove.timer wb-backup-forget.timer"


def test_they_are_written_started_and_removed_and_all_can_be_repeated(
    told: list[str], tmp_path: Path
) -> None:
    assert set(schedule.install(make(), (), dry_run=True).values()) == {Found.ABSENT}
    assert (told, list(tmp_path.glob("wb-*"))) == ([], [])
    schedule.install(make(), (), dry_run=False)
    assert told == [
        "systemctl daemon-reload",
        f"systemctl enable {TIMERS}",
        f"systemctl restart {TIMERS}",
    ]
    assert set(schedule.install(make(), (), dry_run=False).values()) == {Found.CURRENT}
    assert len(told) == 3
    assert Found.OUTDATED in schedule.look(schedule.list_files(make(hour=5))).values()
    assert len(schedule.remove(make(hour=5), dry_run=True)) == len(list(tmp_path.glob("wb-*"))) == 6
    schedule.remove(make(hour=5), dry_run=False)
    assert told[3:] == [f"systemctl disable --now {TIMERS}", "systemctl daemon-reload"]
    assert list(tmp_path.glob("wb-*")) == []
    assert schedule.remove(make(), dry_run=False) == {}


def test_a_file_of_somebody_else_is_left_alone(told: list[str], tmp_path: Path) -> None:
    (tmp_path / "wb-backup.timer").write_text("[Timer]\n")
    with pytest.raises(WbError, match=r"wb-backup\.timer is there and is not wb's"):
        schedule.install(make(), (), dry_run=False)
    with pytest.raises(WbError, match="is not wb's"):
        schedule.remove(make(), dry_run=False)
    assert (told, [path.name for path in tmp_path.glob("wb-*")]) == ([], ["wb-backup.timer"])


@pytest.mark.usefixtures("told")
def test_a_variable_that_only_this_shell_knows_must_stand_in_a_file(tmp_path: Path) -> None:
    wanted = Schedule(replace(SETTINGS, config_file=tmp_path / "config.toml"), PROGRAM, {})
    needed = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    with pytest.raises(UsageError, match="AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY") as caught:
        schedule.install(wanted, needed, dry_run=False)
    assert str(tmp_path / "backup.env") in caught.value.hint
    (tmp_path / "backup.env").write_text("AWS_ACCESS_KEY_ID=a\nAWS_SECRET_ACCESS_KEY=b\n")
    schedule.install(wanted, needed, dry_run=False)


@pytest.mark.usefixtures("told")
def test_a_secret_that_only_this_shell_knows_is_not_written_down() -> None:
    settings = replace(SETTINGS, origins={"backup_key": "environment WB_BACKUP_KEY"})
    with pytest.raises(UsageError, match="WB_BACKUP_KEY: only this shell says it"):
        schedule.install(Schedule(settings, PROGRAM, {}), (), dry_run=False)


@pytest.mark.usefixtures("told")
def test_another_user_than_root_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "is_root", lambda: False)
    with pytest.raises(WbError, match="not root"):
        schedule.install(make(), (), dry_run=False)


def test_without_systemd_cron_gets_one_file_and_without_cron_it_says_so(
    told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "has_systemd", lambda: False)
    monkeypatch.setattr(cron_files, "FOLDER", tmp_path / "cron.d")
    with pytest.raises(WbError, match="neither systemd nor cron"):
        schedule.install(make(), (), dry_run=False)
    (tmp_path / "cron.d").mkdir()
    schedule.install(make(), (), dry_run=False)
    (file,) = (tmp_path / "cron.d").iterdir()
    assert (file.read_text(), file.stat().st_mode & 0o777) == (make().describe_cron(), 0o644)
    call(make(), JOBS[0], LATER)
    assert JOBS[0].stamp.exists()
    schedule.remove(make(), dry_run=False)
    assert (list((tmp_path / "cron.d").iterdir()), told) == ([], [])
    assert list(JOBS[0].stamp.parent.iterdir()) == []
