"""Another program acts on an instance: wb finishes what it began, and the state is right."""

import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest
from faults.deployment import Deployment, Kind
from faults.engine.events import EngineEvents, Event
from faults.kills import check
from support.fixtures.doctored import Doctored
from support.platform_stand_in import Platforms
from support.services import wait_until
from support.wb_host import COMMAND_S, Host

from wb_cli.contract import Part
from wb_cli.engine.docker.closed_root import LABEL_CLOSED_ROOT
from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.faults]

PARTS = (Part.POSTGRES, Part.VALKEY, Part.PLATFORM)
# Longer than each of these needs to stop.
RESTS_S = 6
SLOW = {"env": {"MODE": "slow"}}


def start_deployment(host: Host, kind: Kind | None = None) -> Deployment:
    """Start an instance, and write data."""
    deployment = Deployment(host, kind or Kind())
    deployment.start()
    return deployment


# A `docker stop` is in progress


SLOW_PARTS: dict[str, tuple[Part, dict[str, Any], int]] = {
    "platform": (Part.PLATFORM, SLOW, 0),
    "silent platform": (Part.PLATFORM, {"env": {"MODE": "mute"}}, 0),
    "Valkey": (Part.VALKEY, {}, 4),
    "admin": (Part.ADMIN, {"adminVersion": "2.0"}, 0),
}


@pytest.mark.parametrize("verb", ["run", "restart", "stop"])
@pytest.mark.parametrize("slow", SLOW_PARTS)
def test_a_stop_in_progress_is_finished_before_wb_decides(
    host: Host, events: EngineEvents, platforms: Platforms, slow: str, verb: str
) -> None:
    part, fields, save_s = SLOW_PARTS[slow]
    deployment = start_deployment(host, Kind(fields, save_s=save_s, admin_image=platforms("slow")))
    deployment.slow_down()
    with stop_during(deployment, events, part.container_name(deployment.id)):
        assert read_states(deployment, part) == ("stopping", "stopping")
        deployment.wb(verb)
    if verb == "stop":
        deployment.check_gone()
        return
    deployment.check_runs()
    since = events.settle()
    assert not events.wait_for(lambda event: is_end_of(event, deployment), since, RESTS_S)
    deployment.check_runs()


def read_states(deployment: Deployment, part: Part) -> tuple[str, str]:
    """Read the states of the instance and of one of its parts from `wb status`."""
    (shown,) = deployment.host.json("status", deployment.id)["instances"]
    return shown["state"], {c["role"]: c["state"] for c in shown["containers"]}[part]


@contextmanager
def stop_during(deployment: Deployment, events: EngineEvents, name: str) -> Iterator[None]:
    """Stop a container. The block begins after the stop signal and may end before the stop does."""
    since = events.settle()
    container = deployment.host.container(name)
    stop = threading.Thread(target=container.stop)
    stop.start()
    assert events.wait_for(lambda event: is_kill_of(event, container.id), since, COMMAND_S)
    try:
        yield
    finally:
        stop.join()


def is_kill_of(event: Event, container: str) -> bool:
    return (event.action, event.container) == ("kill", container)


def is_of(event: Event, deployment: Deployment, part: Part, action: str) -> bool:
    return (event.instance, event.part, event.action) == (deployment.id, part, action)


def is_end_of(event: Event, deployment: Deployment) -> bool:
    return event.instance == deployment.id and event.action in {"kill", "die"}


# A restart without supervision


@pytest.fixture
def unsupervised(host: Host) -> Deployment:
    """PostgreSQL and Valkey run with --rm; the restart that follows does not succeed."""
    return start_deployment(host, Kind({"restart": "no"}))


def test_a_failed_restart_brings_back_containers_that_run_with_rm(unsupervised: Deployment) -> None:
    unsupervised.host.change(unsupervised.id, env={"MODE": "exits"})
    unsupervised.wb("restart", exits=(ExitCode.FAILURE,))
    unsupervised.check_runs()


