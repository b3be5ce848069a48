"""No PostgreSQL is started on a database of another major version."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from lifecycle.examples import DEMO, SETTINGS, container, running, spec_of, wanted
from msgspec.structs import replace
from support.fake_engine import FakeEngine

from wb_cli.engine.types import ImageInfo, State
from wb_cli.host.database_files import DataVersion
from wb_cli.instances.secrets import SecretStore
from wb_cli.lifecycle.fleet import Fleet
from wb_cli.lifecycle.guard.database_version import Versions, look
from wb_cli.lifecycle.machine.far import FarMachine
from wb_cli.lifecycle.machine.outpost import Outpost, read_script
from wb_cli.lifecycle.planning.observed_instance import ObservedInstance
from wb_cli.lifecycle.planning.reconcile import plan_restart, plan_run

FOLDER = Path("/mnt/demo/databases")


def versions(data: str, image: str | None) -> Versions:
    info = None if image is None else ImageInfo("sha256:1", postgres_version=image)
    return Versions("demo", FOLDER, DataVersion(data), "postgres:17.4", info)


@pytest.mark.parametrize(("data", "image"), [("16", "17.4"), ("18", "17.4"), ("9.6", "17")])
def test_another_major_version_is_refused_with_the_way_out(data: str, image: str) -> None:
    what, remedy = versions(data, image).find_problem() or ("", "")
    assert what == (
        f"the database in {FOLDER} is of PostgreSQL {data}, and the image postgres:17.4 has 17, "
        "which cannot open it"
    )
    assert f"`wb config set demo postgresImage=postgres:{data}` keeps its version" in remedy


def test_a_newer_version_comes_with_the_command_that_moves_the_database_to_it() -> None:
    way = "`wb upgrade-postgres demo --to 17`"
    assert way in (versions("16", "17.4").find_problem() or ("", ""))[1]
    assert "upgrade-postgres" not in (versions("18", "17.4").find_problem() or ("", ""))[1]


@pytest.mark.parametrize(
    ("data", "image"), [("17", "17.4"), ("17", "17"), ("", "17.4"), ("17", ""), ("17", None)]
)
def test_the_same_version_and_what_is_not_known_are_not_refused(
    data: str, image: str | None
) -> None:
    assert versions(data, image).find_problem() is None


def test_what_is_not_known_is_said() -> None:
    assert versions("17", "17.4").find_doubt() == ""
    assert versions("", "").find_doubt() == ""
    assert "the image does not say its version" in versions("17", "").find_doubt()
    closed = Versions("demo", FOLDER, DataVersion(unknown="it is closed"), "postgres:17.4", None)
    assert closed.find_doubt() == "the version of its database is not known: it is closed"


class Here(FakeEngine):
    is_local = True


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """A fleet on this machine. Each image id has a version; the database is of PostgreSQL 17."""
    engine = Here([])
    engine.images = {"postgres:17.4": "new", "old": "old"}
    engine.postgres_versions = {"new": "18.1", "old": "17.4"}
    pgdata = tmp_path / "demo" / "databases" / "pgdata"
    pgdata.mkdir(parents=True)
    (pgdata / "PG_VERSION").write_text("17\n")
    settings = replace(SETTINGS, mount_path=tmp_path)
    return Fleet(engine, settings, SecretStore(tmp_path / "secrets"))


def postgres(**changes: Any) -> ObservedInstance:
    """The running instance, whose PostgreSQL was made from an older image of the same tag."""
    spec = spec_of(wanted(), "demo-postgres")
    return running(wanted(), container(spec, image_id="old", **changes))


def look_at(fleet: Fleet, current: ObservedInstance, planner: Any = plan_run) -> Versions | None:
    image = fleet.engine.find_image("postgres:17.4")
    current = replace(current, images={"postgres:17.4": image} if image else {})
    plan = planner(wanted(), current, "10.0.0.0/26")
    return look(fleet, DEMO, plan, wanted(), current)


def test_a_postgresql_that_is_not_started_is_not_looked_at(fleet: Fleet) -> None:
    assert look_at(fleet, postgres()) is None


def test_a_new_container_is_looked_at_with_the_image_of_the_tag(fleet: Fleet) -> None:
    for current, planner in ((ObservedInstance(), plan_run), (postgres(), plan_restart)):
        found = look_at(fleet, current, planner)
        assert found
        assert found.data.text == "17"
        assert found.find_problem()


def test_a_container_that_is_there_is_started_with_its_own_image(fleet: Fleet) -> None:
    found = look_at(fleet, postgres(state=State.EXITED, status="Exited (0)"))
    assert found
    assert found.image == ImageInfo("old", postgres_version="17.4")
    assert found.find_problem() is None


def test_a_container_that_was_set_aside_is_started_with_its_own_image(fleet: Fleet) -> None:
    spec = spec_of(wanted(), "demo-postgres")
    aside = container(spec, "demo-postgres-previous", image_id="old", state=State.EXITED)
    others = [c for c in postgres().containers if c.name != "demo-postgres"]
    found = look_at(fleet, replace(postgres(), containers=(*others, aside)))
    assert found
    assert found.find_problem() is None


def test_the_database_on_another_machine_is_looked_at_there(fleet: Fleet) -> None:
    engine = FakeEngine(["postgres:17.4"])
    engine.images = fleet.engine.images  # type: ignore[attr-defined]
    engine.postgres_versions = fleet.engine.postgres_versions  # type: ignore[attr-defined]
    outpost = Outpost(lambda: engine.open_outpost("postgres:17.4", read_script(), {}))
    far = Fleet(engine, fleet.settings, fleet.secrets, FarMachine(outpost))
    with closing(far):
        found = look_at(far, ObservedInstance())
    assert found
    assert found.data.text == "17"
    assert found.find_problem()


def test_the_files_of_a_machine_that_cannot_be_looked_at_stay_unknown(fleet: Fleet) -> None:
    elsewhere = FakeEngine([])
    assert look_at(Fleet(elsewhere, fleet.settings, fleet.secrets), ObservedInstance()) is None
