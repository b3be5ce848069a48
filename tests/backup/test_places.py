"""Backups in several places: copied there, missed, caught up, and brought back from there."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from backup.rest_server import RestServer
from backup.sftp_server import SftpServer, is_sshd_there
from backup.site import Site

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.backup


@pytest.fixture
def server(site: Site, tmp_path: Path) -> Iterator[SftpServer]:
    assert is_sshd_there(), "sshd or ssh-keygen is missing"
    server = SftpServer(tmp_path / "ssh", site.client)
    server.start()
    yield server
    server.stop()


def test_a_backup_over_sftp_is_made_proven_and_brought_back(site: Site, server: SftpServer) -> None:
    id_ = site.start()
    elsewhere = {**server.environ, "WB_BACKUP_REPOSITORY": server.location}
    limited = {**elsewhere, "WB_BACKUP_LIMIT_UPLOAD": "100m", "WB_BACKUP_PROCESSORS": "1"}
    (ended,) = site.under(limited).json("backup", id_)["instances"]
    assert (server.files / "backups" / "config").is_file()
    assert not site.repository.exists()
    (proof,) = site.under(elsewhere).json("backup", "prove", id_)["instances"]
    assert (proof["result"], proof["backup"]) == ("proven", ended["manifest"]["snapshot"])
    site.sql(id_, "delete from kept")
    site.under(elsewhere).wb("restore", id_, "--yes", "--no-backup")
    assert site.count(id_) == "1000"


def test_a_backup_on_a_rest_server_is_made_proven_and_brought_back(
    site: Site, tmp_path: Path
) -> None:
    server = RestServer(tmp_path / "rest", site.client)
    server.start()
    try:
        id_, elsewhere = site.start(), site.under(server.environ)
        elsewhere.wb("backup", id_)
        assert (server.files / "config").is_file()
        (proof,) = elsewhere.json("backup", "prove", id_)["instances"]
        assert proof["result"] == "proven"
        stranger = elsewhere.under({"RESTIC_REST_PASSWORD": "wrong"})
        said = stranger.wb("backup", "list", exits=ExitCode.FAILURE).stderr
        assert "401" in said
        site.sql(id_, "delete from kept")
        elsewhere.wb("restore", id_, "--yes", "--no-backup")
        assert site.count(id_) == "1000"
    finally:
        server.stop()


def test_a_host_that_is_not_known_and_a_key_that_is_not_let_in_are_told_with_the_remedy(
    site: Site, server: SftpServer
) -> None:
    id_ = site.start()
    elsewhere = {**server.environ, "WB_BACKUP_REPOSITORY": server.location}
    known = server.known_hosts.read_text()
    server.known_hosts.write_text("")
    said = site.under(elsewhere).wb("backup", id_, exits=ExitCode.FAILURE).stderr
    assert "WB_BACKUP_KNOWN_HOSTS" in said
    server.known_hosts.write_text(known)
    (server.folder / "authorized_keys").write_text("")
    said = site.under(elsewhere).wb("backup", id_, exits=ExitCode.FAILURE).stderr
    assert "WB_BACKUP_SSH_KEY" in said
    assert "PRIVATE KEY" not in said


def test_each_backup_is_copied_to_further_places_and_comes_back_from_there(
    site: Site, server: SftpServer, tmp_path: Path
) -> None:
    id_ = site.start()
    disk = tmp_path / "disk"
    disk.mkdir()
    copies = {**server.environ, "WB_BACKUP_COPIES": f"{disk} {server.location}"}
    answer = site.under(copies).json("backup", id_)
    assert [(each["repository"], each["isComplete"]) for each in answer["copies"]] == [
        (str(disk), True),
        (server.location, True),
    ]
    # The data, and the manifest.
    assert [each["snapshots"] for each in answer["copies"]] == [2, 2]
    changes = site.under(copies).json("backup", id_)["instances"][0]["manifest"]
    assert changes["base"]
    listed = site.under(copies).json("backup", "list")
    everywhere = [str(site.repository), str(disk), server.location]
    assert [each["repositories"] for each in listed["backups"]] == [everywhere, everywhere]
    shutil.rmtree(site.repository)
    site.sql(id_, "delete from kept")
    lost = {**server.environ, "WB_BACKUP_REPOSITORY": server.location}
    (proof,) = site.under(lost).json("backup", "prove", id_)["instances"]
    assert proof["result"] == "proven"
    site.under(lost).wb("restore", id_, "--yes", "--no-backup")
    assert site.count(id_) == "1000"
    # What is copied on from there still knows what it needs.
    third = tmp_path / "third"
    third.mkdir()
    site.under({**lost, "WB_BACKUP_COPIES": str(third)}).wb("backup", "copy")
    listed = site.json("backup", "list", WB_BACKUP_REPOSITORY=str(third))["backups"]
    assert [bool(each["base"]) for each in listed] == [True, False]


def test_a_place_that_fails_is_told_and_catches_up_later(site: Site, tmp_path: Path) -> None:
    id_ = site.start()
    disk = tmp_path / "disk"
    copies = {"WB_BACKUP_COPIES": str(disk)}
    done = site.under(copies).wb("backup", id_, exits=ExitCode.PARTIAL)
    assert f"not copied to {disk}: the folder {disk} is not there" in done.stderr
    (missed,) = find_missed(site.under(copies))
    assert f"copy of the backups to {disk} failed: the folder {disk} is not there" in missed
    assert "backed up as" in done.stdout
    listed = site.under(copies).json("backup", "list", exits=ExitCode.PARTIAL)
    assert [each["repositories"] for each in listed["backups"]] == [[str(site.repository)]]
    assert [each["repository"] for each in listed["unread"]] == [str(disk)]
    said = site.under(copies).wb("backup", "list", exits=ExitCode.PARTIAL).stderr
    assert f"unknown what {disk} has" in said
    disk.mkdir()
    site.under(copies).wb("backup", "copy")
    (backup,) = site.under(copies).json("backup", "list")["backups"]
    assert backup["repositories"] == [str(site.repository), str(disk)]
    assert site.under(copies).json("backup", "copy")["copies"][0]["snapshots"] == 0
    assert not find_missed(site.under(copies))


def test_a_place_in_the_repository_itself_is_no_copy(site: Site) -> None:
    id_ = site.start()
    site.back_up(id_)
    before = sorted(site.repository.iterdir())
    for place in (site.repository, site.repository / "data" / "copy"):
        own = site.under({"WB_BACKUP_COPIES": str(place)})
        said = own.wb("backup", "copy", exits=ExitCode.PARTIAL).stderr
        assert f"not copied to {place}: {place} is in the repository itself" in said
    assert sorted(site.repository.iterdir()) == before


def test_rules_and_checks_hold_at_each_place(site: Site, tmp_path: Path) -> None:
    id_, disk = site.start(), tmp_path / "disk"
    disk.mkdir()
    everywhere = site.under({"WB_BACKUP_COPIES": str(disk)})
    backups = [everywhere.back_up(id_) for _ in range(3)]
    rules = ("--keep-last", "1", "--keep-daily", "0", "--keep-weekly", "0", "--keep-monthly", "0")
    words = ("backup", "forget", id_, *rules)
    assert f"{disk}: would forget 1 backups" in everywhere.wb(*words, "--dry-run").stdout
    (there,) = everywhere.json(*words, "--yes")["copies"]
    assert there == {"repository": str(disk), "forgotten": 1, "problem": ""}
    left = everywhere.json("backup", "list")["backups"]
    # The newest has what changed since the first one, which is whole.
    assert [each["id"] for each in left] == [backups[2], backups[0]]
    assert all(each["repositories"] == [str(site.repository), str(disk)] for each in left)
    assert everywhere.json("backup", "check", "--read", "100%")["isSound"]
    pack = max((disk / "data").rglob("*"), key=lambda path: path.stat().st_size)
    pack.chmod(0o600)
    pack.write_bytes(pack.read_bytes()[:-1])
    answer = everywhere.json("backup", "check", "--read", "100%", exits=ExitCode.PARTIAL)
    places = answer["places"]
    assert [(each["repository"], each["isSound"]) for each in places] == [
        (str(site.repository), True),
        (str(disk), False),
    ]
    shutil.rmtree(disk)
    assert str(disk) in everywhere.wb("backup", "forget", id_, exits=ExitCode.PARTIAL).stderr


def find_missed(site: Site) -> list[str]:
    """What `wb doctor` says of copies that are missing."""
    found = json.loads(site.ran("doctor", "--json").stdout)["findings"]
    return [each["what"] for each in found if each["code"] == "backup-copy"]


def test_three_instances_are_backed_up_side_by_side_into_one_repository(site: Site) -> None:
    ids = [site.start() for _ in range(3)]
    answer = site.json("backup", *ids, "--parallel", "3")
    assert [each["result"] for each in answer["instances"]] == ["backed up"] * 3
    assert {each["instance"] for each in site.json("backup", "list")["backups"]} == set(ids)
    assert site.json("backup", "check", "--read", "100%")["isSound"]


def test_credentials_are_in_no_description_of_a_container(site: Site, server: SftpServer) -> None:
    id_ = site.start()
    elsewhere = {
        **server.environ,
        "WB_BACKUP_REPOSITORY": server.location,
        "AWS_SECRET_ACCESS_KEY": "hush-hush",
        "WB_BACKUP_KEY": "quiet-quiet",
    }
    seen: list[str] = []
    with site.under(elsewhere).started("backup", id_) as process:
        while process.poll() is None:
            seen.extend(str(task.attrs) for task in site.tasks())
    assert process.returncode == 0
    assert seen
    key = server.key.read_text().splitlines()[1]
    assert not [text for text in seen if "hush-hush" in text or "quiet-" in text or key in text]


def test_a_backup_with_a_limit_for_reading_is_whole(site: Site) -> None:
    id_ = site.start()
    site.wb("backup", id_, WB_BACKUP_LIMIT_READ="50m", WB_BACKUP_PRIORITY="idle")
    assert site.json("backup", "prove", id_)["instances"][0]["result"] == "proven"
