"""Ten instances that are written to, backed up together; then one is lost in each way."""

import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from backup.site import Site
from support.fixtures.hosts import NewHost
from support.services import wait_until

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.backup

COUNT = 10
# One transaction after another: a row is there for good when the next one is sent.
WRITING = """
psql -U postgres -Atqc 'create table written (n int primary key)'
(n=0; while :; do n=$((n+1)); echo "insert into written values ($n);"; sleep 0.1; done) |
    exec psql -U postgres -q
"""


@dataclass
class Fleet:
    """The instances, what each had acknowledged when its backup began, and when that was."""

    site: Site
    ids: list[str]
    acknowledged: dict[str, int]
    began: datetime
    backups: dict[str, str]

    def take(self) -> str:
        """Take an instance that no test has lost yet."""
        return self.ids.pop()

    def written(self, id_: str, site: Site | None = None) -> int:
        """The rows of an instance, none of which may be missing."""
        numbers = (site or self.site).sql(id_, "select count(*), max(n) from written")
        count, last = (int(number) for number in numbers.split("|"))
        assert count == last
        return last

    def is_back(self, id_: str, site: Site | None = None) -> bool:
        """Whether every row is there that was acknowledged before the backup began."""
        return self.written(id_, site) >= self.acknowledged[id_]


def start_writing(site: Site, id_: str) -> None:
    site.container(f"{id_}-postgres").exec_run(["sh", "-c", WRITING], detach=True)
    wait_until(lambda: has_rows(site, id_), f"{id_} is written to")


def has_rows(site: Site, id_: str) -> bool:
    words = ("psql", "-U", "postgres", "-Atc", "select 1 from written where n > 3")
    return site.execute(f"{id_}-postgres", *words)[1].startswith("1")


@pytest.fixture(scope="module")
def fleet(shared_site: Site) -> Fleet:
    site = shared_site
    ids = [site.prepare() for _ in range(COUNT)]
    for some in (ids[: COUNT // 2], ids[COUNT // 2 :]):
        site.wb("run", *some)
    for id_ in ids:
        start_writing(site, id_)
    acknowledged: dict[str, int] = {}
    backups: dict[str, str] = {}
    began = datetime.now(UTC)
    for some in (ids[: COUNT // 2], ids[COUNT // 2 :]):
        acknowledged |= {id_: int(site.sql(id_, "select max(n) from written")) for id_ in some}
        for ended in site.json("backup", *some, "--parallel", "2")["instances"]:
            assert ended["result"] == "backed up"
            backups[ended["manifest"]["instance"]] = ended["manifest"]["snapshot"]
    return Fleet(site, ids, acknowledged, began, backups)


def test_all_of_them_are_listed_and_were_written_to_all_the_while(fleet: Fleet) -> None:
    assert set(fleet.site.backups()) == set(fleet.backups.values())
    for id_, acknowledged in fleet.acknowledged.items():
        assert fleet.written(id_) > acknowledged


def test_a_folder_that_was_deleted_comes_back(fleet: Fleet) -> None:
    id_ = fleet.take()
    shutil.rmtree(fleet.site.folder(id_))
    fleet.site.wb("restore", id_, "--yes", "--no-backup")
    assert fleet.is_back(id_)


def test_a_corrupted_page_is_found_and_the_database_comes_back(fleet: Fleet) -> None:
    id_ = fleet.take()
    site = fleet.site
    site.sql(id_, "vacuum (freeze) written")
    site.sql(id_, "checkpoint")
    path = site.sql(id_, "select pg_relation_filepath('written')")
    with (site.folder(id_) / "databases" / "pgdata" / path).open("r+b") as file:
        file.seek(4000)
        file.write(b"damage")
    assert "checksum" in site.wb("backup", id_, "--full", exits=ExitCode.FAILURE).stderr
    said = site.wb("restore", id_, "--yes", exits=ExitCode.FAILURE).stderr
    assert "--no-backup" in said
    site.wb("restore", id_, "--yes", "--no-backup")
    assert fleet.is_back(id_)


def test_a_valkey_whose_data_is_gone_costs_no_row(fleet: Fleet) -> None:
    id_ = fleet.take()
    site = fleet.site
    before = fleet.written(id_)
    subprocess.run(["rm", "-rf", site.folder(id_) / "valkey_data"], check=True)
    site.container(f"{id_}-valkey").kill(signal.SIGKILL)
    site.wb("init-dirs", id_)
    site.wb("run", id_)
    assert site.valkey(id_, "ping") == "PONG"
    assert fleet.written(id_) >= before


def test_a_wrong_restore_is_undone(fleet: Fleet) -> None:
    id_ = fleet.take()
    site = fleet.site
    before = fleet.written(id_)
    site.wb("restore", id_, "--yes", "--no-backup")
    assert fleet.acknowledged[id_] <= fleet.written(id_) < before
    site.wb("restore", id_, "--undo", "--yes")
    assert fleet.written(id_) >= before
    assert site.hidden(id_) == set()


def test_a_lost_host_comes_back_with_nothing_but_the_repository_and_its_key(
    fleet: Fleet, new_host: NewHost, tmp_path: Path
) -> None:
    id_ = fleet.take()
    site = fleet.site
    key = (site.root / "secrets" / "backup-key").read_text().strip()
    site.wb("stop", id_)
    subprocess.run(["rm", "-rf", site.folder(id_)], check=True)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    new = Site.at(new_host(fresh)).under({"WB_BACKUP_REPOSITORY": str(site.repository)})
    try:
        new.wb("restore", id_, "--yes", WB_BACKUP_KEY=key)
        assert fleet.is_back(id_, new)
        assert [each["id"] for each in new.json("config", "list")["instances"]] == [id_]
    finally:
        new.ran("stop", id_)


def test_the_figures_that_are_shown_are_those_that_are_measured(fleet: Fleet) -> None:
    id_ = fleet.take()
    site = fleet.site
    began = time.monotonic()
    (proof,) = site.json("backup", "prove", id_)["instances"]
    took_s = time.monotonic() - began
    assert proof["result"] == "proven"
    (shown,) = site.json("status", id_, "--wide")["instances"]
    proven = shown["backup"]["proven"]
    # What was written since the backup would be lost, and nothing from before it.
    assert fleet.began <= datetime.fromisoformat(proven["time"]) <= datetime.now(UTC)
    assert proven["restoreSeconds"] == pytest.approx(proof["restoreSeconds"], abs=0.1)
    assert 0 < proven["restoreSeconds"] <= took_s
    lost = fleet.written(id_)
    site.wb("restore", id_, "--yes", "--no-backup")
    assert fleet.acknowledged[id_] <= fleet.written(id_) <= lost
