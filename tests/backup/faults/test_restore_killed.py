"""`kill -9` of `wb restore` at each step, and the loss of its engine: one command heals it."""

import signal
import subprocess
from dataclasses import dataclass

import pytest
from backup.site import Site
from docker.errors import NotFound
from docker.types import Mount
from support.platform_stand_in import Platforms
from support.services import POSTGRES_IMAGE, wait_until

from wb_cli.engine.task import LABEL_TASK
from wb_cli.lifecycle.exchanging.exchange import PURPOSE

pytestmark = pytest.mark.backup

OLD, RESTORED = "10", "1000"
# Before the exchange the old data stays, in the middle of it the old data comes back, and after it
# the restored data is started.
TO_OLD = (
    "before fetch databases",
    "amid fetch databases",
    "amid password",
    "amid stop",
    "after stop",
)
TO_RESTORED = ("after in", "after start 1", "after start 3")
GOING_BACK = ("before back", "amid back", "after back", "after start 6")
LOST = ("amid fetch databases", "amid stop", "amid in", "after in", "after start 1")


@dataclass
class Case:
    """An instance with 10 rows, whose backup has 1,000."""

    site: Site
    id: str
    backup: str

    def restore(self, how: str, moment: str) -> subprocess.CompletedProcess[str]:
        """Restore, until a moment comes."""
        words = ("restore", self.id, "--yes", "--no-backup", "--at", self.backup)
        return self.site.launch(how, moment, *words)

    def is_running(self) -> bool:
        (status,) = self.site.json("status", self.id)["instances"]
        return bool(status["state"] == "running")

    def said_by_status(self) -> str:
        return self.site.ran("status", self.id).stdout

    def heal(self) -> str:
        """Run the one command, and give what it says. The instance then runs."""
        said = self.site.wb("run", self.id).stderr
        assert self.is_running()
        return said

    def settle(self) -> None:
        """Back to the old data, for the next test."""
        if ".before-restore" in self.site.hidden(self.id):
            self.site.wb("restore", self.id, "--undo", "--yes")
        assert self.site.count(self.id) == OLD
        assert self.site.hidden(self.id) == set()
        wait_until(lambda: not self.site.tasks(), "the containers of tasks are gone")


@pytest.fixture(scope="module")
def case(shared_site: Site) -> Case:
    id_ = shared_site.start()
    (shared_site.folder(id_) / "sandbox" / "note").write_text("mine")
    backup = shared_site.back_up(id_)
    shared_site.sql(id_, "delete from kept where n > 10")
    return Case(shared_site, id_, backup)


def kill(case: Case, moment: str) -> None:
    done = case.restore("kill", moment)
    assert done.returncode == -signal.SIGKILL, f"{moment} did not come: {done.stderr}"


@pytest.mark.parametrize("moment", TO_OLD)
def test_killed_before_the_exchange_the_next_run_starts_on_the_old_data(
    case: Case, moment: str
) -> None:
    kill(case, moment)
    assert f"`wb run {case.id}`" in case.said_by_status()
    assert "was cut off before it changed anything" in case.heal()
    assert case.site.count(case.id) == OLD
    case.settle()


def test_killed_while_folders_move_the_next_run_says_which_data_it_starts_on(case: Case) -> None:
    kill(case, "amid in")
    said = case.heal()
    is_back = "the folders from before are back" in said or "before it changed" in said
    assert case.site.count(case.id) == (OLD if is_back else RESTORED)
    assert is_back or "--undo" in said
    case.settle()


@pytest.mark.parametrize("moment", TO_RESTORED)
def test_killed_after_the_exchange_the_next_run_starts_on_the_restored_data_and_names_both_ways(
    case: Case, moment: str
) -> None:
    kill(case, moment)
    assert f"`wb restore {case.id} --accept`" in case.said_by_status().replace("\n", " ")
    assert f"`wb restore {case.id} --accept`" in case.heal()
    assert case.site.count(case.id) == RESTORED
    case.settle()


@pytest.mark.parametrize("moment", GOING_BACK)
def test_killed_on_the_way_back_the_next_run_ends_it(
    case: Case, moment: str, platforms: Platforms
) -> None:
    case.site.change(case.id, image=platforms("exits"))
    kill(case, moment)
    case.site.change(case.id, image=case.site.platform)
    said = case.heal()
    is_restored = f"`wb restore {case.id} --accept`" in said
    assert case.site.count(case.id) == (RESTORED if is_restored else OLD)
    # Killed amid the first move, the way back may not have begun.
    assert moment == "amid back" or is_restored == (moment == "before back")
    case.settle()


def test_the_next_restore_goes_on_by_itself(case: Case) -> None:
    kill(case, "after stop")
    words = ("restore", case.id, "--yes", "--no-backup", "--at", case.backup)
    assert "was cut off before it changed anything" in case.site.wb(*words).stderr
    assert case.site.count(case.id) == RESTORED
    case.settle()


@pytest.mark.parametrize("moment", LOST)
def test_a_lost_engine_leaves_an_instance_that_one_named_command_heals(
    case: Case, moment: str
) -> None:
    done = case.restore("lose", moment)
    assert done.returncode > 0, done.stderr
    wait_until(lambda: not case.site.tasks(), "the containers of tasks are gone")
    if not case.is_running():
        assert f"`wb run {case.id}`" in done.stderr
    case.heal()
    case.settle()


def test_a_container_that_a_killed_restore_had_not_started_yet_is_removed(case: Case) -> None:
    kill(case, "after stop")
    root = str(case.site.folder(case.id))
    never_started = case.site.client.containers.create(
        POSTGRES_IMAGE,
        labels={LABEL_TASK: PURPOSE, **dict([case.site.labels.split("=")])},
        mounts=[Mount("/instance", root, type="bind")],
    )
    case.heal()
    with pytest.raises(NotFound):
        never_started.reload()
    case.settle()
