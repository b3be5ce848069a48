"""Fixtures for tests on the real engine: the run's label, the check for leaks, and servers."""

from collections.abc import Iterator
from typing import Any

import docker
import pytest
from support.labels import RUN, RUN_LABEL, of_run
from support.services import VALKEY_IMAGE, Services


@pytest.fixture(scope="session")
def run_id(pytestconfig: pytest.Config) -> str:
    """The value of the label that everything made by this process of the test run carries."""
    return str(getattr(pytestconfig, "workerinput", {}).get("run_id", RUN))


@pytest.fixture(scope="session")
def docker_client(run_id: str) -> Iterator[docker.DockerClient]:
    """The test's own eye on the engine; at the end nothing with the run's label may be left."""
    client = docker.from_env()
    yield client
    left = of_run(client, run_id)
    left.remove()
    client.close()
    assert left.names == [], "the tests left these behind"


@pytest.fixture(scope="session")
def stranger(docker_client: docker.DockerClient, run_id: str) -> Iterator[Any]:
    """A container and a network that are none of wb's: what is foreign must not be touched."""
    labels = {RUN_LABEL: run_id}
    network = docker_client.networks.create(f"stranger-{run_id}", labels=labels)
    container = docker_client.containers.run(
        VALKEY_IMAGE, detach=True, labels=labels, network=network.name, name=f"stranger-{run_id}"
    )
    yield container
    container.remove(force=True, v=True)
    network.remove()


@pytest.fixture(autouse=True)
def left_as_found(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test on the engine leaves nothing there that was not there before, but instances declared
    on a machine that tests share; and what is foreign as it was.
    """
    if not request.node.get_closest_marker("engine"):
        yield
        return
    client, run, stranger = map(request.getfixturevalue, ("docker_client", "run_id", "stranger"))
    before, untouched = set(of_run(client, run).names), seen(stranger)
    yield
    shares = "shared_host" in request.fixturenames
    declared = request.getfixturevalue("shared_host").declared_names() if shares else set()
    left = set(of_run(client, run).names) - before - declared
    assert left == set(), "the test left these behind"
    assert seen(stranger) == untouched


def seen(container: Any) -> dict[str, Any]:
    """What any change to a container would show in."""
    container.reload()
    state, settings = container.attrs["State"], container.attrs["NetworkSettings"]["Networks"]
    return {
        "id": container.id,
        "name": container.name,
        "process": (state["Pid"], state["StartedAt"], state["Paused"]),
        "policy": container.attrs["HostConfig"]["RestartPolicy"],
        "networks": {name: each["NetworkID"] for name, each in settings.items()},
    }


@pytest.fixture(scope="session")
def services(docker_client: docker.DockerClient, run_id: str) -> Iterator[Services]:
    """Real PostgreSQL and Valkey servers, started when first asked for."""
    started = Services(docker_client, {RUN_LABEL: run_id})
    yield started
    started.close()


@pytest.fixture(scope="session")
def postgres_url(services: Services) -> str:
    """A running PostgreSQL's URL, superuser, database ``postgres``."""
    return services.postgres().url


@pytest.fixture(scope="session")
def valkey_url(services: Services) -> str:
    """A running Valkey's URL."""
    return services.valkey().url
