"""A real engine ends and starts again while wb works: the next command repairs the instance."""

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from faults.own_engine import NEEDED, OwnEngine
from support.fixtures_hosts import hosts_with
from support.platform_stand_in import Platforms
from support.services import POSTGRES_IMAGE, VALKEY_IMAGE, wait_until
from support.wb_host import COMMAND_S, Host

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.faults, pytest.mark.usefixtures("on_own_engine")]

DEAD_END = "the Docker Engine does not answer"
ENDS = pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])
Moment = Callable[[Host, str], bool]


@pytest.fixture(scope="module")
def engine(
    docker_client: docker.DockerClient,
    platforms: Platforms,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[OwnEngine]:
    """An engine for these tests alone, with the images."""
    missing = [name for name in NEEDED if not shutil.which(name)]
    if os.geteuid() or missing:
        pytest.skip(f"an engine of one's own needs root, and {' '.join(missing or NEEDED)}")
    own = OwnEngine(tmp_path_factory.mktemp("engine"))
    try:
        own.start()
        own.load(docker_client, [POSTGRES_IMAGE, VALKEY_IMAGE, platforms("healthy")])
        yield own
    finally:
        own.remove()


@pytest.fixture
def on_own_engine(engine: OwnEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run the test, and every `wb` that it starts, on that engine's machine."""
    monkeypatch.setenv("DOCKER_HOST", engine.url)
    with engine.network.entered():
        if not engine.is_up:
            engine.start()
        yield


@pytest.fixture(scope="module")
def host(
    engine: OwnEngine, platforms: Platforms, run_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Host:
    """An operator's machine with no other engine."""
    new_host = hosts_with(platforms("healthy"), engine.client, run_id)
    return new_host(tmp_path_factory.mktemp("host"))


@pytest.fixture(scope="module")
def gated(host: Host) -> str:
    """An instance whose platform becomes ready when its gate is opened."""
    return host.prepare(env={"MODE": "gate"})


@pytest.fixture
def running(host: Host, gated: str) -> str:
    """The same instance, ready, with data."""
    gate(host, gated).touch()
    host.wb("run", gated)
    host.sql(gated, "CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer")
    host.valkey(gated, "SET", "kept", "42")
    host.valkey(gated, "SAVE")
    return gated


def gate(host: Host, id_: str) -> Path:
    return host.folder(id_) / "sandbox" / "go"


# Moments at which an engine may end


def its_first_container_is_there(host: Host, id_: str) -> bool:
    return bool(host.names(id_))


def its_platform_is_awaited(host: Host, id_: str) -> bool:
    return any(
        container["State"] == "running"
        for container in host.listed(id_)
        if f"/{id_}" in container["Names"]
    )


def its_platform_is_set_aside(host: Host, id_: str) -> bool:
    return f"{id_}-previous" in host.names(id_)


def its_platform_is_gone(host: Host, id_: str) -> bool:
    return id_ not in host.names(id_)


@pytest.mark.parametrize(
    ("moment", "how"),
    [(its_first_container_is_there, signal.SIGKILL), (its_platform_is_awaited, signal.SIGTERM)],
    ids=["early, killed", "late, ended"],
)
def test_the_next_run_finishes_a_run(
    engine: OwnEngine, host: Host, running: str, moment: Moment, how: signal.Signals
) -> None:
    host.wb("stop", running)
    gate(host, running).unlink()
    ends_under(engine, how, host, moment, "run", running)
    gate(host, running).touch()
    host.wb("run", running)
    assert is_as_it_was(host, running)


@ENDS
def test_the_next_run_finishes_a_restart(
    engine: OwnEngine, host: Host, running: str, how: signal.Signals
) -> None:
    ends_under(engine, how, host, its_platform_is_set_aside, "restart", running)
    host.wb("run", running)
    assert is_as_it_was(host, running)


@ENDS
def test_the_next_stop_finishes_a_stop(
    engine: OwnEngine, host: Host, running: str, how: signal.Signals
) -> None:
    ends_under(engine, how, host, its_platform_is_gone, "stop", running)
    host.wb("stop", running)
    assert host.state(running) == {}


@ENDS
def test_a_ready_instance_comes_back_with_the_engine(
    engine: OwnEngine, host: Host, running: str, how: signal.Signals
) -> None:
    ids = host.ids(running)
    engine.end(how)
    assert is_unknown(host, running)
    engine.start()
    wait_until(lambda: is_as_it_was(host, running), "the instance, brought back by the engine")
    assert host.ids(running) == ids


def ends_under(
    engine: OwnEngine, how: signal.Signals, host: Host, moment: Moment, *words: str
) -> None:
    """End the engine during a command, check the command's error, and start the engine again."""
    _, id_ = words
    with host.started(*words, "--json") as process:
        wait_until(lambda: moment(host, id_), moment.__name__)
        engine.end(how)
        answer, talk = process.communicate(timeout=COMMAND_S)
    assert process.returncode == ExitCode.ENGINE_UNREACHABLE, answer + talk
    assert "Traceback" not in talk
    error = json.loads(answer)["instances"][0]["error"]
    assert (error["kind"], error["exitCode"]) == ("EngineUnreachable", process.returncode)
    assert error["message"].startswith(DEAD_END)
    assert error["hint"].startswith("DOCKER_HOST is unix:")
    assert is_unknown(host, id_)
    engine.start()


def is_unknown(host: Host, id_: str) -> bool:
    """Check that wb shows the state unknown, and not stopped, without an engine."""
    (told,) = host.json("status", id_, exits=ExitCode.ENGINE_UNREACHABLE)["instances"]
    done = host.wb("run", id_, exits=ExitCode.ENGINE_UNREACHABLE)
    states = {told["state"], *(container["state"] for container in told["containers"])}
    return states == {"unknown"} and DEAD_END in done.stderr


def is_as_it_was(host: Host, id_: str) -> bool:
    """Check that the instance is healthy with its data, and that the engine has nothing else."""
    (told,) = host.json("status", id_)["instances"]
    return (
        told["state"] == "running"
        and (host.sql(id_, "TABLE kept"), host.valkey(id_, "GET", "kept")) == ("42", "42")
        and len(host.containers(id_)) == len(told["containers"])
    )
