"""Backups of real instances: made while they run, proven, brought back, damaged and lost."""

import json
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from backup.site import Site
from support.fixtures.hosts import NewHost
from support.json_answers import check
from support.platform_stand_in import Platforms
from support.services import wait_until

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.backup


def test_what_was_acknowledged_before_a_backup_comes_back_from_it(site: Site) -> None:
    id_ = site.start()
    (site.folder(id_) / "sandbox" / "note").write_text("mine")
    (site.folder(id_) / "assets" / "map").write_text("old")
    backup = site.back_up(id_)
    site.sql(id_, "drop table kept")
    (site.folder(id_) / "assets" / "map").write_text("new")
    (ended,) = site.json("restore", id_, "--yes")["instances"]
    assert (ended["result"], ended["backup"]) == ("restored", backup)
    assert site.count(id_) == "1000"
    assert (site.folder(id_) / "assets" / "map").read_text() == "old"
    assert (site.folder(id_) / "sandbox" / "note").read_text() == "mine"


def test_a_restore_is_preceded_by_a_backup_and_can_be_undone_or_accepted(site: Site) -> None:
    id_ = site.start()
    site.back_up(id_)
    site.sql(id_, "delete from kept where n > 10")
    site.wb("restore", id_, "--yes")
    assert len(site.backups()) == 2
    assert site.count(id_) == "1000"
    said = site.wb("restore", id_, "--yes", exits=ExitCode.FAILURE).stderr
    assert "they are kept" in said
    site.wb("restore", id_, "--undo", "--yes")
    assert site.count(id_) == "10"
    site.wb("restore", id_, "--yes", "--no-backup", "--at", site.backups()[-1])
    site.wb("restore", id_, "--accept", "--yes")
    assert site.count(id_) == "1000"
    assert not list(site.folder(id_).glob(".*"))


def test_a_dry_run_of_the_way_back_or_of_giving_it_up_changes_nothing(site: Site) -> None:
    id_ = site.start()
    site.back_up(id_)
    site.sql(id_, "delete from kept where n > 10")
    site.wb("restore", id_, "--yes", "--no-backup")
    before, hidden = site.state(id_), site.hidden(id_)
    for words, said in (("--undo", "would be lost"), ("--accept", "would be removed")):
        (ended,) = site.json("restore", id_, words, "--dry-run")["instances"]
        assert ended["result"] == "planned"
        assert said in site.wb("restore", id_, words, "--dry-run").stdout
    assert (site.state(id_), site.hidden(id_)) == (before, hidden)
    assert site.count(id_) == "1000"
    site.wb("restore", id_, "--undo", "--yes")
    assert site.count(id_) == "10"


def test_where_nothing_is_to_be_done_a_scheduled_command_is_no_failure(site: Site) -> None:
    id_ = site.prepare()
    said = site.wb("backup", "on=here", "--present").stderr
    assert "nothing is backed up" in said
    assert site.json("backup", "prove")["instances"] == []
    site.wb("run", id_)
    site.back_up(id_)
    for words in (["--dry-run"], ["--yes"]):
        done = check("backup forget", site.wb("backup", "forget", *words, "--json").stdout)
        assert [ended["result"] for ended in done["instances"]] == ["nothing to forget"]
    for words in (["backup", "show"], ["backup", "list"], ["backup", "prove"], ["restore"]):
        said = site.wb(*words, f"{id_}x", exits=ExitCode.USAGE).stderr
        assert f"Did you mean {id_}?" in said


def test_two_first_backups_at_once_make_one_repository(site: Site) -> None:
    ids = [site.prepare() for _ in range(2)]
    site.wb("run", *ids)
    with ThreadPoolExecutor(len(ids)) as threads:
        done = list(threads.map(lambda id_: site.ran("backup", id_), ids))
    assert [each.returncode for each in done] == [0, 0], done
    assert sum("made the repository" in each.stderr for each in done) == 1
    assert len(site.backups()) == len(ids)


@pytest.mark.parametrize("share", ["abc", "101%", "0%", "", "-5%"])
def test_a_share_to_read_that_is_none_is_refused_before_anything_is_asked(
    site: Site, share: str
) -> None:
    refused = site.wb("backup", "check", f"--read={share}", exits=ExitCode.USAGE).stderr
    assert "is no share of the data" in refused


def test_a_backup_stops_nothing_and_the_second_adds_little(site: Site) -> None:
    id_ = site.start()
    before = site.state(id_)
    first, second = (site.json("backup", id_)["instances"][0]["manifest"] for _ in range(2))
    assert site.state(id_) == before
    assert second["addedBytes"] < first["addedBytes"] / 5
    assert {table["name"]: table["rows"] for table in first["databases"][-1]["tables"]} == {
        "public.kept": 1000
    }


