"""The engine ends, or is lost, while wb works: the next command repairs the instance.

Here a real engine ends, and starts again.
"""

import json
import re
import signal
from collections.abc import Callable

import pytest
from faults.gates import open_gate, shut_gate
from support.fixtures.hosts import hosts_with
from support.own_engine import OwnEngine
from support.services import wait_until
from support.wb_host import COMMAND_S, Host

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.faults, pytest.mark.usefixtures("on_own_engine")]

DEAD_END = "the Docker Engine does not answer"
ENDS = pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])
Moment = Callable[[Host, str], bool]


@pytest.fixture(scope="module")
def host(
    own_engine: OwnEngine,
    image_of_platforms: str,
    run_id: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Host:
    """An operator's machine with no other engine."""
    new_host = hosts_with(image_of_platforms, own_engine.client, run_id)
    return new_host(tmp_path_factory.mktemp("host"))


@pytest.fixture(scope="module")
def gated(host: Host) -> str:
    """An instance whose platform becomes ready when its gate is opened."""
    return host.prepare(env={"MODE": "gate"})


@pytest.fixture
def running(host: Host, gated: str) -> str:
    """The same instance, ready, with data."""
    open_gate(host, gated)
    host.wb("run", gated)
    host.sql(gated, "CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer")
    host.valkey(gated, "SET", "kept", "42")
    host.valkey(gated, "SAVE")
    return gated


# Moments at which an engine may end


def has_first_container(host: Host, id_: str) -> bool:
    return bool(host.names(id_))


def is_platform_awaited(host: Host, id_: str) -> bool:
    return any(
        container["State"] == "running"
        for container in host.listed(id_)
        if f"/{id_}" in container["Names"]
    )


def is_platform_set_aside(host: Host, id_: str) -> bool:
    return f"{id_}-previous" in host.names(id_)


def is_platform_gone(host: Host, id_: str) -> bool:
    return id_ not in host.names(id_)


@pytest.mark.parametrize(
    ("moment", "how"),
    [(has_first_container, signal.SIGKILL), (is_platform_awaited, signal.SIGTERM)],
    ids=["early, killed", "late, ended"],
)
def test_the_next_run_finishes_a_run(
    own_engine: OwnEngine, host: Host, running: str, moment: Moment, how: signal.Signals
) -> None:
    host.wb("stop", running)
    shut_gate(host, running)
    end_during(own_engine, how, host, moment, "run", running)
    open_gate(host, running)
    host.wb("run", running)
    assert is_as_it_was(host, running)


@ENDS
def test_the_next_run_finishes_a_restart(
    own_engine: OwnEngine, host: Host, running: str, how: signal.Signals
) -> None:
    end_during(own_engine, how, host, is_platform_set_aside, "restart", running)
    host.wb("run", running)
    assert is_as_it_was(host, running)


@ENDS
def test_the_next_stop_finishes_a_stop(
    own_engine: OwnEngine, host: Host, running: str, how: signal.Signals
) -> None:
    end_during(own_engine, how, host, is_platform_gone, "stop", running)
    host.wb("stop", running)
    assert host.state(running) == {}


@ENDS
def test_a_ready_instance_comes_back_with_the_engine(
    own_engine: OwnEngine, host: Host, running: str, how: signal.Signals
) -> None:
    ids = host.ids(running)
    own_engine.end(how)
    assert is_unknown(host, running)
    own_engine.start()
    wait_until(lambda: is_as_it_was(host, running), "the instance, brought back by the engine")
    assert host.ids(running) == ids


@ENDS
def test_a_watch_says_unknown_meanwhile_and_goes_on_with_the_next_engine(
    own_engine: OwnEngine, host: Host, running: str, how: signal.Signals
) -> None:
    with host.started("status", "--watch", running) as process:
        assert process.stdout
        lines = iter(process.stdout.readline, "")
        assert f"{running}: running" in next(lines)
        own_engine.end(how)
        assert any("the state of every instance is unknown" in line for line in lines)
        own_engine.start()
        assert any("engine: it answers again" in line for line in lines)
        assert any(re.search(r"(: | -> )running$", line.strip()) for line in lines)
        process.send_signal(signal.SIGINT)
        assert process.wait(COMMAND_S) == ExitCode.OK


@ENDS
def test_logs_that_are_followed_go_on_with_the_next_engine(
    own_engine: OwnEngine, host: Host, running: str, how: signal.Signals
) -> None:
    with host.started("logs", "--follow", "-n", "1", running, "postgres") as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline()
        told = iter(process.stderr.readline, "")
        own_engine.end(how)
        assert any("; waiting for it" in line for line in told)
        own_engine.start()
        assert any("the Docker Engine answers again" in line for line in told)
        assert any(f"{running}-postgres" in line and "started again" in line for line in told)
        assert any("ready to accept connections" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        process.wait(COMMAND_S)


def end_during(
    own_engine: OwnEngine, how: signal.Signals, host: Host, moment: Moment, *words: str
) -> None:
    """End the engine during a command, check the command's error, and start the engine again."""
    _, id_ = words
    with host.started(*words, "--json") as process:
        wait_until(lambda: moment(host, id_), moment.__name__)
        own_engine.end(how)
        answer, talk = process.communicate(timeout=COMMAND_S)
    assert process.returncode == ExitCode.ENGINE_UNREACHABLE, answer + talk
    assert "Traceback" not in talk
    error = json.loads(answer)["instances"][0]["error"]
    assert (error["kind"], error["exitCode"]) == ("EngineUnreachable", process.returncode)
    assert error["message"].startswith(DEAD_END)
    assert error["hint"].startswith("DOCKER_HOST is unix:")
    assert is_unknown(host, id_)
    own_engine.start()


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
