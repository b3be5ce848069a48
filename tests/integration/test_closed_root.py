"""The root of a container is closed to its programs where the image allows it."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.fixtures.doctored import build_doctored
from support.services import POSTGRES_IMAGE, VALKEY_IMAGE
from support.wb_host import Host

from wb_cli.contract import Part
from wb_cli.engine.docker.closed_root import LABEL_CLOSED_ROOT
from wb_cli.engine.docker.docker_engine import DockerEngine
from wb_cli.engine.task import TaskMount, TaskSpec
from wb_cli.instances.local_images import PLATFORM, POSTGRES, VALKEY
from wb_cli.provision.recipes import read_files

pytestmark = pytest.mark.engine

# A program asks, as the engine itself may write to a closed root.
WRITE = 'touch "$1/written" 2>/dev/null && echo written || echo refused'


def write_in(folder: str) -> tuple[str, ...]:
    return ("sh", "-c", WRITE, "sh", folder)


def build(host: Host, run_id: str, name: str, image: str, written: str) -> str:
    """An image on another, which says to which folders it writes."""
    folders = "RUN mkdir -p /run/postgresql && chmod 3777 /run/postgresql"
    text = f'USER root\n{folders}\nLABEL {LABEL_CLOSED_ROOT}="{written}"'
    return build_doctored(host.client, run_id, image, f"closed-{name}", text)


@pytest.fixture(scope="module")
def closing(shared_host: Host, run_id: str) -> Iterator[dict[str, Any]]:
    """The variables that choose images like those of our recipes, whatever is built already."""
    postgres = (POSTGRES_IMAGE, "/tmp /var/run/postgresql")
    chosen = {
        "WB_POSTGRES_IMAGE": build(shared_host, run_id, "postgres", *postgres),
        "WB_VALKEY_IMAGE": build(shared_host, run_id, "valkey", VALKEY_IMAGE, "/tmp /data"),
    }
    yield chosen
    for image in chosen.values():
        shared_host.client.images.remove(image, force=True)


@pytest.fixture
def opening(shared_host: Host, run_id: str) -> Iterator[str]:
    """An image that is made from one of ours, and says that it writes elsewhere too."""
    image = build(shared_host, run_id, "open", shared_host.platform, "")
    yield image
    shared_host.client.images.remove(image, force=True)


@pytest.mark.parametrize("recipe", [POSTGRES, VALKEY, PLATFORM], ids=lambda recipe: recipe.name)
def test_our_images_say_that_they_work_on_a_closed_root(recipe) -> None:
    assert f'LABEL {LABEL_CLOSED_ROOT}="/tmp' in read_files(recipe)["Dockerfile"].decode()


def test_a_program_writes_to_no_folder_of_a_closed_root_but_those_that_it_needs(
    shared_host: Host, closing: dict[str, Any]
) -> None:
    id_ = shared_host.prepare()
    shared_host.wb("run", id_, **closing)
    for part in (Part.POSTGRES, Part.VALKEY):
        name = part.container_name(id_)
        for folder in ("/", "/etc", "/usr/local/bin", "/var/lib"):
            assert shared_host.execute(name, *write_in(folder)) == (0, "refused\n")
        assert shared_host.execute(name, *write_in("/tmp")) == (0, "written\n")
    shared_host.wb("stop", id_)


def test_the_first_password_reaches_a_closed_root_and_goes_with_its_container(
    shared_host: Host, closing: dict[str, Any]
) -> None:
    id_ = shared_host.prepare()
    shared_host.wb("run", id_, **closing)
    mounts = shared_host.inspect(f"{id_}-postgres")["Mounts"]
    (volume,) = [mount["Name"] for mount in mounts if mount["Type"] == "volume"]
    shared_host.wb("restart", id_, **closing)
    assert shared_host.sql(id_, "select 41 + 1") == "42"
    volumes = {each.name for each in shared_host.client.volumes.list()}
    assert volume not in volumes
    shared_host.wb("stop", id_)


@pytest.mark.parametrize("restart", ["always", "no"])
def test_a_container_on_a_closed_root_runs_on_at_the_next_run(
    shared_host: Host, closing: dict[str, Any], restart: str
) -> None:
    id_ = shared_host.prepare(restart=restart)
    shared_host.wb("run", id_, **closing)
    before = shared_host.ids(id_)
    shared_host.wb("run", id_, **closing)
    assert shared_host.ids(id_) == before
    shared_host.wb("stop", id_)


def test_a_throw_away_container_has_a_closed_root_too(
    shared_host: Host, closing: dict[str, Any], tmp_path: Path
) -> None:
    engine = DockerEngine(shared_host.client)
    lines: list[str] = []
    for folder in ("/", "/etc", "/tmp", "/given"):
        mounts = (TaskMount(str(tmp_path), "/given", is_read_only=False),)
        task = TaskSpec("test", closing["WB_POSTGRES_IMAGE"], write_in(folder), mounts)
        engine.run_task(task, lines.append, threading.Event())
    assert lines == ["refused", "refused", "written", "written"]


def test_an_image_that_says_nothing_keeps_a_root_that_is_open(
    shared_host: Host, opening: str
) -> None:
    id_ = shared_host.prepare(image=opening)
    shared_host.wb("run", id_)
    assert shared_host.execute(id_, *write_in("/etc")) == (0, "written\n")
    shared_host.wb("stop", id_)
