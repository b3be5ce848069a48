"""What only the real engine shows: secret files, addresses, limits, and an unreachable engine."""

import gc
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import docker
import pytest
from msgspec.structs import replace
from support.services import VALKEY_IMAGE, wait_until

from wb_cli.contract import Part
from wb_cli.engine.docker.client import connect
from wb_cli.engine.docker.docker_engine import DockerEngine
from wb_cli.engine.types import ContainerSpec, NetworkSpec, ObservedContainer, SecretFile
from wb_cli.errors import EngineUnreachableError
from wb_cli.secret import Secret

PASSWORD = "open sesame äöü"
SUBNET = "10.215.77.0/28"
SPEC = ContainerSpec(
    instance="tdockerengine",
    part=Part.VALKEY,
    image=VALKEY_IMAGE,
    command=("sleep", "60"),
    secret_files=(SecretFile("PASSWORD_FILE", "/run/wb/deep/password", Secret(PASSWORD)),),
    memory=64 * 1024**2,
    cpus=0.5,
    shm_size=128 * 1024**2,
    stop_timeout=33,
)


@dataclass(frozen=True)
class Made:
    engine: DockerEngine
    id: str
    inspected: dict[str, Any]


@pytest.fixture(scope="module")
def made(docker_client: docker.DockerClient, run_id: str) -> Iterator[Made]:
    engine = DockerEngine(docker_client)
    labels = {"wb.test.run": run_id}
    network = engine.create_network(NetworkSpec(SPEC.instance, SUBNET, labels))
    container = engine.create_container(replace(SPEC, labels=labels), network)
    engine.start(container)
    yield Made(engine, container, docker_client.api.inspect_container(container))
    engine.stop(container, 0)
    engine.remove_container(container)
    engine.remove_network(network)


@pytest.mark.engine
def test_a_secret_file_is_readable_by_root_alone(made: Made) -> None:
    path = "/run/wb/deep/password"
    assert made.engine.execute(made.id, ["cat", path]) == (0, PASSWORD.encode())
    modes = made.engine.execute(made.id, ["stat", "-c", "%a %u %g", path, "/run/wb/deep", "/run"])
    assert modes[1].decode().splitlines() == ["600 0 0", "700 0 0", "755 0 0"]
    as_another = ["setpriv", "--reuid=999", "--clear-groups", "cat", path]
    assert made.engine.execute(made.id, as_another)[0] != 0


@pytest.mark.engine
def test_a_secret_file_is_in_no_inspection(made: Made) -> None:
    assert "sesame" not in json.dumps(made.inspected)


@pytest.mark.engine
def test_limits_reach_the_engine(made: Made) -> None:
    host = made.inspected["HostConfig"]
    assert host["Memory"] == 64 * 1024**2
    assert host["NanoCpus"] == 500_000_000
    assert host["ShmSize"] == 128 * 1024**2
    assert host["Init"] is True
    assert host["LogConfig"] == {
        "Type": "json-file",
        "Config": {"max-size": "10m", "max-file": "3"},
    }
    assert made.inspected["Config"]["StopTimeout"] == 33


@pytest.mark.engine
def test_a_container_has_an_address_and_its_name_on_its_network(made: Made) -> None:
    detail = made.engine.inspect(made.id)
    assert detail.addresses[SPEC.instance].startswith("10.215.77.")
    (listed,) = (
        container for container in made.engine.observe().containers if container.id == made.id
    )
    assert listed.addresses == detail.addresses
    aliases = made.inspected["NetworkSettings"]["Networks"][SPEC.instance]["Aliases"]
    assert SPEC.name in aliases


@pytest.mark.engine
def test_the_engine_has_a_version_and_an_endpoint(docker_client: docker.DockerClient) -> None:
    engine = DockerEngine(docker_client)
    info = engine.read_info()
    assert info.version == docker_client.version()["Version"]
    assert info.endpoint == os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    assert engine.is_local == docker_client.api.base_url.startswith("http+docker://")


def test_a_container_that_goes_away_while_it_is_measured_uses_nothing() -> None:
    """The engine then ends its answer before it has begun."""
    said = ""

    def stats(*_: object, **__: object) -> Any:
        return json.loads(said)

    client: Any = SimpleNamespace(api=SimpleNamespace(stats=stats))
    engine = DockerEngine(client)
    assert engine.read_usage("gone") is None
    said = "<html>"
    with pytest.raises(EngineUnreachableError):
        engine.read_usage("any")


@pytest.mark.parametrize(
    ("url", "is_local"),
    [
        ("http+docker://localhost", True),
        ("http+docker://ssh", False),
        ("http://10.0.0.7:2375", False),
    ],
)
def test_an_engine_is_local_only_behind_a_socket_of_this_machine(url: str, is_local: bool) -> None:
    client: Any = SimpleNamespace(api=SimpleNamespace(base_url=url))
    assert DockerEngine(client).is_local is is_local


@pytest.mark.engine
def test_the_engine_is_asked_once_about_an_image_however_many_containers_are_made_of_it(
    docker_client: docker.DockerClient, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, asked = docker_client.api, []
    inspect = api.inspect_image

    def count(reference: str) -> Any:
        asked.append(reference)
        return inspect(reference)

    monkeypatch.setattr(api, "inspect_image", count)
    spec = replace(SPEC, instance="taskedonce", labels={"wb.test.run": run_id}, secret_files=())
    for look in (DockerEngine.find_image, lambda *_: None):
        engine = DockerEngine(docker_client)
        look(engine, VALKEY_IMAGE)
        for _ in range(2):
            engine.remove_container(engine.create_container(spec, "none"))
        assert asked == [VALKEY_IMAGE]
        asked.clear()


@pytest.mark.engine
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the SDK drops a socket it cannot connect
@pytest.mark.parametrize(
    ("host", "reason", "remedy"),
    [
        ("unix:///nowhere/docker.sock", "No such file or directory", "DOCKER_HOST"),
        ("tcp://127.0.0.1:1", "Connection refused", "DOCKER_HOST"),
    ],
)
def test_an_engine_that_does_not_answer_is_unreachable(
    monkeypatch: pytest.MonkeyPatch, host: str, reason: str, remedy: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(EngineUnreachableError, match=reason) as caught:
        DockerEngine(connect()).observe()
    assert remedy in caught.value.hint
    del caught
    gc.collect()


@pytest.mark.engine
@pytest.mark.parametrize(("signal", "is_stopping"), [("SIGTERM", True), ("SIGHUP", False)])
def test_a_container_that_runs_on_after_a_stop_signal_is_stopping(
    docker_client: docker.DockerClient, run_id: str, signal: str, is_stopping: bool
) -> None:
    deaf = "trap '' TERM HUP; echo deaf; while :; do sleep 0.05; done"
    container = docker_client.containers.run(
        VALKEY_IMAGE, ["sh", "-c", deaf], detach=True, labels={"wb.test.run": run_id}
    )
    try:
        wait_until(lambda: b"deaf" in container.logs(), "its traps are set")
        container.kill(signal)
        engine = DockerEngine(docker_client)
        assert observe(engine, container.id).is_stopping is is_stopping
        container.restart(timeout=0)
        assert not observe(engine, container.id).is_stopping
    finally:
        container.remove(force=True)


def observe(engine: DockerEngine, container: str) -> ObservedContainer:
    return next(listed for listed in engine.observe().containers if listed.id == container)
