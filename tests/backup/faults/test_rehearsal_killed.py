"""`kill -9` of wb at each step of a rehearsal: nothing of the instance changes, nothing is left."""

import signal

import pytest
from backup.site import Site
from support.running_platform import Platform
from support.services import PLATFORM_IMAGE, wait_until

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.backup

STEPS = ("snapshots", "dump", "fetch databases", "database", "ask", "ask (2)", "remove")
# What was left is removed first, so the removal of the command's own copy is the second one.
OWN_REMOVAL = {"remove": "remove (2)"}


@pytest.fixture(scope="module")
def id_(shared_site: Site) -> str:
    """A running instance with a few results, and a backup."""
    id_ = shared_site.prepare(image=PLATFORM_IMAGE)
    shared_site.wb("run", id_)
    Platform(shared_site, id_).load_sample("--objects", "10", "--rows", "200")
    shared_site.back_up(id_)
    return id_


def test_a_rehearsal_killed_at_any_step_leaves_nothing_after_the_next_one(
    shared_site: Site, id_: str
) -> None:
    site, words = shared_site, ("upgrade", id_, "--to", PLATFORM_IMAGE, "--rehearse")
    before, made = site.state(id_), site.left().names
    for step in STEPS:
        done = site.launch("kill", f"amid {OWN_REMOVAL.get(step, step)}", *words)
        assert done.returncode == -signal.SIGKILL, f"{step} did not come: {done.stderr}"
        wait_until(lambda: not site.tasks(), f"no container is left after {step}")
        assert site.state(id_) == before, step
        assert site.left().names == made, step
    steps = site.root / "steps"
    done = site.launch("list", str(steps), *words)
    assert done.returncode == ExitCode.OK, done.stderr
    own = [step for step in steps.read_text().splitlines() if step != "remove"]
    assert own == [OWN_REMOVAL.get(step, step) for step in STEPS]
    assert site.list_copies() == []


@pytest.mark.parametrize("step", ["database", "ask (2)"])
def test_a_container_that_was_never_started_is_removed_by_the_next_task(
    shared_site: Site, id_: str, step: str
) -> None:
    words = ("upgrade", id_, "--to", PLATFORM_IMAGE, "--rehearse")
    done = shared_site.launch("kill", f"created {step}", *words)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert "created" in shared_site.states_of_tasks()
    shared_site.wb("backup", "prove", id_)
    wait_until(lambda: not shared_site.tasks(), "nothing is left")
    assert shared_site.list_copies() == []


def test_a_signal_ends_it_and_the_clone_is_removed(shared_site: Site, id_: str) -> None:
    words = ("upgrade", id_, "--to", PLATFORM_IMAGE, "--rehearse", "-v")
    with shared_site.started(*words) as process:
        assert process.stderr
        for line in process.stderr:
            if "starting wb-platform" in line:
                process.send_signal(signal.SIGTERM)
                break
        process.communicate()
    assert process.returncode == ExitCode.TERMINATED
    assert shared_site.list_copies() == []
    assert shared_site.tasks() == []
