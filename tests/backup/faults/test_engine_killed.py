"""The engine is killed in the middle of a backup, a trial and a restore. It is one of the tests."""

import signal
from collections.abc import Iterator

import docker
import pytest
from backup.site import RESTIC, Site
from support.fixtures.hosts import hosts_with
from support.own_engine import OwnEngine
from support.services import wait_until
from support.wb_host import free_pair_of_ports

pytestmark = [pytest.mark.backup, pytest.mark.usefixtures("on_own_engine")]

OLD, RESTORED = "10", "1000"


@pytest.fixture(scope="module")
def site(
    own_engine: OwnEngine,
    docker_client: docker.DockerClient,
    image_of_platforms: str,
    run_id: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Site:
    """An operator's machine with no other engine."""
    own_engine.load(docker_client, [RESTIC])
    new_host = hosts_with(image_of_platforms, own_engine.client, run_id)
    return Site.at(new_host(tmp_path_factory.mktemp("host")))


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """The instance and its backup, once they are made."""
    return {}


@pytest.fixture
def id_(site: Site, made: dict[str, str]) -> Iterator[str]:
    """An instance with 10 rows, whose first backup has 1,000."""
    if not made:
        made["id"] = site.start()
        made["backup"] = site.back_up(made["id"])
        site.sql(made["id"], "delete from kept where n > 10")
    yield made["id"]
    assert site.list_copies() == []
    assert site.tasks() == []
    assert site.count(made["id"]) == OLD


def end_engine(own_engine: OwnEngine, site: Site, moment: str, *words: str) -> str:
    """Kill the engine at a moment of a command, and start it again. Give what was said."""
    assert own_engine._process
    done = site.launch(f"end:{own_engine._process.pid}", moment, *words)
    assert done.returncode > 0, f"{moment} did not come: {done.stdout}"
    assert "Traceback" not in done.stderr
    assert "fault of wb" not in done.stderr
    own_engine.end(signal.SIGKILL)
    own_engine.start()
    wait_until(lambda: not site.tasks(), "the containers of tasks are gone")
    return done.stderr


@pytest.mark.parametrize("moment", ["amid copy", "amid store backup"])
def test_in_a_backup_the_next_one_is_whole(
    own_engine: OwnEngine, site: Site, id_: str, moment: str
) -> None:
    before = site.backups()
    end_engine(own_engine, site, moment, "backup", id_)
    site.wb("run", id_)
    assert site.backups() == before
    backup = site.back_up(id_)
    (proof,) = site.json("backup", "prove", id_)["instances"]
    assert (proof["result"], proof["backup"]) == ("proven", backup)


@pytest.mark.parametrize("moment", ["amid fetch databases", "amid examine", "amid store proof"])
def test_in_a_trial_the_next_one_ends(
    own_engine: OwnEngine, site: Site, id_: str, moment: str
) -> None:
    end_engine(own_engine, site, moment, "backup", "prove", id_)
    site.wb("run", id_)
    (proof,) = site.json("backup", "prove", id_)["instances"]
    assert proof["result"] == "proven"


@pytest.mark.parametrize("moment", ["amid fetch databases", "amid password", "after in"])
def test_in_a_clone_the_next_one_ends(
    own_engine: OwnEngine, site: Site, id_: str, made: dict[str, str], moment: str
) -> None:
    new = f"{id_}-{moment.replace(' ', '-')}"
    words = ("clone", id_, new, "--at", made["backup"], "--port", str(free_pair_of_ports()))
    end_engine(own_engine, site, moment, *words)
    site.wb("run", id_)
    if moment == "after in":
        site.wb("run", new)
    else:
        site.wb(*words)
    assert site.count(new) == RESTORED
    site.wb("stop", new)


@pytest.mark.parametrize("moment", ["amid fetch databases", "after stop", "amid in", "after in"])
def test_in_a_restore_the_next_run_starts_on_whole_data(
    own_engine: OwnEngine, site: Site, id_: str, made: dict[str, str], moment: str
) -> None:
    words = ("restore", id_, "--yes", "--no-backup", "--at", made["backup"])
    end_engine(own_engine, site, moment, *words)
    site.wb("run", id_)
    if ".before-restore" in site.hidden(id_):
        assert site.count(id_) == RESTORED
        site.wb("restore", id_, "--undo", "--yes")
    assert site.hidden(id_) == set()
