"""Copies of what changed: made of real instances, proven, and brought back."""

from typing import Any

import pytest
from backup.site import Site
from support.services import wait_until

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.backup


def make(site: Site, id_: str, *words: str, **environ: str) -> dict[str, Any]:
    """A backup of an instance: its manifest."""
    (ended,) = site.under(environ).json("backup", id_, *words)["instances"]
    return dict(ended["manifest"])


def prove(site: Site, id_: str) -> tuple[str, str]:
    (proof,) = site.json("backup", "prove", id_)["instances"]
    return proof["result"], proof["backup"]


def test_after_a_whole_copy_only_what_changed_is_copied_and_both_come_back(site: Site) -> None:
    id_ = site.start()
    started = site.sql(id_, "select pg_postmaster_start_time()")
    whole = make(site, id_)
    assert (whole["base"], "until now" in whole["whyWhole"]) == ("", True)
    site.sql(id_, "insert into kept values (0); create table later as select 1 as n")
    changes = make(site, id_)
    assert (changes["base"], changes["whyWhole"]) == (whole["snapshot"], "")
    assert changes["bytes"] < whole["bytes"] / 1.5  # most of it is a file of WAL
    assert site.sql(id_, "select pg_postmaster_start_time()") == started
    assert prove(site, id_) == ("proven", changes["snapshot"])
    listed = site.json("backup", "list", id_)["backups"]
    assert [each["base"] for each in listed] == [whole["snapshot"], None]
    site.sql(id_, "drop table kept, later")
    site.wb("restore", id_, "--yes", "--no-backup")
    assert (site.count(id_), site.sql(id_, "select n from later")) == ("1001", "1")
    assert [path.name for path in (site.folder(id_) / "databases").iterdir()] == ["pgdata"]


def test_what_was_restored_is_copied_whole_as_its_content_took_another_way(site: Site) -> None:
    id_ = site.start()
    first = make(site, id_, "--full")
    site.sql(id_, "insert into kept select generate_series(1, 1000)")
    later = make(site, id_, "--full")
    site.wb("restore", id_, "--yes", "--no-backup", "--at", first["snapshot"])
    # The restored cluster has the identifier and the timeline of the later copy, and goes past it.
    site.sql(id_, "create table other as select generate_series(1, 100000) as n; checkpoint")
    made = make(site, id_)
    assert made["base"] == ""
    assert made["whyWhole"].startswith(f"{later['snapshot'][:8]}, the last whole one, is of anothe")
    site.wb("restore", id_, "--undo", "--yes")
    again = make(site, id_)
    assert (again["base"], "is of another data folder" in again["whyWhole"]) == ("", True)
    assert prove(site, id_) == ("proven", again["snapshot"])


def test_a_restart_takes_nothing_from_the_next_copy_of_changes(site: Site) -> None:
    id_ = site.start()
    whole = make(site, id_)
    site.wb("stop", id_)
    site.wb("run", id_)
    assert make(site, id_)["base"] == whole["snapshot"]


def test_where_postgres_refuses_the_changes_everything_is_copied(site: Site) -> None:
    id_ = site.start()
    position = make(site, id_)["walPosition"]
    site.sql(id_, "checkpoint")
    written = f"select count(*) from pg_available_wal_summaries() where end_lsn > '{position}'"
    wait_until(lambda: site.sql(id_, written) != "0", "what changed is written down")
    folder = site.folder(id_) / "databases" / "pgdata" / "pg_wal" / "summaries"
    for path in folder.iterdir():
        path.unlink()
    made = make(site, id_)
    assert made["base"] == ""
    assert "summaries" in made["whyWhole"]
    assert prove(site, id_) == ("proven", made["snapshot"])


def test_a_setting_and_an_option_ask_for_whole_copies(site: Site) -> None:
    id_ = site.start()
    make(site, id_)
    assert make(site, id_, "--full")["whyWhole"] == "--full asks for it"
    made = make(site, id_, WB_BACKUP_FULL_EVERY="0")
    assert made["whyWhole"] == "the setting backup_full_every is 0"


def test_changes_whose_whole_copy_is_gone_are_no_backup(site: Site) -> None:
    id_ = site.start()
    whole = make(site, id_)
    changes = make(site, id_)
    assert changes["base"]
    site.restic("forget", whole["snapshot"])
    answer = site.json("backup", "list")
    assert (answer["backups"], answer["unfinished"]) == ([], 1)
    site.wb("restore", id_, "--yes", exits=ExitCode.USAGE)
    assert make(site, id_)["whyWhole"] == "it is the first one"
