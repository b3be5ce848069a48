"""What every test stands on: the guard, the run's own label, and the leak check."""

import socket
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import docker
import pytest
from services import Services

RUN_LABEL = "wb.test.run"
RUN = uuid.uuid4().hex[:8]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give each of several processes that share the tests a label of its own."""
    node.workerinput["run_id"] = f"{RUN}-{node.gateway.id}"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remove what is left of processes that crashed, or were interrupted and given no time."""
    if exitstatus and session.config.pluginmanager.hasplugin("dsession"):
        with suppress(docker.errors.DockerException), closing(docker.from_env()) as client:
            remove_all(client, RUN)


def remove_all(client: docker.DockerClient, run: str) -> list[str]:
    """Remove what a test run, or one of its processes, has left on the engine; the names of it."""
    labelled = {"label": RUN_LABEL}
    containers = client.containers.list(all=True, filters=labelled, ignore_removed=True)
    containers = [each for each in containers if is_of(run, each.labels[RUN_LABEL])]
    networks = client.networks.list(filters=labelled)
    networks = [each for each in networks if is_of(run, each.attrs["Labels"][RUN_LABEL])]
    for container in containers:
        container.remove(force=True, v=True)
    for network in networks:
        network.remove()
    return [each.name for each in (*containers, *networks)]


def is_of(run: str, label: str) -> bool:
    """Whether a label is a run's, or that of one of its processes."""
    return label == run or label.startswith(f"{run}-")


@pytest.fixture(autouse=True)
def guard(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbid every connection to a test that is not marked as needing one."""
    if any(request.node.get_closest_marker(name) for name in ("engine", "services", "network")):
        return

    def refuse(*_: object) -> None:
        pytest.fail("this test reaches for the network; mark it `engine`, `services` or `network`")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="session")
def run_id(pytestconfig: pytest.Config) -> str:
    """The value of the label that everything made by this process of the test run carries."""
    return str(getattr(pytestconfig, "workerinput", {}).get("run_id", RUN))


@pytest.fixture(scope="session")
def docker_client(run_id: str) -> Iterator[docker.DockerClient]:
    """The test's own eye on the engine; at the end nothing with the run's label may be left."""
    client = docker.from_env()
    yield client
    left = remove_all(client, run_id)
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
