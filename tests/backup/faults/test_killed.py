"""`kill -9` of wb at each step of a backup, a trial and a clone: the next one goes on.

Each kill follows the last one, so the command that is killed at a step has done the steps before it
on what the kill before it has left.
"""

import signal
from dataclasses import dataclass

import pytest
from backup.faults.steps import BACKUP, CLONE, PROOF
from backup.site import Site
from support.services import wait_until
from support.wb_host import free_pair_of_ports

pytestmark = pytest.mark.backup

# A copy that was left is removed first, so the removal of a command's own copy is the second one.
OWN_REMOVAL = {"remove": "remove (2)"}
# What clones do up to here is done anew by the next one.
IN_PLACE = CLONE.index("in")
ROWS = "1000"


@dataclass(frozen=True)
class Source:
    """An instance that runs, and has a whole backup."""

    site: Site
    id: str
    containers: dict[str, str]

    def serves_on(self) -> bool:
        """Whether its containers are those from the beginning, never stopped, with their data."""
        now = read_starts(self.site, self.id)
        return now == self.containers and self.site.count(self.id) == ROWS


@pytest.fixture(scope="module")
def source(shared_site: Site) -> Source:
    id_ = shared_site.start()
    (shared_site.folder(id_) / "assets" / "map").write_text("mine")
    shared_site.back_up(id_)
    return Source(shared_site, id_, read_starts(shared_site, id_))


def read_starts(site: Site, id_: str) -> dict[str, str]:
    """When each container of an instance was started."""
    return {
        each.name: each.attrs["State"]["StartedAt"]
        for each in site.containers(id_)
        if each.status == "running"
    }


def kill(site: Site, moment: str, *words: str) -> None:
    """Kill a command at a moment, and wait until nothing works for it any more."""
    done = site.launch("kill", moment, *words)
    assert done.returncode == -signal.SIGKILL, f"{moment} did not come: {done.stderr}"
    wait_until(lambda: not site.tasks(), f"the containers of tasks are gone after {moment}")


def finish(site: Site, *words: str) -> tuple[str, ...]:
    """Run a command to its end, and give its steps."""
    steps = site.root / "steps"
    done = site.launch("list", str(steps), *words)
    assert done.returncode == 0, done.stderr
    return tuple(steps.read_text().splitlines())


def test_a_backup_killed_at_any_step_counts_whole_or_not_at_all(source: Source) -> None:
    site, words = source.site, ("backup", source.id)
    first = site.backups()
    for step in BACKUP:
        before = site.backups()
        kill(site, f"amid {OWN_REMOVAL.get(step, step)}", *words)
        assert source.serves_on()
        new = [backup for backup in site.backups() if backup not in before]
        assert not new or step in {"store manifest.json", "snapshots (2)"}, f"{step}: {new}"
    assert finish(site, *words) == BACKUP
    assert site.list_copies() == []
    assert site.backups()[-len(first) :] == first
    for backup in site.backups()[: -len(first)]:
        (proof,) = site.json("backup", "prove", source.id, "--at", backup)["instances"]
        assert proof["result"] == "proven"
    assert source.serves_on()


def test_a_trial_killed_at_any_step_says_nothing_and_the_next_one_ends(source: Source) -> None:
    site, words = source.site, ("backup", "prove", source.id)
    backup = site.back_up(source.id)
    for step in PROOF:
        kill(site, f"amid {OWN_REMOVAL.get(step, step)}", *words)
        assert source.serves_on()
        if step in {"examine", "read"}:
            assert site.list_copies() == [f"{source.id}.proof"]
            assert "backup-trial-cut-off" in site.ran("doctor").stdout
        newest = site.json("backup", "list", source.id)["backups"][0]
        assert newest["id"] == backup
        assert not newest["proof"] or step in {"store proof", "snapshots (2)"}, step
    assert finish(site, *words) == PROOF
    assert site.list_copies() == []
    (newest, *_) = site.json("backup", "list", source.id)["backups"]
    assert newest["proof"]["result"] == "proven"


def test_a_clone_killed_at_any_step_before_its_data_is_there_begins_anew(source: Source) -> None:
    site, new = source.site, f"{source.id}-new"
    site.back_up(source.id)
    words = ("clone", source.id, new, "--port", str(free_pair_of_ports()))
    for step in CLONE[:IN_PLACE]:
        kill(site, f"amid {step}", *words)
        assert source.serves_on()
        is_declared = new in [each["id"] for each in site.json("config", "list")["instances"]]
        assert is_declared == site.folder(new).exists(), step
        if is_declared:
            assert f"`wb remove-dirs {new}`" in site.ran("status", new).stdout.replace("\n", " ")
    # First it removes what the last one has fetched.
    assert tuple(step for step in finish(site, *words) if step != "empty") == CLONE
    assert site.count(new) == ROWS
    assert site.hidden(new) == set()
    site.wb("stop", new)


def test_a_container_that_was_never_started_is_removed_by_the_next_task(source: Source) -> None:
    site, words = source.site, ("backup", "prove", source.id)
    done = site.launch("kill", "created examine", *words)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert site.states_of_tasks() == ["created"]
    site.wb(*words)
    assert site.tasks() == []
    assert site.list_copies() == []
