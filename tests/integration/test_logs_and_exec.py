"""Looking into an instance's containers, running or not."""

import pytest
from wb_host import Host

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def demo(shared_host: Host) -> str:
    id_ = shared_host.prepare()
    shared_host.wb("run", id_)
    return id_


def test_a_command_s_output_and_exit_code_are_wb_s(shared_host: Host, demo: str) -> None:
    done = shared_host.wb(
        "exec", "--part", "postgres", demo, "sh", "-c", "cat /etc/hostname; exit 7", exits=7
    )
    assert done.stdout.strip() == shared_host.container(f"{demo}-postgres").id[:12]


def test_logs_are_the_last_lines_of_one_part(shared_host: Host, demo: str) -> None:
    done = shared_host.wb("logs", demo, "--part", "postgres", "--lines", "1")
    assert done.stdout.count("\n") == 1
    assert "ready to accept connections" in done.stdout


def test_a_container_that_does_not_run_has_logs_and_takes_no_command(
    shared_host: Host, demo: str
) -> None:
    valkey = f"{demo}-valkey"
    shared_host.container(valkey).stop()
    done = shared_host.wb("logs", demo, "--part", "valkey", "--lines", "1")
    assert "bye bye" in done.stdout
    done = shared_host.wb("exec", "--part", "valkey", demo, "true", exits=ExitCode.FAILURE)
    assert f"{valkey} is exited" in done.stderr
    assert f"wb run {demo}" in done.stderr


def test_an_instance_that_is_not_there_has_neither(shared_host: Host, demo: str) -> None:
    for words in (("logs", "nobody"), ("exec", "nobody", "true"), ("logs", demo, "--part=admin")):
        done = shared_host.wb(*words, exits=ExitCode.USAGE)
        assert "container" in done.stderr
        assert "wb status" in done.stderr
        assert done.stdout == ""
