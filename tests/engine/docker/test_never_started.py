"""What wb made and never started, as it was killed or cut off in between, is removed."""

import os
import subprocess
import sys
import threading
from typing import Any

import docker
import pytest
from support.labels import RUN_LABEL
from support.services import VALKEY_IMAGE

from wb_cli.engine.docker.docker_engine import DockerEngine
from wb_cli.engine.docker.never_started import (
    LABEL_MAKER,
    STARTED_WITHIN_S,
    choose_never_started,
    is_dead,
    name_machine,
    name_maker,
)
from wb_cli.engine.task import TaskSpec

NOW = 1_800_000_000
OLD = NOW - STARTED_WITHIN_S - 1


def listed(id_: str, state: str, created: int, maker: str = "") -> dict[str, Any]:
    return {"Id": id_, "State": state, "Created": created, "Labels": {LABEL_MAKER: maker}}


def dead_maker() -> str:
    """The name of a process that has ended."""
    code = "from wb_cli.engine.docker.never_started import name_maker; print(name_maker(), end='')"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_what_a_dead_process_or_anybody_long_before_never_started_is_chosen() -> None:
    containers = [
        listed("own", "running", NOW, "me"),
        listed("old", "created", OLD, "far away"),
        listed("of a dead one", "created", NOW - 1, "dead"),
        listed("about to start", "created", NOW - 1, "another"),
        listed("at work", "running", OLD, "dead"),
    ]
    chosen = choose_never_started(containers, "own", lambda maker: maker == "dead")
    assert chosen == ["old", "of a dead one"]


def test_without_the_engines_clock_age_says_nothing() -> None:
    containers = [listed("old", "created", OLD, "far away")]
    assert choose_never_started(containers, "own", lambda _: False) == []


def test_a_process_is_dead_only_if_that_is_sure() -> None:
    assert not is_dead(name_maker())
    assert is_dead(dead_maker())
    assert is_dead(f"{name_machine()} {os.getpid()} 1")  # its number was given again
    assert not is_dead(f"another-machine {os.getpid()} 1")
    for nonsense in ("", "x", f"{name_machine()} x y", f"{name_machine()}"):
        assert not is_dead(nonsense)


@pytest.fixture
def left(docker_client: docker.DockerClient, run_id: str) -> dict[str, Any]:
    """Two containers that were never started: of a dead process, and of one that lives."""
    return {
        maker: docker_client.containers.create(
            VALKEY_IMAGE, labels={RUN_LABEL: run_id, LABEL_MAKER: name}
        )
        for maker, name in (("dead", dead_maker()), ("alive", name_maker()))
    }


def names(client: docker.DockerClient, left: dict[str, Any]) -> set[str]:
    there = {container.id for container in client.containers.list(all=True, ignore_removed=True)}
    return {maker for maker, container in left.items() if container.id in there}


@pytest.mark.engine
def test_the_next_task_removes_what_a_dead_process_left(
    docker_client: docker.DockerClient, run_id: str, left: dict[str, Any]
) -> None:
    spec = TaskSpec("look", VALKEY_IMAGE, ("true",), labels={RUN_LABEL: run_id})
    end = DockerEngine(docker_client).run_task(spec, lambda _: None, threading.Event())
    assert end.code == 0
    assert names(docker_client, left) == {"alive"}
    left["alive"].remove()


@pytest.mark.engine
def test_the_next_outpost_removes_what_a_dead_process_left(
    docker_client: docker.DockerClient, run_id: str, left: dict[str, Any]
) -> None:
    engine = DockerEngine(docker_client)
    engine.open_outpost(VALKEY_IMAGE, ("true",), {RUN_LABEL: run_id}).close()
    assert names(docker_client, left) == {"alive"}
    left["alive"].remove()
