"""What every test stands on: the guard, the run's own label, and the leak check."""

import os
import signal
import socket
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import docker
import pytest
from support.made import Made, made
from support.services import VALKEY_IMAGE, Services

import wb_cli

RUN_LABEL = "wb.test.run"
# The thread that reads the engine's events for the tests of faults.
WATCHER = "the engine's events"
RUN = uuid.uuid4().hex[:8]

# What asserts for several tests tells as much as they do.
pytest.register_assert_rewrite("faults.deployment", "faults.kills", "support.wb_host")

# Shells start what runs in the background with Ctrl-C ignored, and so would be what tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure() -> None:
    """Refuse to test a checkout where the installed wheel is meant to be tested."""
    tested = Path(wb_cli.__file__)
    if os.environ.get("WB_TEST_THE_WHEEL") and not tested.is_relative_to(sys.prefix):
        raise pytest.UsageError(f"not the installed wheel: {tested}")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give each of several processes that share the tests a label of its own."""
    node.workerinput["run_id"] = f"{RUN}-{node.gateway.id}"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remove what is left of processes that crashed, or were interrupted and given no time."""
    if exitstatus and session.config.pluginmanager.hasplugin("dsession"):
        with suppress(docker.errors.DockerException), closing(docker.from_env()) as client:
            of_run(client, RUN).remove()


def of_run(client: docker.DockerClient, run: str) -> Made:
    """What a test run, or one of its processes, has on the engine."""
    return made(client, RUN_LABEL, lambda label: label == run or label.startswith(f"{run}-"))


@pytest.fixture(autouse=True)
def guard(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbid every connection to a test that is not marked as needing one."""
    if any(request.node.get_closest_marker(name) for name in ("engine", "services", "network")):
        return

    connect = socket.socket.connect

    def refuse(*where: Any) -> None:
        if threading.current_thread().name == WATCHER:
            return connect(*where)  # what watches the engine for other tests goes on meanwhile
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
