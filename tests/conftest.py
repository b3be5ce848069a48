"""What every test stands on: the guard, the run's own label, and the leak check."""

import socket
import uuid
from collections.abc import Iterator

import docker
import pytest
from services import Services

RUN_LABEL = "wb.test.run"
RUN_ID = uuid.uuid4().hex[:8]


@pytest.fixture(autouse=True)
def guard(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbid every connection to a test that is not marked as needing one."""
    if any(request.node.get_closest_marker(name) for name in ("engine", "services", "network")):
        return

    def refuse(*_: object) -> None:
        pytest.fail("this test reaches for the network; mark it `engine`, `services` or `network`")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="session")
def run_id() -> str:
    """The value of the label that everything made by this test run carries."""
    return RUN_ID


@pytest.fixture(scope="session")
def docker_client(run_id: str) -> Iterator[docker.DockerClient]:
    """The test's own eye on the engine; at the end nothing with the run's label may be left."""
    client = docker.from_env()
    yield client
    mine = {"label": f"{RUN_LABEL}={run_id}"}
    left = [c.name for c in client.containers.list(all=True, filters=mine)]
    left += [n.name for n in client.networks.list(filters=mine)]
    for container in client.containers.list(all=True, filters=mine):
        container.remove(force=True, v=True)
    for network in client.networks.list(filters=mine):
        network.remove()
    client.close()
    assert left == [], "the tests left these behind"


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
