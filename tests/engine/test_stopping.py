"""What is called after a stop waits for the engine, which takes the network down meanwhile."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import docker
import pytest
from services import VALKEY_IMAGE, wait_until

from wb_cli.contract import Role
from wb_cli.engine import stopping
from wb_cli.engine.docker_engine import DockerEngine
from wb_cli.engine.types import ContainerSpec, NetworkSpec

pytestmark = pytest.mark.engine
INSTANCE = "tstopping"
ROUNDS = 5


@pytest.fixture
def running(docker_client: docker.DockerClient, run_id: str) -> Iterator[tuple[str, str]]:
    """A container that runs on a network of its own; both are to be removed."""
    engine, labels = DockerEngine(docker_client), {"wb.test.run": run_id}
    network = engine.create_network(NetworkSpec(INSTANCE, "10.215.78.0/28", labels))
    spec = ContainerSpec(INSTANCE, Role.VALKEY, VALKEY_IMAGE, labels=labels)
    container = engine.create_container(spec, network)
    engine.start(container)
    yield container, network
    engine.remove_network(network)


def test_more_stops_than_threads_come_to_their_end(
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
def test_a_container_and_its_network_are_removed_side_by_side(
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
    assert container not in {each.id for each in observed.containers}
    assert network not in {each.id for each in observed.networks}


def test_a_container_that_was_stopped_is_renamed_and_started_at_once(
    docker_client: docker.DockerClient, running: tuple[str, str]
) -> None:
    engine, (container, _) = DockerEngine(docker_client), running
    engine.stop(container, 10)
    engine.set_restart_policy(container, "no")
    engine.rename(container, f"{INSTANCE}-again")
    engine.start(container)
    assert engine.inspect(container).state == "running"
    engine.stop(container, 10)
    engine.remove_container(container)
