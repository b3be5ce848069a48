"""What is in the way of a start is named before anything is changed, with its remedy."""

import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.services import VALKEY_IMAGE
from support.wb_host import Host

pytestmark = pytest.mark.engine


def expect_refusal(host: Host, id_: str, command: str = "run") -> str:
    """Run a command that must fail and leave the engine without this instance. Give its error."""
    done = host.wb(command, id_, exits=1)
    assert host.containers(id_) == []
    assert host.networks(id_) == []
    assert "hint:" in done.stderr or "things are in the way\n  " in done.stderr
    return done.stderr


@pytest.fixture
def demo(host: Host) -> str:
    return host.prepare()


@contextmanager
def run_stranger(host: Host, **arguments: Any) -> Iterator[Any]:
    """Run somebody else's container."""
    name, value = host.labels.split("=")
    made = host.client.containers.run(
        VALKEY_IMAGE, ["sleep", "300"], detach=True, labels={name: value}, **arguments
    )
    try:
        yield made
    finally:
        made.remove(force=True)


def test_a_missing_image_is_named(host: Host, demo: str) -> None:
    host.change(demo, image="wb-no-such-image:1")
    error = expect_refusal(host, demo)
    assert "the image wb-no-such-image:1 of platform is not on this engine" in error
    assert "`wb pull`" in error


def test_a_missing_folder_is_named(host: Host, demo: str) -> None:
    shutil.rmtree(host.folder(demo) / "valkey_data")
    error = expect_refusal(host, demo)
    assert f"the folder {host.folder(demo)}/valkey_data is missing" in error
    assert f"`wb init-dirs {demo}`" in error


def test_a_mount_path_that_is_not_there_is_named_and_not_made(host: Host, demo: str) -> None:
    shutil.rmtree(host.mount_path)
    error = expect_refusal(host, demo)
    assert f"the mount path {host.mount_path} is not there" in error
    assert not host.mount_path.exists()


@pytest.mark.parametrize("offset", [0, 10_000], ids=["platform", "postgres"])
def test_a_port_that_a_process_of_this_host_has_is_named(
    host: Host, demo: str, offset: int
) -> None:
    port = host.port(demo) + offset
    with socket.create_server(("127.0.0.1", port)):
        assert f"port {port} on 127.0.0.1" in expect_refusal(host, demo)


def test_a_port_that_another_container_has_is_named_with_that_container(
    host: Host, demo: str
) -> None:
    port = host.port(demo)
    with run_stranger(host, ports={"6379/tcp": ("127.0.0.1", port)}) as other:
        error = expect_refusal(host, demo)
    assert f"port {port} on 127.0.0.1 (platform) is taken by the container {other.name}" in error


def make_link(databases: Path) -> Path:
    """Give the same folder another name. The engine keeps the name that it was given."""
    link = databases.parent.parent / "link"
    link.symlink_to(databases)
    return link


FOLDERS: dict[str, Callable[[Path], Path]] = {
    "itself": lambda databases: databases,
    "its parent": lambda databases: databases.parent.parent,
    "a folder in it": lambda databases: databases / "pgdata",
    "the same by another path": make_link,
}


@pytest.mark.parametrize("mounted", FOLDERS.values(), ids=FOLDERS)
def test_a_data_folder_that_a_running_container_has_is_named_with_that_container(
    host: Host, demo: str, mounted: Callable[[Path], Path]
) -> None:
    databases = host.folder(demo) / "databases"
    source = mounted(databases)
    source.mkdir(exist_ok=True)
    with run_stranger(host, volumes={str(source): {"bind": "/x", "mode": "rw"}}) as other:
        error = expect_refusal(host, demo)
    assert f"the folder {databases} is in use by the container {other.name}" in error
    assert f"docker stop {other.name}" in error


def test_a_container_of_our_name_that_is_not_ours_is_left_alone(host: Host, demo: str) -> None:
    with run_stranger(host, name=f"{demo}-valkey") as other:
        error = expect_refusal(host, demo)
        other.reload()
        assert (other.name, other.status) == (f"{demo}-valkey", "running")
        shown = host.json("status", demo)["instances"][0]
    assert f"named {demo}-valkey is there and is not wb's" in error
    assert shown["state"] == "foreign"


def test_a_network_of_our_name_that_is_not_ours_is_left_alone(host: Host, demo: str) -> None:
    name, value = host.labels.split("=")
    network = host.client.networks.create(demo, labels={name: value})
    try:
        assert f"named {demo} is there and is not wb's" in expect_refusal(host, demo)
        network.reload()
    finally:
        network.remove()


def test_everything_in_the_way_is_named_at_once(host: Host, demo: str) -> None:
    host.change(demo, image="wb-no-such-image:1")
    shutil.rmtree(host.folder(demo) / "assets")
    with socket.create_server(("127.0.0.1", host.port(demo))):
        error = expect_refusal(host, demo)
    for what in ("wb-no-such-image:1", f"{host.folder(demo)}/assets", str(host.port(demo))):
        assert what in error


def test_a_database_whose_password_is_not_known_is_not_started(host: Host, demo: str) -> None:
    pgdata = host.folder(demo) / "databases" / "pgdata"
    pgdata.mkdir()
    (pgdata / "PG_VERSION").write_text("17\n")
    done = host.wb("run", demo, exits=2)
    assert "the password of the database is not known" in done.stderr
    assert "POSTGRES_PASSWORD" in done.stderr
    assert host.containers(demo) == []


def test_the_json_answer_gives_the_kind_and_the_message_of_a_refusal(host: Host, demo: str) -> None:
    shutil.rmtree(host.folder(demo) / "assets")
    (ended,) = host.json("run", demo, exits=1)["instances"]
    assert ended["result"] == "failed"
    assert ended["error"]["kind"] == "Preflight"
    assert "assets is missing" in ended["error"]["message"]


def test_restart_leaves_an_instance_alone_that_could_not_start_again(host: Host) -> None:
    good, bad = (
        host.prepare(id="ta-good" + make_suffix()),
        host.prepare(id="tb-bad" + make_suffix()),
    )
    host.wb("run", good, bad)
    before = {good: host.ids(good), bad: host.ids(bad)}
    host.change(bad, image="wb-no-such-image:1")
    done = host.wb("restart", "all", exits=3)
    assert f"{bad}: failed\n" in done.stdout
    assert f"error: {bad} was left as it is" in done.stderr
    assert host.ids(bad) == before[bad]
    assert {container.status for container in host.containers(bad)} == {"running"}
    assert not set(host.ids(good).values()) & set(before[good].values())
    host.wb("stop", "all")
    assert host.containers(good) + host.containers(bad) == []


def make_suffix() -> str:
    return format(time.time_ns() % 16**6, "x")
