"""The reader of stderr goes away in the middle: the work is done and the exit code is right."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from support.wb_host import COMMAND_S, Host

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.long]

# The reader leaves after this number of lines of stderr.
FEW, ALL = (1, 4, 11), range(1, 21)
LINES = [n if n in FEW else pytest.param(n, marks=pytest.mark.faults) for n in ALL]
STREAMS = ("2>/dev/full", "2>&-", ">&-", ">&- 2>&- <&-")


@pytest.fixture(scope="module")
def demo(shared_host: Host) -> Iterator[str]:
    id_ = shared_host.prepare()
    shared_host.wb("run", id_)
    yield id_
    shared_host.wb("stop", id_)


def run_shell(host: Host, line: str) -> int:
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        env=host.environ | {"WB": f"{sys.executable} -m wb_cli"},
        cwd=host.root,
        capture_output=True,
        check=False,
        timeout=COMMAND_S,
    ).returncode


def read_states(host: Host, id_: str) -> set[tuple[str, str]]:
    """Read which states and restart policies its containers have."""
    containers = [host.inspect(container.id) for container in host.containers(id_)]
    return {
        (container["State"]["Status"], container["HostConfig"]["RestartPolicy"]["Name"])
        for container in containers
    }


@pytest.mark.parametrize("lines", LINES)
def test_stop_run_and_restart_end_their_work_when_the_reader_has_left(
    shared_host: Host, demo: str, lines: int
) -> None:
    before = shared_host.ids(demo)
    assert run_shell(shared_host, f"$WB restart {demo} 2>&1 | head -{lines}") == ExitCode.OK
    assert read_states(shared_host, demo) == {("running", "always")}
    assert shared_host.ids(demo)["platform"] != before["platform"]
    assert run_shell(shared_host, f"$WB stop {demo} 2>&1 | head -{lines}") == ExitCode.OK
    assert shared_host.state(demo) == {}
    assert run_shell(shared_host, f"$WB run {demo} 2>&1 | head -{lines}") == ExitCode.OK
    assert read_states(shared_host, demo) == {("running", "always")}
    assert len(shared_host.ids(demo)) == 3


@pytest.mark.parametrize("streams", STREAMS)
def test_stop_and_run_do_their_work_without_stdout_and_stderr(
    shared_host: Host, demo: str, streams: str
) -> None:
    assert run_shell(shared_host, f"$WB stop {demo} {streams}") == ExitCode.OK
    assert shared_host.state(demo) == {}
    assert run_shell(shared_host, f"$WB run {demo} {streams}") == ExitCode.OK
    assert len(shared_host.ids(demo)) == 3


def test_a_lost_answer_is_an_error_after_the_work(shared_host: Host, demo: str) -> None:
    assert run_shell(shared_host, f"$WB stop {demo} >/dev/full") == ExitCode.FAILURE
    assert shared_host.state(demo) == {}
    assert run_shell(shared_host, f"$WB run {demo} >/dev/full") == ExitCode.FAILURE
    assert read_states(shared_host, demo) == {("running", "always")}


@pytest.mark.parametrize("lines", [4, 12])
def test_a_start_that_fails_is_undone_when_the_reader_has_left(
    shared_host: Host, demo: str, lines: int
) -> None:
    shared_host.wb("run", demo)
    before = shared_host.state(demo)
    healthy = shared_host.entries[demo].get("env")
    shared_host.change(demo, env={"MODE": "exits"})
    assert run_shell(shared_host, f"$WB restart {demo} 2>&1 | head -{lines}") == ExitCode.FAILURE
    assert shared_host.state(demo) == before
    shared_host.change(demo, env=healthy)
