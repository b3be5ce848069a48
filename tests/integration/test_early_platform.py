"""A platform whose image says that it waits for its database starts while PostgreSQL does."""

import json
import signal

import pytest
from support.fixtures.doctored import Doctored
from support.platform_stand_in import Platforms
from support.services import PLATFORM_IMAGE, wait_until
from support.wb_host import Host

from wb_cli.engine.docker.read import LABEL_WAITS_FOR_DATABASE
from wb_cli.errors import ExitCode
from wb_cli.instances.local_images import PLATFORM
from wb_cli.provision.recipes import read_files

pytestmark = pytest.mark.engine
LABEL = f'LABEL {LABEL_WAITS_FOR_DATABASE}="yes"'


@pytest.fixture(scope="module")
def patient(doctored: Doctored) -> str:
    """The image of the real platform with the label, whatever is built already."""
    return doctored(PLATFORM_IMAGE, "patient", LABEL)


def test_our_image_says_that_it_waits_for_its_database() -> None:
    assert LABEL in read_files(PLATFORM)["Dockerfile"].decode()


def test_it_lives_through_a_first_start_which_makes_the_database(host: Host, patient: str) -> None:
    id_ = host.declare(image=patient)
    done = host.wb("run", id_)
    assert f"{id_}: ready: " in done.stdout
    platform = host.inspect(id_)
    assert platform["RestartCount"] == 0
    assert platform["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert "[PostgreSQL] Not available (" in host.container(id_).logs().decode()
    before = host.ids(id_)
    assert f"{id_}: unchanged" in host.wb("run", id_).stdout
    assert host.ids(id_) == before
    host.wb("restart", id_)
    assert host.json("status", id_)["instances"][0]["state"] == "running"


def test_a_password_that_is_refused_ends_the_start_as_before(host: Host, patient: str) -> None:
    id_ = host.prepare(image=patient)
    host.wb("run", id_)
    host.wb("stop", id_)
    secrets = host.root / "secrets" / f"{id_}.json"
    secrets.write_text(json.dumps(json.loads(secrets.read_text()) | {"postgresPassword": "other"}))
    done = host.wb("run", id_, exits=ExitCode.FAILURE)
    assert f"{id_} is not let in by its database: " in done.stderr
    assert host.state(id_) == {}


def test_a_postgres_that_ends_at_once_is_the_cause(
    host: Host, patient: str, platforms: Platforms
) -> None:
    id_ = host.prepare(image=patient)
    ending = platforms("exits")
    done = host.wb("run", id_, WB_POSTGRES_IMAGE=ending, exits=ExitCode.FAILURE)
    assert f"{id_}-postgres exited with code 7 while starting" in done.stderr
    assert "no such dialect" in done.stderr
    assert host.state(id_) == {}


def test_a_postgres_that_is_not_ready_in_time_is_named_and_the_next_run_finishes(
    host: Host, patient: str, platforms: Platforms
) -> None:
    id_ = host.prepare(image=patient)
    words = ("run", id_, "--timeout", "6")
    silent = platforms("silent")
    done = host.wb(*words, WB_POSTGRES_IMAGE=silent, exits=ExitCode.STILL_STARTING)
    assert f"{id_}-postgres is still starting" in done.stderr
    assert host.container(id_).status == "running"
    assert host.inspect(id_)["HostConfig"]["RestartPolicy"]["Name"] == "no"
    host.wb("run", id_)
    assert host.json("status", id_)["instances"][0]["state"] == "running"


def test_an_interrupted_start_leaves_nothing(
    host: Host, patient: str, platforms: Platforms
) -> None:
    id_ = host.prepare(image=patient)
    with host.started("run", id_, WB_POSTGRES_IMAGE=platforms("silent")) as process:
        wait_until(lambda: is_running(host, id_), "the platform")
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED
    assert f"; undone: {id_}" in talk
    assert host.state(id_) == {}


def is_running(host: Host, id_: str) -> bool:
    return any(
        each["Names"] == [f"/{id_}"] and each["State"] == "running" for each in host.listed(id_)
    )
