"""How the backups of an instance are judged by what wb last saw: unknown is never none."""

from pathlib import Path

import pytest
from lifecycle.examples import SETTINGS
from msgspec.structs import replace

from wb_cli.errors import WbError
from wb_cli.instances.secrets import SecretStore
from wb_cli.lifecycle.record.backup_record import Kept, Record, find_record, write_record
from wb_cli.lifecycle.record.history import Line
from wb_cli.observe.backups import Backups, BackupStatus, is_configured, judge
from wb_cli.observe.doctor.look_at_backups import describe_failure
from wb_cli.observe.history import PastCommand, Stage
from wb_cli.observe.status.backups import add_backups
from wb_cli.observe.status.instance_state import InstanceState, InstanceStatus
from wb_cli.secret import Secret

LOOKED = "2026-01-03T00:00:00Z"
KEPT = Kept("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", 4.5)
SEEN = Record("/srv/b", LOOKED, {"demo": KEPT})


def test_an_instance_has_the_backups_that_were_seen() -> None:
    found = judge(SEEN, "demo", is_configured=True)
    assert isinstance(found, BackupStatus)
    assert found.as_document() == {
        "asOf": LOOKED,
        "newest": KEPT.newest,
        "proven": {"time": KEPT.proven, "restoreSeconds": 4.5, "walUntil": None},
        "newestHasFailed": False,
        "newestWalHasFailed": False,
    }


def test_an_instance_that_was_not_seen_has_none() -> None:
    found = judge(SEEN, "mali", is_configured=True)
    assert isinstance(found, BackupStatus)
    assert (found.kept, found.as_document()["newest"], found.as_document()["proven"]) == (
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (WbError("torn"), "torn"),
        (replace(SEEN, problem="locked"), "could not be read when last tried: locked"),
        (None, "never looked at from this host"),
    ],
)
def test_what_could_not_be_read_is_unknown(seen: Record | WbError | None, said: str) -> None:
    found = judge(seen, "demo", is_configured=True)
    assert isinstance(found, WbError)
    assert said in found.message


def test_where_nobody_makes_backups_there_is_nothing_to_know() -> None:
    assert judge(None, "demo", is_configured=False) is None


def test_backups_are_made_where_there_is_a_key_or_a_repository_by_a_setting(
    tmp_path: Path,
) -> None:
    secrets = SecretStore(tmp_path)
    assert not is_configured(SETTINGS, secrets)
    assert is_configured(replace(SETTINGS, backup_key=Secret("k")), secrets)
    assert is_configured(replace(SETTINGS, origins={"backup_repository": "config.toml"}), secrets)
    secrets.create_backup_key()
    assert is_configured(SETTINGS, secrets)
    (tmp_path / "backup-key").write_text("")
    assert is_configured(SETTINGS, secrets)


def test_the_status_of_each_instance_has_what_is_known_on_its_host(tmp_path: Path) -> None:
    settings = replace(SETTINGS, servers_file=tmp_path / "servers.json")
    write_record(find_record(settings, "ssh://far"), "/b", LOOKED, {"mali": KEPT})
    statuses = [
        InstanceStatus("demo", InstanceState.RUNNING),
        InstanceStatus("mali", InstanceState.RUNNING, host="ssh://far"),
    ]
    here, far = add_backups(statuses, settings, SecretStore(tmp_path), None)
    assert here.backup is None
    assert isinstance(far.backup, BackupStatus)
    assert far.as_document()["backup"]["newest"] == KEPT.newest


def test_a_record_that_cannot_be_read_is_a_problem_in_the_status(tmp_path: Path) -> None:
    settings = replace(SETTINGS, servers_file=tmp_path / "servers.json")
    path = find_record(settings, None)
    path.parent.mkdir()
    path.write_text("torn")
    found = Backups(settings, SecretStore(tmp_path), None).find("demo")
    assert isinstance(found, WbError)
    status = InstanceStatus("demo", InstanceState.RUNNING, backup=found)
    assert str(path) in status.as_document()["backup"]["problem"]


def past(verb: str, code: int | None, error: str = "", stage: Stage = Stage.ENDED) -> PastCommand:
    end = None if code is None else Line("1", ended=LOOKED, exit_code=code, error=error)
    return PastCommand("demo", Line("1", began=LOOKED, verb=verb), end, stage)


@pytest.mark.parametrize(
    ("commands", "said"),
    [
        ([], ""),
        ([past("backup", 1), past("backup", 0)], ""),
        ([past("backup", 0), past("backup", 1, "no room"), past("run", 0)], "failed: no room"),
        ([past("backup", 1)], "failed"),
        ([past("backup", None, stage=Stage.DID_NOT_END)], "did not end: wb was killed"),
        ([past("backup", 0), past("backup", None, stage=Stage.UNDER_WAY)], ""),
        ([past("backup prove", 1), past("restore", 1)], ""),
    ],
)
def test_the_last_backup_that_ended_badly_is_told(commands: list[PastCommand], said: str) -> None:
    assert describe_failure(commands) == said
