"""`kill -9` of `wb upgrade-postgres` at each step, and the loss of its engine: `wb run` heals it.

Each test says which PostgreSQL the instance then runs, with all of its rows.
"""

import json
import signal
import subprocess
from dataclasses import dataclass

import pytest
from backup.site import Site
from support.services import POSTGRES_IMAGE, wait_until

pytestmark = pytest.mark.backup

OLD, NEW = 15, 17
# Before the exchange the old databases stay; after it the new ones are started, with their image.
TO_OLD = ("before prepare", "amid prepare", "after prepare", "amid stop", "amid copy", "after copy")
TO_NEW = ("after in", "after start 1", "after start 3")
LOST = ("amid copy", "after stop", "after in")


@dataclass
class Case:
    """An instance on an earlier major version, with 1,000 rows."""

    site: Site
    id: str
    image: str

    def upgrade(self, how: str, moment: str) -> subprocess.CompletedProcess[str]:
        """Upgrade, until a moment comes."""
        words = ("upgrade-postgres", self.id, "--to", POSTGRES_IMAGE, "--yes", "--no-backup")
        return self.site.launch(how, moment, *words)

    def kill(self, moment: str) -> None:
        done = self.upgrade("kill", moment)
        assert done.returncode == -signal.SIGKILL, f"{moment} did not come: {done.stderr}"

    def heal(self) -> str:
        """Run the one command, and give what it says. The instance then runs, with all rows."""
        wait_until(lambda: not self.site.tasks(), "the containers of tasks are gone")
        said = self.site.wb("run", self.id).stderr
        (status,) = self.site.json("status", self.id)["instances"]
        assert status["state"] == "running"
        assert self.site.count(self.id) == "1000"
        return said

    @property
    def version(self) -> int:
        return int(self.site.sql(self.id, "show server_version_num")) // 10_000

    @property
    def declared(self) -> str:
        entries = json.loads(self.site.servers_file.read_text())
        return str(next(each for each in entries if each["id"] == self.id)["postgresImage"])

    def settle(self) -> None:
        """Back to the old version, for the next test."""
        if ".before-restore" in self.site.hidden(self.id):
            self.site.wb("restore", self.id, "--undo", "--yes")
        assert (self.version, self.declared) == (OLD, self.image)
        assert self.site.count(self.id) == "1000"
        assert self.site.hidden(self.id) == set()
        wait_until(lambda: not self.site.tasks(), "the containers of tasks are gone")


@pytest.fixture(scope="module")
def case(shared_site: Site, old_postgres: str) -> Case:
    return Case(shared_site, shared_site.start(postgresImage=old_postgres), old_postgres)


@pytest.mark.parametrize("moment", TO_OLD)
def test_killed_before_the_exchange_the_next_run_starts_on_the_old_databases(
    case: Case, moment: str
) -> None:
    case.kill(moment)
    assert f"`wb run {case.id}`" in case.site.ran("status", case.id).stdout
    assert "an upgrade was cut off before it changed anything" in case.heal()
    assert (case.version, case.declared) == (OLD, case.image)
    case.settle()


def test_killed_while_folders_move_the_next_run_says_which_databases_it_starts_on(
    case: Case,
) -> None:
    case.kill("amid in")
    said = case.heal()
    is_back = "the folders from before are back" in said or "before it changed" in said
    assert (case.version, is_back) in {(OLD, True), (NEW, False)}
    assert (case.declared == case.image) == is_back
    case.settle()


@pytest.mark.parametrize("moment", TO_NEW)
def test_killed_after_the_exchange_the_next_run_declares_the_new_image_and_starts_on_it(
    case: Case, moment: str
) -> None:
    case.kill(moment)
    assert f"`wb restore {case.id} --accept`" in case.heal()
    assert (case.version, case.declared) == (NEW, POSTGRES_IMAGE)
    case.settle()


def test_killed_on_the_way_back_the_next_run_ends_it(case: Case) -> None:
    case.kill("after in")
    case.heal()
    done = case.site.launch("kill", "before back", "restore", case.id, "--undo", "--yes")
    assert done.returncode == -signal.SIGKILL
    # The old image is declared already, and the folders are still the new ones.
    assert case.declared == case.image
    case.heal()
    assert (case.version, case.declared) == (NEW, POSTGRES_IMAGE)
    case.settle()


@pytest.mark.parametrize("moment", LOST)
def test_a_lost_engine_leaves_an_instance_that_one_named_command_heals(
    case: Case, moment: str
) -> None:
    done = case.upgrade("lose", moment)
    assert done.returncode > 0, done.stderr
    assert f"`wb run {case.id}`" in done.stderr
    case.heal()
    case.settle()
