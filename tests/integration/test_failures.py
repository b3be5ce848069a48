"""Starts that fail, are slow or are interrupted; two operators at once; no engine."""

import json
import signal
import urllib.request

import pytest
from support.platform_stand_in import Platforms
from support.services import wait_until
from support.wb_host import Host

pytestmark = [pytest.mark.engine, pytest.mark.long]


def test_an_update_that_exits_is_undone_and_the_old_version_runs(
    host: Host, platforms: Platforms
) -> None:
    id_ = host.prepare()
    host.wb("run", id_)
    before = host.state(id_)
    host.change(id_, image=platforms("exits"), port=host.port(id_), label="Newer")
    done = host.wb("run", id_, exits=1)
    assert f"{id_} exited with code 7 while starting; its last lines:" in done.stderr
    assert "\n    ConfigError: no such dialect\n" in done.stderr
    assert host.state(id_) == before
    url = f"http://127.0.0.1:{host.port(id_)}/health_check"
    wait_until(lambda: is_answering(url), "the old version")
    # A restart is undone, too.
    host.wb("restart", id_, exits=1)
    assert host.state(id_) == before
    host.change(id_, image=host.platform, label="Test")
    host.wb("run", id_)
    assert host.state(id_) == before


def is_answering(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def test_a_first_start_that_exits_leaves_no_container(host: Host, platforms: Platforms) -> None:
    id_ = host.prepare(image=platforms("exits"))
    host.wb("run", id_, exits=1)
    assert host.containers(id_) == []
    assert host.networks(id_) == []


def test_a_slow_start_is_left_running_and_the_next_run_finishes(
    host: Host, platforms: Platforms
) -> None:
    id_ = host.prepare()
    host.wb("run", id_)
    before = host.ids(id_)
    host.change(id_, image=platforms("never-ready"))
    done = host.wb("run", id_, "--timeout", "6", exits=5)
    assert f"{id_} is still starting; it last said: " in done.stderr
    assert f"`wb status {id_}`" in done.stderr
    assert host.container(id_).status == "running"
    assert host.inspect(id_)["HostConfig"]["RestartPolicy"]["Name"] == "no"
    assert host.container(f"{id_}-previous").status == "exited"
    assert host.json("status", id_)["instances"][0]["state"] == "starting"
    host.change(id_, image=host.platform)
    host.wb("run", id_)
    after = host.ids(id_)
    assert (after["postgres"], after["valkey"]) == (before["postgres"], before["valkey"])
    assert len(host.containers(id_)) == 3
    assert host.json("status", id_)["instances"][0]["state"] == "running"


def test_a_truncated_snapshot_leaves_the_instance_degraded_and_up(host: Host) -> None:
    id_ = host.prepare()
    (host.folder(id_) / "valkey_data" / "dump.rdb").write_bytes(b"REDIS0011\xfa\x09val")
    done = host.wb("run", id_, exits=4)
    assert f"{id_}: degraded: http://127.0.0.1:{host.port(id_)}" in done.stdout
    assert f"{id_}-valkey exited with code 1 while starting" in done.stderr
    assert is_answering(f"http://127.0.0.1:{host.port(id_)}/health_check")
    (shown,) = host.json("status", id_)["instances"]
    assert shown["state"] == "degraded"
    states = {part["role"]: part["state"] for part in shown["containers"]}
    assert states == {"postgres": "healthy", "valkey": "exited", "platform": "healthy"}
    (host.folder(id_) / "valkey_data" / "dump.rdb").unlink()
    host.wb("run", id_)
    assert host.json("status", id_)["instances"][0]["state"] == "running"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_an_interrupted_start_is_undone(
    host: Host, platforms: Platforms, number: signal.Signals, code: int
) -> None:
    id_ = host.prepare(image=platforms("never-ready"))
    with host.started("run", id_) as process:
        wait_until(lambda: "platform" in host.ids(id_), "the platform's container")
        process.send_signal(number)
        _, talk = process.communicate(timeout=60)
    assert process.returncode == code
    assert f"; undone: {id_}" in talk
    assert host.containers(id_) == []
    assert host.networks(id_) == []


def test_a_start_under_nohup_goes_on_after_its_terminal_is_gone(host: Host) -> None:
    id_ = host.prepare()
    with host.started("run", id_, prefix=("nohup",)) as process:
        wait_until(lambda: "platform" in host.ids(id_), "the platform's container")
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert host.json("status", id_)["instances"][0]["state"] == "running"


def test_an_interrupted_update_brings_the_old_version_back(
    host: Host, platforms: Platforms
) -> None:
    id_ = host.prepare()
    host.wb("run", id_)
    before = host.state(id_)
    host.change(id_, image=platforms("never-ready"))
    with host.started("run", id_) as process:
        wait_until(lambda: {id_, f"{id_}-previous"} <= host.names(id_), "its successor")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert host.state(id_) == before


def test_of_two_operators_the_second_is_told_of_the_first_or_waits_for_it(
    host: Host, platforms: Platforms
) -> None:
    id_ = host.prepare(image=platforms("never-ready"))
    with host.started("run", id_, "--timeout", "60") as first:
        wait_until(lambda: len(host.ids(id_)) == 3, "its containers")
        ids = host.ids(id_)
        done = host.wb("stop", id_, exits=7)
        assert f"{id_} is being changed by `wb run {id_}` of " in done.stderr
        assert f"(pid {first.pid}, for " in done.stderr
        assert host.ids(id_) == ids
        assert host.wb("run", id_, "--dry-run").returncode == 0  # a dry run changes nothing
        with host.started("stop", id_, "--wait", "60") as second:
            first.send_signal(signal.SIGINT)
            second.communicate(timeout=60)
        first.wait(60)
    assert (first.returncode, second.returncode) == (130, 0)
    assert host.containers(id_) == []


def test_the_lock_of_a_killed_wb_is_free(host: Host, platforms: Platforms) -> None:
    id_ = host.prepare(image=platforms("never-ready"))
    with host.started("run", id_) as killed:
        wait_until(lambda: "platform" in host.ids(id_), "the platform's container")
        killed.kill()
        killed.wait()
    host.change(id_, image=host.platform)
    host.wb("run", id_)
    assert host.json("status", id_)["instances"][0]["state"] == "running"


NOWHERE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}


def test_without_an_engine_the_status_is_unknown_and_not_stopped(host: Host) -> None:
    id_ = host.declare()
    done = host.wb("status", "--json", exits=6, **NOWHERE)
    (shown,) = json.loads(done.stdout)["instances"]
    assert (shown["id"], shown["state"]) == (id_, "unknown")
    assert {part["state"] for part in shown["containers"]} == {"unknown"}


@pytest.mark.parametrize("command", ["run", "stop", "restart", "status"])
def test_without_an_engine_every_command_is_an_error(host: Host, command: str) -> None:
    id_ = host.prepare()
    done = host.wb(command, id_, exits=6, **NOWHERE)
    assert f"error: the Docker Engine does not answer at {NOWHERE['DOCKER_HOST']}" in done.stderr
    assert ": No such file or directory\nhint: " in done.stderr


def test_a_failure_of_one_instance_does_not_touch_the_others(
    host: Host, platforms: Platforms
) -> None:
    good, bad = host.prepare(), host.prepare(image=platforms("exits"))
    done = host.wb("run", good, bad, exits=3)
    assert host.json("status", good)["instances"][0]["state"] == "running"
    assert host.containers(bad) == []
    assert "failed: " in done.stdout
    host.wb("stop", "all")
