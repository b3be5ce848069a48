"""Calls after a stop wait for the engine, which is still taking the network down."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import docker
import pytest
from support.services import VALKEY_IMAGE, wait_until

from wb_cli.contract import Part
from wb_cli.engine.docker import stopping
from wb_cli.engine.docker.docker_engine import DockerEngine
from wb_cli.engine.types import ContainerSpec, NetworkSpec, State
from wb_cli.lifecycle.execute import KILLED

pytestmark = pytest.mark.engine
INSTANCE = "tstopping"
ROUNDS = 5
HEARS_NOTHING_AT_FIRST = "trap '' TERM; sleep 0.5; trap 'exit 7' TERM; while :; do sleep 0.1; done"
COUNTS = "trap 'echo asked' TERM; echo ready; while :; do sleep 0.1; done"


@pytest.fixture
def running(
    request: pytest.FixtureRequest, docker_client: docker.DockerClient, run_id: str
) -> Iterator[tuple[str, str]]:
    """A running container of Valkey or of a script, on its own network."""
    engine, labels = DockerEngine(docker_client), {"wb.test.run": run_id}
    network = engine.create_network(NetworkSpec(INSTANCE, "10.215.78.0/28", labels))
    script = getattr(request, "param", "")
    command = ("sh", "-c", script) if script else ()
    spec = ContainerSpec(INSTANCE, Part.VALKEY, VALKEY_IMAGE, command=command, labels=labels)
    container = engine.create_container(spec, network)
    engine.start(container)
    yield container, network
    with suppress(docker.errors.NotFound):
        docker_client.api.remove_container(container, force=True, v=True)
    engine.remove_network(network)


@pytest.mark.parametrize("running", [HEARS_NOTHING_AT_FIRST], indirect=True)
def test_a_container_that_missed_the_stop_signal_gets_it_again(
    docker_client: docker.DockerClient, running: tuple[str, str]
) -> None:
    assert DockerEngine(docker_client).stop(running[0], 10) == 7


@pytest.mark.parametrize("running", [COUNTS], indirect=True)
def test_an_older_container_gets_the_stop_signal_once(
    docker_client: docker.DockerClient,
    running: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stopping, "YOUNG", timedelta(0))
    monkeypatch.setattr(stopping, "ASKED_AGAIN_AFTER_S", 0.2)
    engine, (container, _) = DockerEngine(docker_client), running
    wait_until(lambda: engine.read_logs(container, 1) == "ready\n", "the script")
    assert engine.stop(container, 1) == KILLED
    assert engine.read_logs(container, 10).splitlines() == ["ready", "asked"]


def test_more_stops_than_threads_all_end(
    docker_client: docker.DockerClient,
    running: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stopping, "POOL_CONNECTIONS", 1)
    engine, (container, _) = DockerEngine(docker_client), running
    ping = ("valkey-cli", "ping")
    wait_until(lambda: engine.execute(container, ping)[1] == b"PONG\n", "Valkey")
    assert engine.stop(container, 10) == 0
    engine.remove_container(container)


@pytest.mark.parametrize("_", range(ROUNDS))
def test_a_container_and_its_network_can_be_removed_in_parallel(
    docker_client: docker.DockerClient, running: tuple[str, str], _: int
) -> None:
    engine, (container, network) = DockerEngine(docker_client), running
    engine.stop(container, 10)
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(engine.remove_container, container)]
        calls += [pool.submit(engine.remove_network, network)]
    for call in calls:
        call.result()
    observed = engine.observe()
    assert container not in {listed.id for listed in observed.containers}
    assert network not in {listed.id for listed in observed.networks}


def test_a_stopped_container_can_be_renamed_and_started_at_once(
    docker_client: docker.DockerClient, running: tuple[str, str]
) -> None:
    engine, (container, _) = DockerEngine(docker_client), running
    engine.stop(container, 10)
    engine.set_restart_policy(container, "no")
    engine.rename(container, f"{INSTANCE}-again")
    engine.start(container)
    assert engine.inspect(container).state is State.RUNNING
    engine.stop(container, 10)
    engine.remove_container(container)