def test_a_backup_during_writes_is_proven(site: Site) -> None:
    id_ = site.start()
    site.sql(id_, "create table busy (n int)")
    writing = "while psql -U postgres -qc 'insert into busy values (1)'; do :; done"
    site.container(f"{id_}-postgres").exec_run(["sh", "-c", writing], detach=True)
    wait_until(lambda: site.sql(id_, "select count(*) from busy") != "0", "rows are written")
    backup = site.back_up(id_)
    shown = site.json("backup", "show", id_)
    written = {t["name"]: t["wasWritten"] for d in shown["databases"] for t in d["tables"]}
    assert written == {"public.busy": True, "public.kept": False}
    (proof,) = site.json("backup", "prove", id_)["instances"]
    assert (proof["result"], proof["backup"]) == ("proven", backup)
    (listed,) = site.json("backup", "list", id_)["backups"]
    assert listed["proof"]["result"] == "proven"


def test_a_page_that_is_damaged_is_found_before_it_is_called_a_backup(site: Site) -> None:
    id_ = site.start()
    # Else PostgreSQL would write the page once more, and so mend it.
    site.sql(id_, "vacuum (freeze) kept")
    site.sql(id_, "checkpoint")
    path = site.sql(id_, "select pg_relation_filepath('kept')")
    with (site.folder(id_) / "databases" / "pgdata" / path).open("r+b") as file:
        file.seek(4000)
        file.write(b"damage")
    said = site.wb("backup", id_, exits=ExitCode.FAILURE).stderr
    assert "checksum" in said
    assert site.backups() == []


