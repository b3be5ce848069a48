"""The events of containers: what is read of each, and what happens when the engine goes away."""

import gc
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.engine.forwarder import Forwarder

from wb_cli.contract import Part
from wb_cli.engine.docker.client import connect
from wb_cli.engine.docker.docker_engine import DockerEngine
from wb_cli.engine.events import Event, Happening, read_event
from wb_cli.errors import EngineUnreachableError

OURS = {"wb.instance": "demo", "wb.role": "valkey", "name": "demo-valkey"}
AT = 1_700_000_000_000_000_007


def told(action: str, **attributes: str) -> dict[str, Any]:
    actor = {"ID": "c1", "Attributes": {**OURS, **attributes}}
    return {"Action": action, "Actor": actor, "timeNano": AT}


def read(action: str, **attributes: str) -> Event:
    event = read_event(told(action, **attributes))
    assert event
    return event


def test_an_end_has_its_time_and_its_exit_code() -> None:
    assert read("die", exitCode="137") == Event(
        when="2023-11-14T22:13:20.000000007Z",
        container="c1",
        name="demo-valkey",
        instance="demo",
        part=Part.VALKEY,
        what=Happening.ENDED,
        exit_code=137,
    )


def test_only_an_end_has_an_exit_code() -> None:
    assert read("destroy", exitCode="0").exit_code is None


def test_the_result_of_a_health_check_is_a_happening() -> None:
    assert read("health_status: unhealthy").what is Happening.HEALTH


def test_an_action_that_changes_nothing_is_left_out() -> None:
    assert read_event(told("exec_create: pg_isready")) is None


def test_a_container_that_only_inherits_the_label_is_left_out() -> None:
    assert read_event(told("start", name="my-copy-of-demo")) is None


def test_a_container_that_is_given_a_strange_name_is_told_once_more() -> None:
    assert read("rename", name="mine", oldName="/demo-valkey").name == "mine"


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Forwarder]:
    engine = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    forwarder = Forwarder(tmp_path / "docker.sock", engine)
    forwarder.open()
    yield forwarder
    forwarder.close()


@pytest.mark.engine
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the SDK drops a socket it cannot connect
def test_an_engine_that_goes_away_is_an_error_and_not_an_end(
    way: Forwarder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", way.url)
    client = connect()
    stopped = threading.Event()
    events = DockerEngine(client).follow_events(stopped)
    threading.Timer(0.1, way.cut).start()
    with pytest.raises(EngineUnreachableError, match="broke off its answer"):
        list(events)
    with pytest.raises(EngineUnreachableError, match="does not answer"):
        DockerEngine(client).follow_events(stopped)
    stopped.set()
    client.close()
    gc.collect()  # drop that socket here, where its warning is ignored
