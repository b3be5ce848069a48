"""Locks of the repository: the dead ones go, the living ones stay and are named."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from backup.made_lock import make_lock
from backup.site import Site

from wb_cli.backup.complaints import judge
from wb_cli.backup.locks import Lock
from wb_cli.backup.repository import Repository
from wb_cli.backup.restic import Restic
from wb_cli.backup.unlock import split
from wb_cli.engine.task import TaskEnd, TaskSpec
from wb_cli.errors import ExitCode, LockedError
from wb_cli.secret import Secret

REFUSED = (
    "unable to create lock in backend: repository is already locked{} by PID 7 on far by root "
    "(UID 0, GID 0)\nlock was created at 2026-11-27 11:52:45 (11m5.4098s ago)\nstorage ID aa16"
)
KNOWN, UNREAD, GONE = "a" * 64, "b" * 64, "c" * 64


@pytest.mark.parametrize("how", ["", " exclusively"])
def test_a_refusal_names_whose_lock_it_is_how_old_and_the_way_out(how: str) -> None:
    with pytest.raises(LockedError) as refused:
        judge(TaskEnd(11, (REFUSED.format(how),)), "/srv/backups")
    assert refused.value.message.endswith(
        "process 7 on far by root has locked it, and gave a sign of life 11m5s ago"
    )
    assert "`wb backup unlock`" in refused.value.hint


def test_words_of_an_unknown_form_are_passed_on() -> None:
    with pytest.raises(LockedError, match="locked by a stranger"):
        judge(TaskEnd(11, ("locked by a stranger",)), "/srv/backups")


def test_a_lock_that_came_meanwhile_is_left_and_one_that_went_is_removed() -> None:
    one, two, three = Lock("1"), Lock("2"), Lock("3")
    done = split("/srv/backups", [one, two], [two, three])
    assert (done.removed, done.left) == ([one], [two, three])


class Engine:
    """An engine on which restic lists three locks: one cannot be read, one goes meanwhile."""

    def __init__(self) -> None:
        self.ids = [KNOWN, UNREAD, GONE]

    def run_task(self, spec: TaskSpec, on_line: Any, _: Any) -> TaskEnd:
        if "list" in spec.command:
            for line in ("repository opened", *self.ids):
                on_line(line)
        elif spec.command[-1] == KNOWN:
            on_line("{")
            on_line('"hostname": "far", "pid": 7, "username": "root", "time": "2026-01-01"}')
        else:
            if GONE in self.ids and spec.command[-1] == GONE:
                self.ids.remove(GONE)
            return TaskEnd(1)
        return TaskEnd(0)


def test_a_lock_that_cannot_be_read_is_listed_and_one_that_went_is_not() -> None:
    repository = Repository("/srv/backups", Secret("k"), "restic:1")
    locks = Restic(cast("Any", Engine()), repository, threading.Event()).list_locks()
    assert [lock.id for lock in locks] == [KNOWN, UNREAD]
    assert (locks[0].hostname, locks[0].pid, locks[1].time) == ("far", 7, "")
    assert "cannot be read" in str(locks[1])


@pytest.fixture(scope="module")
def copied(shared_site: Site, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A machine with a repository and a copy of it."""
    copy = tmp_path_factory.mktemp("copy")
    site = shared_site.under({"WB_BACKUP_COPIES": str(copy)})
    site.back_up(site.start())
    return site


def list_locks(place: Path) -> set[str]:
    return {path.name for path in (place / "locks").iterdir()}


@pytest.mark.backup
def test_a_lock_of_a_host_that_died_goes_and_a_living_one_stays_until_all_are_asked_for(
    copied: Site,
) -> None:
    now = datetime.now(UTC)
    dead = make_lock(copied, "burnt", now - timedelta(hours=2))
    alive = make_lock(copied, "busy", now)
    here, there = copied.json("backup", "unlock")["places"]
    assert [(lock["id"], lock["host"]) for lock in here["removed"]] == [(dead, "burnt")]
    assert [(lock["id"], lock["process"]) for lock in here["left"]] == [(alive, 4711)]
    assert (there["removed"], there["left"], there["error"]) == ([], [], None)
    assert list_locks(copied.repository) == {alive}

    refused = copied.wb("backup", "unlock", "--all", exits=ExitCode.USAGE)
    assert "process 4711 on busy by root" in refused.stderr
    assert "--yes" in refused.stderr
    assert list_locks(copied.repository) == {alive}
    said = copied.wb("backup", "unlock", "--all", "--yes").stdout
    assert f"removed lock {alive[:8]}" in said
    assert list_locks(copied.repository) == set()
    assert "no lock" in copied.wb("backup", "unlock").stdout


@pytest.mark.backup
def test_a_place_that_cannot_be_read_is_told_and_the_other_is_unlocked(copied: Site) -> None:
    make_lock(copied, "burnt", datetime.now(UTC) - timedelta(hours=2))
    site = copied.under({"WB_BACKUP_COPIES": str(copied.root / "nowhere")})
    here, there = site.json("backup", "unlock", exits=ExitCode.PARTIAL)["places"]
    assert len(here["removed"]) == 1
    assert "nowhere" in there["error"]["message"]
    assert "left" not in there
    assert list_locks(copied.repository) == set()