def test_a_damaged_repository_is_found_by_check_and_by_prove(site: Site) -> None:
    id_ = site.start()
    site.back_up(id_)
    packs = [path for path in (site.repository / "data").rglob("*") if path.is_file()]
    largest = max(packs, key=lambda path: path.stat().st_size)
    largest.chmod(0o600)
    with largest.open("r+b") as file:
        file.seek(largest.stat().st_size // 2)
        file.write(b"damage")
    site.wb("backup", "check", "--read", "100%", exits=ExitCode.FAILURE)
    (proof,) = site.json("backup", "prove", id_, exits=ExitCode.FAILURE)["instances"]
    assert proof["result"] != "proven"


def test_a_wrong_key_opens_nothing_and_changes_nothing(site: Site) -> None:
    id_ = site.start()
    backup = site.back_up(id_)
    said = site.wb("backup", id_, exits=ExitCode.FAILURE, WB_BACKUP_KEY="wrong").stderr
    assert "the key does not open the repository" in said
    assert site.backups() == [backup]


def test_a_host_without_the_key_makes_none_for_a_repository_that_is_there(site: Site) -> None:
    id_ = site.start()
    site.back_up(id_)
    key = site.root / "secrets" / "backup-key"
    kept = key.read_text()
    key.unlink()
    for words in (("backup", "list"), ("backup", id_), ("restore", id_, "--yes")):
        assert "WB_BACKUP_KEY" in site.ran(*words).stderr
    assert not key.exists()
    site.wb("backup", "list", WB_BACKUP_KEY=kept.strip())


def test_a_repository_that_is_gone_is_told_and_none_is_made_in_its_place(site: Site) -> None:
    id_ = site.start()
    site.back_up(id_)
    away = site.repository.rename(site.root / "away")
    for words in (("backup", "list"), ("backup", "check"), ("restore", id_, "--yes")):
        said = site.wb(*words, exits=ExitCode.FAILURE).stderr
        assert f"no repository at {site.repository}: the folder is not there" in said
        assert "Is its disk mounted?" in said
    for is_mount_point in (False, True):
        if is_mount_point:
            site.repository.mkdir()
        said = site.wb("backup", id_, exits=ExitCode.FAILURE).stderr
        assert f"where there were backups of {id_}" in said
        assert site.repository.exists() is is_mount_point
    assert not list(site.repository.iterdir())
    site.repository.rmdir()
    site.repository.touch()
    said = site.wb("backup", "list", exits=ExitCode.FAILURE).stderr
    assert f"no repository at {site.repository}: it is not a folder" in said
    site.repository.unlink()
    shutil.rmtree(away)
    said = site.wb("backup", id_, exits=ExitCode.FAILURE).stderr
    Path(said.partition("`rm ")[2].partition("`")[0]).unlink()
    assert "made the repository" in site.wb("backup", id_).stderr


def test_a_backup_whose_wb_is_killed_counts_for_nothing_and_the_next_is_whole(site: Site) -> None:
    id_ = site.start()
    first = site.back_up(id_)
    with site.started("backup", id_) as process:
        # The engine keeps a container that was made and not started, and nothing can end that one.
        wait_until(lambda: "running" in site.states_of_tasks(), "the backup works")
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait_until(lambda: not site.tasks(), "its containers are gone")
    assert site.backups() == [first]
    assert [site.back_up(id_), first] == site.backups()
    assert site.json("backup", "prove", id_)["instances"][0]["result"] == "proven"


def test_an_instance_that_does_not_become_healthy_gets_its_folders_back(
    site: Site, platforms: Platforms
) -> None:
    id_ = site.start()
    site.back_up(id_)
    site.sql(id_, "delete from kept where n > 10")
    site.change(id_, image=platforms("exits"))
    said = site.wb("restore", id_, "--yes", "--no-backup", exits=ExitCode.FAILURE).stderr
    assert "going back to the folders from before" in said
    site.change(id_, image=site.platform)
    site.wb("run", id_)
    assert site.count(id_) == "10"
    assert not list(site.folder(id_).glob(".*"))


def test_an_instance_of_a_lost_host_comes_back_on_a_new_one(
    site: Site, new_host: NewHost, tmp_path: Path
) -> None:
    id_ = site.start()
    site.back_up(id_)
    key = (site.root / "secrets" / "backup-key").read_text().strip()
    site.wb("stop", id_)
    fresh = new_host(_make(tmp_path / "fresh"))
    new = Site.at(fresh)
    shutil.copytree(site.repository, new.repository)
    subprocess.run(["rm", "-rf", site.folder(id_)], check=True)
    try:
        new.wb("restore", id_, "--yes", WB_BACKUP_KEY=key)
        assert new.count(id_) == "1000"
        assert [each["id"] for each in new.json("config", "list")["instances"]] == [id_]
        assert new.hidden(id_) == set()
    finally:
        new.ran("stop", id_)


def test_an_instance_that_does_not_run_is_not_backed_up(site: Site) -> None:
    id_ = site.prepare()
    said = site.wb("backup", id_, exits=ExitCode.FAILURE).stderr
    assert f"`wb run {id_}` starts it" in said


def test_only_the_parts_that_are_asked_for_come_back(site: Site) -> None:
    id_ = site.start()
    (site.folder(id_) / "assets" / "map").write_text("old")
    (site.folder(id_) / "sandbox" / "note").write_text("old")
    backup = site.back_up(id_)
    site.sql(id_, "delete from kept where n > 10")
    site.valkey(id_, "set", "key", "kept")
    (site.folder(id_) / "assets" / "map").write_text("new")
    (site.folder(id_) / "sandbox" / "note").write_text("new")
    only = ("--only", "assets", "--no-backup", "--yes", "--at", backup)
    (ended,) = site.json("restore", id_, *only)["instances"]
    assert ended["pieces"] == ["assets"]
    assert (site.folder(id_) / "assets" / "map").read_text() == "old"
    assert (site.folder(id_) / "sandbox" / "note").read_text() == "new"
    assert site.count(id_) == "10"
    assert site.valkey(id_, "get", "key") == "kept"
    site.wb("restore", id_, "--undo", "--yes")
    assert (site.folder(id_) / "assets" / "map").read_text() == "new"
    more = ("--only", "databases", "--only", "sandbox", "--no-backup", "--yes", "--at", backup)
    site.wb("restore", id_, *more)
    assert (site.folder(id_) / "assets" / "map").read_text() == "new"
    assert (site.folder(id_) / "sandbox" / "note").read_text() == "old"
    assert site.count(id_) == "1000"
    assert site.valkey(id_, "get", "key") == ""


def test_a_password_that_does_not_open_the_database_is_named_and_a_restore_sets_it(
    site: Site,
) -> None:
    id_ = site.start()
    site.back_up(id_)
    secrets = site.root / "secrets" / f"{id_}.json"
    secrets.write_text(json.dumps(json.loads(secrets.read_text()) | {"postgresPassword": "other"}))
    said = site.wb("backup", id_, exits=ExitCode.FAILURE).stderr
    assert "the password that wb has does not open the database" in said
    assert "POSTGRES_PASSWORD" in said
    assert not opens(site, id_)
    site.wb("backup", "prove", id_)
    said = site.wb("restore", id_, "--yes", "--no-backup").stderr
    assert f"it was set to that of {id_}" in said
    assert opens(site, id_)


def test_a_database_that_asks_its_own_machine_for_no_password_is_backed_up_all_the_same(
    site: Site,
) -> None:
    id_ = site.start()
    site.sql(id_, "alter role postgres password 'another'")
    trusting = "sed -i '1i host replication all 127.0.0.1/32 trust' $PGDATA/pg_hba.conf"
    site.container(f"{id_}-postgres").exec_run(["sh", "-c", trusting])
    site.sql(id_, "select pg_reload_conf()")
    said = site.wb("backup", id_).stderr
    assert "the password that wb has does not open the database" in said
    site.wb("restore", id_, "--yes", "--no-backup")
    assert opens(site, id_)


def opens(site: Site, id_: str) -> bool:
    """Whether the instance's own password opens its database at an address that asks for it."""
    secrets = json.loads((site.root / "secrets" / f"{id_}.json").read_text())
    ask = "psql -h $(hostname -i) -U postgres -wAtc 'select 1'"
    code, _ = site.container(f"{id_}-postgres").exec_run(
        ["sh", "-c", ask], environment={"PGPASSWORD": secrets["postgresPassword"]}
    )
    return bool(code == 0)


def _make(folder: Path) -> Path:
    folder.mkdir()
    return folder
