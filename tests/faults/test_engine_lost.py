"""The engine ends, or is lost, while wb works: the next command repairs the instance.

Here the connection to the engine is cut, and the command reports it.
"""

import json
import os
from collections.abc import Iterator

import pytest
from faults.engine.forwarder import Forwarder
from support.wb_host import Host

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.faults]


@pytest.fixture
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forwarder]:
    """The connection to the engine, open."""
    engine = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    forwarder = Forwarder(tmp_path_factory.mktemp("way") / "docker.sock", engine)
    forwarder.open()
    yield forwarder
    forwarder.close()


@pytest.fixture(scope="module")
def demo(shared_host: Host) -> str:
    return shared_host.prepare()


def cut_at(way: Forwarder, request: int) -> None:
    way.on_change = lambda number: way.cut() if number == request else None


@pytest.mark.parametrize(
    "request_number",
    [1, 4, 7, 10],
)
def test_run_reports_a_lost_engine_and_the_next_run_repairs_the_instance(
    shared_host: Host, demo: str, way: Forwarder, request_number: int
) -> None:
    shared_host.wb("stop", demo)
    cut_at(way, request_number)
    done = shared_host.wb("run", demo, exits=ExitCode.ENGINE_UNREACHABLE, DOCKER_HOST=way.url)
    assert "the Docker Engine does not answer" in done.stderr
    assert "hint: DOCKER_HOST is unix:" in done.stderr
    assert "Traceback" not in done.stderr
    shared_host.wb("run", demo)
    assert is_as_declared(shared_host, demo)


def test_restart_reports_a_lost_engine_and_the_next_run_repairs_the_instance(
    shared_host: Host, demo: str, way: Forwarder
) -> None:
    shared_host.wb("run", demo)
    cut_at(way, 10)
    words = ("restart", demo, "--json")
    done = shared_host.wb(*words, exits=ExitCode.ENGINE_UNREACHABLE, DOCKER_HOST=way.url)
    (told,) = json.loads(done.stdout)["instances"]
    assert told["error"]["kind"] == "EngineUnreachable"
    assert told["error"]["exitCode"] == ExitCode.ENGINE_UNREACHABLE
    shared_host.wb("run", demo)
    assert is_as_declared(shared_host, demo)


def test_stop_reports_a_lost_engine_and_the_next_stop_finishes(
    shared_host: Host, demo: str, way: Forwarder
) -> None:
    shared_host.wb("run", demo)
    cut_at(way, 4)
    shared_host.wb("stop", demo, exits=ExitCode.ENGINE_UNREACHABLE, DOCKER_HOST=way.url)
    assert shared_host.containers(demo)
    shared_host.wb("stop", demo)
    assert shared_host.state(demo) == {}


def test_an_engine_that_comes_back_is_used_by_the_next_command(
    shared_host: Host, demo: str, way: Forwarder
) -> None:
    shared_host.wb("stop", demo)
    cut_at(way, 6)
    shared_host.wb("run", demo, exits=ExitCode.ENGINE_UNREACHABLE, DOCKER_HOST=way.url)
    shared_host.wb("status", demo, exits=ExitCode.ENGINE_UNREACHABLE, DOCKER_HOST=way.url)
    way.open()
    shared_host.wb("run", demo, DOCKER_HOST=way.url)
    assert is_as_declared(shared_host, demo)


def is_as_declared(host: Host, id_: str) -> bool:
    """Check that three supervised containers run, and one network is there."""
    found = host.state(id_)
    containers = [entry for entry in found.values() if isinstance(entry, tuple)]
    states = [(state, policy) for _, state, policy in containers]
    return states == [("running", "always")] * 3 and len(found) == len(states) + 1
