"""The WAL that follows a backup is tried with it: what is damaged or missing is told."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from backup.faults.programs import end
from backup.receiving import fill_segments, has_all, list_findings, now, stretches, write, written
from backup.site import Site
from support.json_answers import check
from support.services import wait_until

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.backup

# Of a page of WAL in the middle of a segment.
MIDDLE = 8 * 1024**2 + 100


def received(site: Site, id_: str) -> list[Path]:
    """The segments of the last stretch on the disk, that are complete."""
    folder = site.folder(id_) / "wal" / "received" / stretches(site, id_)[-1]
    return sorted(path for path in folder.iterdir() if len(path.name) == 24)


def prove(site: Site, id_: str, *words: str, exits: int = 0) -> dict[str, Any]:
    answer = site.json("backup", "prove", id_, *words, exits=exits)
    check("backup prove", json.dumps(answer))
    (proof,) = answer["instances"]
    return dict(proof)


def test_wal_is_replayed_to_its_end_and_the_moment_is_shown(site: Site, wordy: str) -> None:
    fill_segments(site, wordy, 2)
    write(site, wordy, "a")
    moment = now(site, wordy)
    wait_until(lambda: has_all(site, wordy), "all WAL has come")
    before = site.state(wordy)
    proof = prove(site, wordy)
    assert (proof["result"], proof["wal"]["result"]) == ("proven", "proven"), proof
    assert proof["wal"]["until"][:19] >= moment[:19].replace(" ", "T")
    (listed,) = site.json("backup", "list", wordy)["backups"]
    assert listed["proof"]["wal"] == {"result": "proven", "until": proof["wal"]["until"]}
    (status,) = site.json("status", wordy, "--wide")["instances"]
    assert status["backup"]["proven"]["walUntil"] == proof["wal"]["until"]
    assert ", WAL until " in site.wb("backup", "list", wordy).stdout
    assert site.state(wordy) == before


def test_the_wal_of_the_repository_is_tried_without_the_instance(site: Site, wordy: str) -> None:
    (first,) = site.backups()
    fill_segments(site, wordy, 2)
    write(site, wordy, "a")
    moment = now(site, wordy)
    site.back_up(wordy)
    site.wb("stop", wordy)
    shutil.rmtree(site.folder(wordy))
    site.wb("config", "remove", wordy, "--yes")
    proof = prove(site, wordy, "--at", first)
    assert (proof["result"], proof["wal"]["result"]) == ("proven", "proven"), proof
    assert proof["wal"]["until"][:19] >= moment[:19].replace(" ", "T")


def test_a_damaged_segment_fails_the_wal_and_no_restore_ends_before_it(
    site: Site, wordy: str
) -> None:
    fill_segments(site, wordy, 2)
    write(site, wordy, "a")
    moment = now(site, wordy)
    wait_until(lambda: has_all(site, wordy), "all WAL has come")
    with received(site, wordy)[-2].open("r+b") as file:
        file.seek(MIDDLE)
        file.write(bytes(range(256)))
    proof = prove(site, wordy, exits=ExitCode.FAILURE)
    assert (proof["result"], proof["wal"]["result"]) == ("proven", "failed"), proof
    assert "WAL" in proof["wal"]["reason"]
    found = list_findings(site, wordy)
    assert "wal-bad" in found
    assert not found & {"not-known", "wal-gap", "wal-held", "wal-large"}
    before = site.state(wordy)
    words = ("restore", wordy, "--to", moment, "--yes", "--no-backup")
    said = site.wb(*words, exits=ExitCode.FAILURE).stderr
    assert "the WAL could not be replayed up to" in said
    assert (site.state(wordy), written(site, wordy)) == (before, "a")


def test_a_replay_that_is_killed_says_nothing_of_the_wal(site: Site, wordy: str) -> None:
    fill_segments(site, wordy, 4)
    wait_until(lambda: has_all(site, wordy), "all WAL has come")
    done = end(site, "postgres -D /copy/data.replayed", "backup", "prove", wordy, "--json")
    assert done.returncode == ExitCode.FAILURE
    (proof,) = json.loads(done.stdout)["instances"]
    assert (proof["result"], proof["wal"]["result"]) == ("proven", "unknown"), proof
    assert "ended from outside" in proof["wal"]["reason"]
    assert site.list_copies() == []


def test_a_segment_that_is_gone_fails_the_wal(site: Site, wordy: str) -> None:
    fill_segments(site, wordy, 3)
    wait_until(lambda: has_all(site, wordy), "all WAL has come")
    gone = received(site, wordy)[-2]
    gone.unlink()
    proof = prove(site, wordy, exits=ExitCode.FAILURE)
    assert (proof["result"], proof["wal"]["result"]) == ("proven", "failed"), proof
    assert "the WAL ends in" in proof["wal"]["reason"]