@pytest.mark.parametrize("moment", ["die", "destroy", "start"])
def test_an_interrupted_restart_brings_back_containers_that_run_with_rm(
    unsupervised: Deployment, events: EngineEvents, moment: str
) -> None:
    since = events.settle()
    with unsupervised.host.started("restart", unsupervised.id) as restart:
        assert events.wait_for(
            lambda event: is_of(event, unsupervised, Part.POSTGRES, moment), since, COMMAND_S
        )
        restart.terminate()
        _, talk = restart.communicate(timeout=COMMAND_S)
    assert restart.returncode == ExitCode.TERMINATED, talk
    assert "not undone" not in talk
    unsupervised.check_runs()


# Time, deaths and states


def test_time_for_stopping_is_not_taken_from_the_time_for_starting(host: Host) -> None:
    deployment = start_deployment(host, Kind({"env": {"MODE": "slow", "STOPS_WITHIN_S": "8"}}))
    assert deployment.host.ran("restart", deployment.id, "--timeout", "7").returncode == 0
    deployment.check_runs()


@pytest.mark.parametrize("part", PARTS)
def test_stop_does_not_report_a_part_that_was_killed_before(host: Host, part: Part) -> None:
    deployment = start_deployment(host)
    container = deployment.host.container(part.container_name(deployment.id))
    container.update(restart_policy={"Name": "no"})
    container.kill()
    container.wait()
    done = deployment.host.ran("stop", deployment.id)
    assert "was killed" not in done.stderr
    assert done.returncode == ExitCode.OK, done.stderr
    deployment.check_gone()


def test_an_id_with_the_suffix_of_a_container_that_is_set_aside_is_refused(host: Host) -> None:
    added = host.ran("config", "add", "demo-previous")
    assert added.returncode == ExitCode.USAGE
    assert "-previous" in added.stderr
    host.declare(id="demo-previous")
    run = host.ran("run", "demo-previous")
    assert run.returncode == ExitCode.USAGE
    assert "-previous" in run.stderr
    assert host.containers("demo-previous") == []
    host.forget("demo-previous")


@pytest.fixture
def dead(host: Host) -> Deployment:
    """An instance whose platform the engine has half removed: a file would not go."""
    deployment = start_deployment(host)
    platform = host.container(deployment.id)
    stays = Path(platform.attrs["GraphDriver"]["Data"]["UpperDir"]) / "stays"
    stays.touch()
    if subprocess.run(["chattr", "+i", stays], capture_output=True, check=False).returncode:
        pytest.skip("this disk does not protect files")
    try:
        with pytest.raises(docker.errors.APIError):
            platform.remove(force=True)
    finally:
        subprocess.run(["chattr", "-i", stays], check=True)
    assert host.inspect(deployment.id)["State"]["Status"] == "dead"
    return deployment


@pytest.mark.parametrize("verb", ["run", "restart", "stop"])
def test_a_container_that_the_engine_could_not_remove_is_removed(
    dead: Deployment, verb: str
) -> None:
    dead.wb(verb)
    check(dead, verb)


MANY_FILES = "mkdir /many; for n in $(seq 40000); do : > /many/$n; done"


@pytest.mark.parametrize("verb", ["run", "restart", "stop"])
def test_wb_waits_for_a_container_that_the_engine_is_removing(
    host: Host, platforms: Platforms, doctored: Doctored, verb: str
) -> None:
    open_root = doctored(platforms("healthy"), "open-root", f'LABEL {LABEL_CLOSED_ROOT}=""')
    deployment = start_deployment(host, Kind({"image": open_root}))
    platform = host.container(deployment.id)
    assert platform.exec_run(["sh", "-c", MANY_FILES]).exit_code == 0
    platform.stop()
    with ThreadPoolExecutor(1) as pool:
        removal = pool.submit(platform.remove)
        wait_until(lambda: removal.done() or is_being_removed(deployment), "the removal")
        deployment.wb(verb)
    check(deployment, verb)


def is_being_removed(deployment: Deployment) -> bool:
    listed = deployment.host.listed(deployment.id)
    return any(container["State"] == "removing" for container in listed)
