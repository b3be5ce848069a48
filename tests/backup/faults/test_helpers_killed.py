"""`kill -9` of the programs that work for wb: it fails, says so, and leaves nothing behind."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from backup.faults.programs import end, end_by, find
from backup.site import Site
from support.services import wait_until

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.backup

# Debian's is found through a wrapper.
PG_BASEBACKUP = r"^\S*pg_basebackup "
# So the copy takes half a minute.
SLOW = {"WB_BACKUP_LIMIT_READ": "1m"}
# Of zeros, and not on the disk: restic reads it for some seconds.
LARGE_BYTES = 4 * 1024**3
# A program is killed when it was seen for so long, so that it is in the middle of its work.
WORKED_S = 0.7


@pytest.fixture(scope="module")
def running(shared_site: Site) -> str:
    """An instance whose folders take a while to be stored."""
    id_ = shared_site.start()
    with (shared_site.folder(id_) / "assets" / "large").open("wb") as file:
        file.truncate(LARGE_BYTES)
    shared_site.back_up(id_)
    return id_


@pytest.fixture
def id_(shared_site: Site, running: str) -> Iterator[str]:
    """The instance. After each test it runs, with its data, and nothing is left of the command."""
    before = shared_site.backups()
    yield running
    wait_until(lambda: not shared_site.tasks(), "the containers of tasks are gone")
    assert shared_site.list_copies() == []
    assert shared_site.backups() == before
    assert is_well(shared_site, running)


def is_well(site: Site, id_: str) -> bool:
    (status,) = site.json("status", id_)["instances"]
    return bool(status["state"] == "running" and site.count(id_) == "1000")


def test_restic_killed_while_it_stores(shared_site: Site, id_: str) -> None:
    # Else restic would know the file from the last backup, and not read it again.
    os.utime(shared_site.folder(id_) / "assets" / "large")
    done = end(shared_site, "^restic .* backup ", "backup", id_, worked_s=WORKED_S)
    assert done.returncode == ExitCode.FAILURE
    assert "restic was ended from outside" in done.stderr


def test_pg_basebackup_killed_while_it_copies(shared_site: Site, id_: str) -> None:
    words = ("backup", id_, "--full")
    done = end(shared_site, PG_BASEBACKUP, *words, worked_s=WORKED_S, **SLOW)
    assert done.returncode == ExitCode.FAILURE
    assert "PostgreSQL could not be copied" in done.stderr
    assert "exit 1" not in done.stderr


def test_the_container_that_copies_killed(shared_site: Site, id_: str) -> None:
    def kill() -> None:
        wait_until(lambda: find(shared_site, PG_BASEBACKUP), "it copies")
        shared_site.tasks()[0].kill()

    done = end_by(shared_site, kill, "backup", id_, "--full", **SLOW)
    assert done.returncode == ExitCode.FAILURE
    assert "was ended from outside, while it worked (backup)" in done.stderr


def test_the_instance_s_own_postgresql_killed_while_it_is_copied(
    shared_site: Site, id_: str
) -> None:
    def kill() -> None:
        wait_until(lambda: find(shared_site, PG_BASEBACKUP), "it copies")
        os.kill(shared_site.inspect(f"{id_}-postgres")["State"]["Pid"], signal.SIGKILL)

    done = end_by(shared_site, kill, "backup", id_, "--full", **SLOW)
    assert done.returncode == ExitCode.FAILURE
    assert "PostgreSQL" in done.stderr
    wait_until(lambda: is_serving(shared_site, id_), "it comes back by its policy")


def is_serving(site: Site, id_: str) -> bool:
    return site.execute(f"{id_}-postgres", "psql", "-U", "postgres", "-c", "select 1")[0] == 0


@pytest.mark.parametrize(
    "pattern",
    [
        "^restic .* restore ",
        "^pg_verifybackup ",
        "^postgres -D /copy/data|bin/postgres -D /copy/data",
        r"^postgres: postgres .*\[local\]",
    ],
    ids=["restic", "pg_verifybackup", "the throw-away PostgreSQL", "a process of it"],
)
def test_a_trial_whose_program_is_killed_is_none(shared_site: Site, id_: str, pattern: str) -> None:
    done = end(shared_site, pattern, "backup", "prove", id_, "--json")
    assert done.returncode == ExitCode.FAILURE
    (proof,) = read_proofs(done.stdout)
    assert (proof["result"], "ended from outside" in proof["reason"]) == ("unknown", True), proof


def read_proofs(answer: str) -> list[dict[str, Any]]:
    return list(json.loads(answer)["instances"])


def test_afterwards_a_backup_is_made_and_proven(shared_site: Site, running: str) -> None:
    backup = shared_site.back_up(running)
    (proof,) = shared_site.json("backup", "prove", running)["instances"]
    assert (proof["result"], proof["backup"]) == ("proven", backup)
