"""Going back to a moment: the WAL is received all the time, and replayed up to that moment."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from backup.receiving import (
    fill_segments,
    has_all,
    list_findings,
    now,
    receiver,
    stretches,
    write,
    written,
)
from backup.site import Site
from support.json_answers import check
from support.services import wait_until

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.backup


def test_a_receiver_outlives_every_start_of_postgresql_and_its_own_death(site: Site) -> None:
    id_ = site.start(pointInTime=True)
    wait_until(lambda: receiver(site, id_), "WAL comes")
    for name, end in (("postgres", "kill"), ("wal", "kill"), ("postgres", "restart")):
        before = site.container(f"{id_}-wal").id
        getattr(site.container(f"{id_}-{name}"), end)()
        site.wb("run", id_)  # what is killed by hand stays down: the engine takes it for a stop
        site.sql(id_, f"create table after_{name}_{end} (n int)")
        wait_until(lambda: has_all(site, id_), "all WAL has come")
        assert site.container(f"{id_}-wal").id == before
    assert len(stretches(site, id_)) == 1


def test_who_looks_from_outside_does_not_keep_the_receiver_from_looking(site: Site) -> None:
    id_ = site.start(pointInTime=True)
    wait_until(lambda: receiver(site, id_), "WAL comes")
    until = []
    for user in ("root", "postgres", "root"):
        code, said = site.container(f"{id_}-wal").exec_run(["sh", "/tmp/wal/look"], user=user)
        assert code == 0, said
        until.append(float(receiver(site, id_).split()[1]))
    assert until == sorted(set(until))


def test_the_socket_of_the_database_is_closed_to_other_users_of_the_machine(site: Site) -> None:
    id_ = site.start(pointInTime=True)
    folder = site.folder(id_) / "wal"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "socket" / ".s.PGSQL.5432").is_socket()


def test_the_field_can_be_set_and_taken_back_while_the_instance_runs(site: Site) -> None:
    id_ = site.start()
    platform = site.container(id_).id
    before = site.state(id_)
    site.wb("run", id_)
    assert site.state(id_) == before
    assert not (site.folder(id_) / "wal").exists()
    site.change(id_, pointInTime=True)
    site.wb("run", id_)
    wait_until(lambda: receiver(site, id_), "WAL comes")
    assert site.container(id_).id == platform
    site.change(id_, pointInTime=None)
    site.wb("run", id_)
    assert f"{id_}-wal" not in site.state(id_)
    assert site.count(id_) == "1000"


def restore(site: Site, id_: str, moment: str) -> dict[str, Any]:
    (ended,) = site.json("restore", id_, "--to", moment, "--yes", "--no-backup")["instances"]
    site.wb("restore", id_, "--accept", "--yes")
    return dict(ended)


def test_a_restore_to_a_moment_has_exactly_what_was_committed_before(
    site: Site, wordy: str
) -> None:
    write(site, wordy, "a")
    first = now(site, wordy)
    write(site, wordy, "b")
    assert restore(site, wordy, first)["result"] == "restored"
    assert written(site, wordy) == "a"
    write(site, wordy, "c")
    second = now(site, wordy)
    write(site, wordy, "d")
    restore(site, wordy, second)
    assert written(site, wordy) == "a c"


@pytest.mark.parametrize("image", ["old_postgres", "next_postgres"])
def test_another_major_version_goes_back_to_a_moment_as_well(
    site: Site, image: str, request: pytest.FixtureRequest
) -> None:
    id_ = site.start(pointInTime=True, postgresImage=request.getfixturevalue(image))
    site.sql(id_, "create table words (word text)")
    wait_until(lambda: receiver(site, id_), "WAL comes")
    site.back_up(id_)
    write(site, id_, "a")
    moment = now(site, id_)
    write(site, id_, "b")
    wait_until(lambda: has_all(site, id_), "all WAL has come")
    (proven,) = site.json("backup", "prove", id_)["instances"]
    assert (proven["result"], proven["wal"]["result"]) == ("proven", "proven"), proven
    assert restore(site, id_, moment)["result"] == "restored"
    assert written(site, id_) == "a"


def test_a_moment_that_is_not_there_is_refused_with_those_that_are(site: Site, wordy: str) -> None:
    before = site.state(wordy)
    for moment, why in (
        ("2020-01-01T00:00:00Z", "no backup that is followed by WAL is that old"),
        ("2120-01-01T00:00:00Z", "has not come yet"),
    ):
        said = site.wb("restore", wordy, "--to", moment, "--yes", exits=ExitCode.USAGE).stderr
        assert why in said
        assert "It can go back to: " in said
    assert site.state(wordy) == before


def test_a_moment_in_a_gap_is_refused_and_the_gap_is_named(site: Site, wordy: str) -> None:
    write(site, wordy, "a")
    before = now(site, wordy)
    site.container(f"{wordy}-wal").exec_run(["sh", "/tmp/wal/look"])
    site.container(f"{wordy}-wal").stop()
    site.sql(wordy, "select pg_drop_replication_slot('wb')")
    write(site, wordy, "lost")
    gone = now(site, wordy)
    for _ in range(3):  # what no slot holds is gone after two checkpoints
        site.sql(wordy, "select pg_switch_wal()")
        site.sql(wordy, "checkpoint")
        site.sql(wordy, "create table filler (n int); drop table filler")
    site.wb("run", wordy)
    wait_until(lambda: len(stretches(site, wordy)) == 2, "another stretch has begun")
    wait_until(lambda: has_all(site, wordy), "all WAL comes again")
    wait_until(lambda: receiver(site, wordy), "the receiver reports")
    assert "wal-gap" in list_findings(site, wordy)
    site.back_up(wordy)
    assert "wal-gap" not in list_findings(site, wordy)
    said = site.wb("restore", wordy, "--to", gone, "--yes", exits=ExitCode.USAGE).stderr
    assert "WAL is missing between" in said
    assert "WAL is missing after" in site.wb("logs", wordy, "wal").stdout
    assert restore(site, wordy, before)["result"] == "restored"
    assert written(site, wordy) == "a"


def test_a_restore_that_is_killed_while_it_replays_leaves_the_instance_as_it_was(
    site: Site, wordy: str
) -> None:
    write(site, wordy, "a")
    moment = now(site, wordy)
    write(site, wordy, "b")
    before = site.state(wordy)
    words = ("restore", wordy, "--to", moment, "--yes", "--no-backup")
    done = site.launch("kill", "amid replay", *words)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert site.state(wordy) == before
    assert written(site, wordy) == "a b"
    site.wb("run", wordy)
    assert ".restored" not in site.hidden(wordy)
    assert site.state(wordy) == before


def test_the_repository_alone_leads_to_a_moment_between_two_backups(site: Site, wordy: str) -> None:
    write(site, wordy, "a")
    moment = now(site, wordy)
    write(site, wordy, "b")
    site.back_up(wordy)
    write(site, wordy, "c")
    site.wb("stop", wordy)
    shutil.rmtree(site.folder(wordy))
    site.wb("restore", wordy, "--to", moment, "--yes")
    assert written(site, wordy) == "a"


def test_wal_that_came_late_is_fetched_when_the_replay_asks_for_it(
    site: Site, wordy: str, tmp_path: Path
) -> None:
    site.container(f"{wordy}-wal").stop()
    fill_segments(site, wordy, 4)
    write(site, wordy, "a")
    moment = now(site, wordy)
    fill_segments(site, wordy, 2)
    write(site, wordy, "b")
    site.container(f"{wordy}-wal").start()
    wait_until(lambda: has_all(site, wordy), "all WAL has come")
    site.back_up(wordy)
    site.wb("stop", wordy)
    shutil.rmtree(site.folder(wordy))
    words = ("restore", wordy, "--to", moment, "--yes")
    done = site.launch("list", str(tmp_path / "steps"), *words)
    assert done.returncode == 0, done.stderr
    assert written(site, wordy) == "a"
    steps = (tmp_path / "steps").read_text().splitlines()
    assert [step for step in steps if step.startswith("replay")] == ["replay", "replay (2)"]


def test_a_clone_is_as_the_instance_was_at_a_moment_and_the_instance_stays(
    site: Site, wordy: str
) -> None:
    write(site, wordy, "a")
    moment = now(site, wordy)
    write(site, wordy, "b")
    before = site.state(wordy)
    said = site.wb("backup", "list", wordy).stderr
    assert "it can go back to each moment from " in said
    listed = site.json("backup", "list", wordy)
    check("backup list", json.dumps(listed))
    assert [span["begin"] <= span["end"] for span in listed["moments"]] == [True]
    (ended,) = site.json("clone", wordy, f"{wordy}x", "--to", moment)["instances"]
    assert (ended["result"], "moment" in ended) == ("cloned", True)
    assert written(site, f"{wordy}x") == "a"
    assert site.state(wordy) == before


def test_wal_that_no_backup_needs_is_removed_after_a_backup(site: Site, wordy: str) -> None:
    folder = site.folder(wordy) / "wal" / "received" / stretches(site, wordy)[0]
    for word in ("a", "b"):
        write(site, wordy, word)
        site.sql(wordy, "select pg_switch_wal()")
    first = min(path.name for path in folder.iterdir())
    site.back_up(wordy)
    assert first in {path.name for path in folder.iterdir()}
    site.under({"WB_BACKUP_KEEP_WAL_DAYS": "0"}).wb("backup", wordy)
    kept = {path.name for path in folder.iterdir()}
    assert first not in kept
    assert any(name.endswith(".partial") for name in kept)
    assert not (folder.parent / ".kept").exists()


def test_a_slot_that_is_not_wanted_any_more_goes_with_the_next_backup(site: Site) -> None:
    id_ = site.start(pointInTime=True)
    wait_until(lambda: receiver(site, id_), "WAL comes")
    slots = "select count(*) from pg_replication_slots"
    assert site.sql(id_, slots) == "1"
    assert site.sql(id_, "show max_slot_wal_keep_size") == "2GB"
    site.change(id_, pointInTime=None)
    site.wb("run", id_)
    site.back_up(id_)
    assert site.sql(id_, slots) == "0"
