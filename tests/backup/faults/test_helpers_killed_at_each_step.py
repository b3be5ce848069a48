"""`kill -9` of the container that works, at each step of a backup, a trial, a clone and a restore.

The command fails, or does without. The instance serves on, or wb says which command starts it.
"""

import subprocess
from collections.abc import Iterator

import pytest
from backup.faults.steps import BACKUP, CLONE, FETCHED, PROOF
from backup.site import Site
from support.services import wait_until
from support.wb_host import free_pair_of_ports

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.backup

OLD, ROWS = "10", "1000"


@pytest.fixture(scope="module")
def running(shared_site: Site) -> str:
    """An instance whose last backup is one of changes, with 1,000 rows."""
    id_ = shared_site.start()
    (shared_site.folder(id_) / "assets" / "map").write_text("mine")
    shared_site.back_up(id_)
    shared_site.back_up(id_)
    return id_


@pytest.fixture
def id_(shared_site: Site, running: str) -> Iterator[str]:
    """The instance. After each test nothing is left of the command."""
    yield running
    wait_until(lambda: not shared_site.tasks(), "the containers of tasks are gone")
    assert shared_site.hidden(running) == set()


def cut(site: Site, step: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Kill the container of a step. A short one may have ended just before."""
    done = site.launch(f"cut:{site.labels}", f"amid {step}", *words)
    assert "Traceback" not in done.stderr
    assert "fault of wb" not in done.stderr
    said = done.stdout + done.stderr
    assert done.returncode == 0 or "error:" in said or "could not be checked" in said, said
    return done


@pytest.mark.parametrize("step", BACKUP)
def test_a_backup_fails_and_the_next_one_is_proven(shared_site: Site, id_: str, step: str) -> None:
    before, state = shared_site.backups(), shared_site.state(id_)
    done = cut(shared_site, step, "backup", id_)
    new = [backup for backup in shared_site.backups() if backup not in before]
    # The manifest may have been written already.
    assert len(new) <= 1
    assert new or done.returncode == ExitCode.FAILURE
    for backup in new:
        (proof,) = shared_site.json("backup", "prove", id_, "--at", backup)["instances"]
        assert proof["result"] == "proven"
    assert shared_site.state(id_) == state
    shared_site.wb("backup", id_)
    assert shared_site.list_copies() == []


@pytest.mark.parametrize("step", PROOF)
def test_a_trial_says_nothing_of_the_backup(shared_site: Site, id_: str, step: str) -> None:
    state = shared_site.state(id_)
    cut(shared_site, step, "backup", "prove", id_)
    listed = shared_site.json("backup", "list", id_)["backups"]
    assert "failed" not in {each["proof"]["result"] for each in listed if each["proof"]}
    assert shared_site.state(id_) == state
    (proof,) = shared_site.json("backup", "prove", id_)["instances"]
    assert proof["result"] == "proven"
    assert shared_site.list_copies() == []


@pytest.mark.parametrize("step", CLONE)
def test_a_clone_leaves_nothing_or_can_be_begun_anew(
    shared_site: Site, id_: str, step: str
) -> None:
    state, new = shared_site.state(id_), f"{id_}-{CLONE.index(step)}"
    words = ("clone", id_, new, "--port", str(free_pair_of_ports()))
    done = cut(shared_site, step, *words)
    assert shared_site.state(id_) == state
    if done.returncode:
        declared = [each["id"] for each in shared_site.json("config", "list")["instances"]]
        assert (new in declared) == shared_site.folder(new).exists()
        shared_site.wb("run", new) if step == "accept" else shared_site.wb(*words)
    assert shared_site.count(new) == ROWS
    shared_site.wb("stop", new)


@pytest.mark.parametrize("step", FETCHED)
def test_a_restore_leaves_the_instance_as_it_was_or_says_what_starts_it(
    shared_site: Site, id_: str, step: str
) -> None:
    backup = shared_site.back_up(id_)
    shared_site.sql(id_, "delete from kept where n > 10")
    words = ("restore", id_, "--yes", "--no-backup", "--at", backup)
    done = cut(shared_site, step, *words)
    (status,) = shared_site.json("status", id_)["instances"]
    if status["state"] != "running":
        assert f"`wb run {id_}`" in done.stderr.replace("\n", " ")
        shared_site.wb("run", id_)
    if done.returncode and ".before-restore" not in shared_site.hidden(id_):
        assert shared_site.count(id_) == OLD
        shared_site.wb(*words)
    shared_site.wb("restore", id_, "--accept", "--yes")
    assert shared_site.count(id_) == ROWS
