"""Backups of real instances over time: forgotten by rules, tried by turns, and shown."""

import json
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from backup.site import Site
from support.json_answers import check
from support.services import wait_until
from support.wb_host import Host

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.backup

NO_RULE = ("--keep-last", "0", "--keep-daily", "0", "--keep-weekly", "0", "--keep-monthly", "0")


@pytest.fixture
def site(host: Host) -> Site:
    return Site(host.root, host.client, host.labels, host.platform, host.entries)


@pytest.fixture(autouse=True)
def _nothing_is_left(site: Site) -> Iterator[None]:
    yield
    wait_until(lambda: not site.tasks(), "the containers of tasks are gone")
    assert not any((site.mount_path / ".wb-backup").glob("*"))


def answer(site: Site, *words: str, exits: int = 0, **environ: str) -> Any:
    done = site.wb(*words, "--json", exits=exits, **environ)
    return check(" ".join(words[:2]), done.stdout)


def status(site: Site, id_: str) -> Any:
    document = check("status", site.wb("status", id_, "--wide", "--json").stdout)
    return document["instances"][0].get("backup")


def findings(site: Site, id_: str) -> set[str]:
    document = json.loads(site.ran("doctor", id_, "--json").stdout)
    return {each["code"] for each in document["findings"] if each["code"].startswith("backup")}


def test_backups_are_forgotten_but_for_the_newest_and_the_last_proven_one(site: Site) -> None:
    id_ = site.start()
    (site.folder(id_) / "assets" / "map [1]*.txt").write_text("old map")
    (site.folder(id_) / "sandbox" / "empty").touch()
    assert "never looked at" in status(site, id_)["problem"]
    proven = site.back_up(id_)
    assert findings(site, id_) == set()
    (proof,) = answer(site, "backup", "prove")["instances"]
    assert (proof["result"], proof["backup"]) == ("proven", proven)
    site.sql(id_, "create table large as select generate_series(1, 100000) as n")
    middle = site.back_up(id_)
    site.sql(id_, "drop table large")
    newest = site.back_up(id_)

    planned = answer(site, "backup", "forget", "--dry-run", *NO_RULE)["instances"][0]
    assert planned["result"] == "planned"
    assert [each["backup"] for each in planned["gone"]] == [middle]
    assert {each["backup"]: each["reasons"] for each in planned["kept"]} == {
        newest: ["newest"],
        proven: ["proven", "base"],  # the newest has only what changed since
    }
    said = site.wb("backup", "forget", id_, *NO_RULE, exits=ExitCode.USAGE).stderr
    assert "Add --yes to go on" in said
    assert site.backups() == [newest, middle, proven]

    done = answer(site, "backup", "forget", id_, "--yes", *NO_RULE)
    assert done["instances"][0]["result"] == "forgotten"
    assert done["isPruned"]
    assert done["freedBytes"] > 0
    assert site.backups() == [newest, proven]
    site.wb("backup", "check", "--read", "100%")
    seen = status(site, id_)
    assert seen["proven"]["restoreSeconds"] == pytest.approx(proof["restoreSeconds"], abs=0.1)
    assert seen["newest"] > seen["proven"]["time"]
    site.wb("restore", id_, "--yes", "--no-backup", "--at", proven)
    assert site.count(id_) == "1000"
    assert (site.folder(id_) / "assets" / "map [1]*.txt").read_text() == "old map"

    again = answer(site, "backup", "forget", "--yes")
    assert again["instances"][0]["result"] == "nothing to forget"
    assert not again["isPruned"]


def test_the_copy_of_a_backup_that_was_killed_is_removed(site: Site) -> None:
    id_ = site.start()
    site.back_up(id_)
    staging = site.mount_path / ".wb-backup" / id_ / "data"
    with site.started("backup", id_) as process:
        wait_until(staging.is_dir, "it copies")
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait_until(lambda: not site.tasks(), "its containers are gone")
    assert "backup-failed" in findings(site, id_)
    assert staging.is_dir()
    (done,) = answer(site, "backup", "forget", "--yes")["instances"]
    assert (done["result"], done["freedStaging"], done["gone"]) == ("forgotten", True, [])
    assert not staging.parent.exists()


def test_a_backup_without_room_for_its_trial_is_not_proven(site: Site) -> None:
    id_ = site.start()
    site.back_up(id_)
    (proof,) = answer(site, "backup", "prove", "--disk", "6m", exits=1)["instances"]
    assert proof["result"] == "unknown"
    assert "a trial may take 6.0 MiB" in proof["reason"]
    assert status(site, id_)["proven"] is None
    site.wb("backup", "prove", "--disk", "much", exits=ExitCode.USAGE)


def test_files_that_are_lost_in_the_repository_are_found(site: Site) -> None:
    id_ = site.start()
    (site.folder(id_) / "assets" / "map").write_bytes(bytes(range(256)) * 4096)
    backup = site.back_up(id_)
    shown = answer(site, "backup", "show", id_)
    assert shown["contents"]["assets"] == {"files": 1, "bytes": 1024**2}
    assert shown["contents"]["sandbox"]["files"] == 0
    (proof,) = answer(site, "backup", "prove", id_)["instances"]
    assert (proof["backup"], proof["result"]) == (backup, "proven")


def test_two_instances_are_tried_by_turns(site: Site) -> None:
    first, second = site.start(), site.start()
    site.wb("backup", first, second)
    tried = [answer(site, "backup", "prove", "--limit", "1")["instances"][0] for _ in range(2)]
    assert {each["id"] for each in tried} == {first, second}
    assert [each["result"] for each in tried] == ["proven", "proven"]
    site.wb("stop", second)
    made = answer(site, "backup", "make", "all", "--present")["instances"]
    assert [each["id"] for each in made] == [first]


def test_what_fails_is_loud(site: Site, tmp_path: Path) -> None:
    id_ = site.start()
    heard = tmp_path / "heard"
    hook = f"sh -c {shlex.quote(f'cat > {heard}')}"
    site.wb("backup", id_, WB_BACKUP_HOOK=hook)
    told = json.loads(heard.read_text())
    assert (told["command"], told["exitCode"]) == ("backup", 0)
    assert told["instances"][0]["manifest"]["instance"] == id_
    site.wb("backup", id_, exits=ExitCode.FAILURE, WB_BACKUP_KEY="wrong", WB_BACKUP_HOOK=hook)
    assert "the key does not open" in heard.read_text()
    site.wb("backup", "list", exits=ExitCode.FAILURE, WB_BACKUP_KEY="wrong")
    assert "the key does not open" in status(site, id_)["problem"]
    unknown = json.loads(site.ran("doctor", id_, "--json").stdout)["findings"]
    assert any("the key does not open" in each["what"] for each in unknown)
    site.wb("backup", "list")
    assert status(site, id_)["proven"] is None
    other = site.start()
    site.wb("backup", "list")
    assert findings(site, other) == {"backup-missing"}
