"""What every test stands on: fixtures that folders share, the guard, and a label for each run."""

import os
import signal
import socket
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import docker
import pytest
from support.labels import RUN, of_run

import wb_cli

pytest_plugins = [
    "support.fixtures.command_line",
    "support.fixtures.doctored",
    "support.fixtures.engine",
    "support.fixtures.hosts",
    "support.fixtures.own_engine",
]

# The thread that reads the engine's events for the tests of faults.
WATCHER = "the engine's events"
# The marks of tests that may connect.
LOUD = ("engine", "services", "network", "edge", "backup")

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


@pytest.fixture(autouse=True)
def guard(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbid every connection to a test that is not marked as needing one."""
    if any(request.node.get_closest_marker(name) for name in LOUD):
        return

    connect = socket.socket.connect

    def refuse(*where: Any) -> None:
        if threading.current_thread().name == WATCHER:
            return connect(*where)  # what watches the engine for other tests goes on meanwhile
        pytest.fail(f"this test reaches for the network; mark it: {', '.join(LOUD)}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
