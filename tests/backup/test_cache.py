"""What of Valkey's cache is backed up, and what a restored instance has of it."""

import pytest
from backup.site import Site

from wb_cli.backup.copying.cache import Saving, judge, refuse_log
from wb_cli.errors import WbError

ON = {"WB_BACKUP_CACHE": "1"}


@pytest.mark.parametrize(
    ("info", "saving"),
    [
        ({"rdb_bgsave_in_progress": "1", "rdb_last_bgsave_status": "ok"}, Saving.RUNS),
        ({"aof_rewrite_in_progress": "1"}, Saving.RUNS),
        ({"rdb_bgsave_in_progress": "0", "rdb_last_bgsave_status": "ok"}, Saving.DONE),
        ({"rdb_bgsave_in_progress": "0", "rdb_last_bgsave_status": "err"}, Saving.FAILED),
        ({}, Saving.FAILED),
    ],
)
def test_valkey_says_how_far_its_snapshot_is(info: dict[str, str], saving: Saving) -> None:
    assert judge(info) is saving


def test_a_cache_that_is_kept_as_a_log_is_refused_by_name() -> None:
    refuse_log({"aof_enabled": "0"})
    with pytest.raises(WbError, match="log of writes"):
        refuse_log({"aof_enabled": "1"})


@pytest.mark.backup
def test_a_restored_instance_has_the_cache_of_the_moment_before_the_copy(site: Site) -> None:
    id_ = site.start()
    site.valkey(id_, "set", "thing", "kept")
    (ended,) = site.under(ON).json("backup", id_)["instances"]
    assert ended["manifest"]["hasCache"]
    site.valkey(id_, "set", "thing", "newer")
    site.wb("restore", id_, "--yes", "--no-backup")
    assert site.valkey(id_, "get", "thing") == "kept"
    site.wb("restore", id_, "--undo", "--yes")
    assert site.valkey(id_, "get", "thing") == "newer"


@pytest.mark.backup
def test_a_cache_is_left_out_unless_it_is_wanted_and_a_log_in_any_case(site: Site) -> None:
    id_ = site.start()
    site.valkey(id_, "set", "thing", "kept")
    (ended,) = site.json("backup", id_)["instances"]
    assert not ended["manifest"]["hasCache"]
    site.wb("restore", id_, "--yes", "--no-backup")
    assert site.valkey(id_, "get", "thing") == ""
    site.valkey(id_, "config", "set", "appendonly", "yes")
    done = site.under(ON).wb("backup", id_)
    assert "the cache is left out: the cache is kept as a log of writes" in done.stderr
    assert "log of writes" in site.json("backup", "show", id_)["leftOut"]["valkey_data"]


@pytest.mark.backup
def test_a_backup_without_a_running_valkey_is_one_and_says_what_it_lacks(site: Site) -> None:
    id_ = site.start()
    site.container(f"{id_}-valkey").update(restart_policy={"Name": "no"})
    site.container(f"{id_}-valkey").stop()
    done = site.under(ON).wb("backup", id_)
    assert "the cache is left out: Valkey does not run" in done.stderr
    assert "backed up as" in done.stdout


@pytest.mark.backup
def test_folders_that_are_left_out_stay_as_they_are_and_are_never_shown_as_empty(
    site: Site,
) -> None:
    id_ = site.start()
    (site.folder(id_) / "assets" / "map").write_text("old")
    (site.folder(id_) / "sandbox" / "note").write_text("old")
    (ended,) = site.json("backup", id_, WB_BACKUP_LEAVE_OUT="assets")["instances"]
    assert ended["manifest"]["folders"] == ["sandbox"]
    assert (
        "left out: assets (the setting backup_leave_out)" in site.wb("backup", "show", id_).stdout
    )
    (site.folder(id_) / "assets" / "map").write_text("new")
    (site.folder(id_) / "sandbox" / "note").write_text("new")
    said = site.wb("restore", id_, "--yes", "--no-backup").stderr
    assert "assets is not in the backup (the setting backup_leave_out); it stays as it is" in said
    assert (site.folder(id_) / "assets" / "map").read_text() == "new"
    assert (site.folder(id_) / "sandbox" / "note").read_text() == "old"
