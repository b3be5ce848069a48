"""A port is stolen, a disk is full, or a stranger is in the way: wb names it and harms nothing."""

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from faults.engine.faulty_engine import Call, Fault, FaultyEngine, How
from support.services import VALKEY_IMAGE, wait_until
from support.wb_host import COMMAND_S, Host

from wb_cli.contract import POSTGRES_HOST_PORT_OFFSET
from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.faults]


def steal_after_checks(
    faulty: FaultyEngine, steal: Callable[[], None]
) -> AbstractContextManager[None]:
    """Steal something after preflight, before the first container is made."""
    gate = threading.Event()
    faulty.begin(Fault(Call("create", 1), How.DELAYED, gate))

    def wait_and_steal() -> None:
        wait_until(lambda: faulty.has_failed, "the first container")
        steal()
        gate.set()

    return run_in_thread(wait_and_steal)


@contextmanager
def run_in_thread(work: Callable[[], None]) -> Iterator[None]:
    """Run a function in a thread. Its exception is raised here."""
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        yield
        done.result()


@pytest.mark.parametrize(
    "offset",
    [0, POSTGRES_HOST_PORT_OFFSET],
    ids=["platform", "postgres"],
)
def test_a_thief_that_takes_the_port_after_the_checks_is_named_and_the_start_undone(
    host: Host, faulty: FaultyEngine, offset: int
) -> None:
    id_ = host.prepare()
    port = host.port(id_) + offset
    with socket.socket() as stolen:
        stolen.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        def steal() -> None:
            stolen.bind(("127.0.0.1", port))
            stolen.listen()

        with steal_after_checks(faulty, steal):
            done = host.wb("run", id_, exits=ExitCode.FAILURE, DOCKER_HOST=faulty.url)
    assert str(port) in done.stderr
    assert "address already in use" in done.stderr
    assert host.state(id_) == {}
    host.wb("run", id_)


def test_a_used_up_network_pool_is_an_error_before_any_change(host: Host) -> None:
    first, second = host.prepare(), host.prepare()
    pool: dict[str, Any] = {"WB_SUBNET_POOL": "10.215.77.0/26", "WB_SUBNET_PREFIX": "26"}
    host.wb("run", first, **pool)
    done = host.wb("run", second, exits=ExitCode.FAILURE, **pool)
    assert "10.215.77.0/26" in done.stderr
    assert "subnet_pool" in done.stderr
    assert host.state(second) == {}
    host.wb("run", second)


@pytest.fixture(scope="module")
def demo(shared_host: Host) -> str:
    """An instance for tests that leave it stopped."""
    return shared_host.prepare()


@pytest.fixture
def attach_guest(shared_host: Host, run_id: str) -> Iterator[Any]:
    """Attach a stranger's container to an instance's network."""
    attached = []

    def attach(id_: str, **options: Any) -> Any:
        container = shared_host.client.containers.run(
            VALKEY_IMAGE,
            detach=True,
            labels={"wb.test.run": run_id},
            network=shared_host.networks(id_)[0].id,
            **options,
        )
        attached.append(container)
        return container

    yield attach
    for container in attached:
        container.remove(force=True, v=True)


def test_a_stranger_on_the_network_is_named_and_left_alone_until_force_stops_it(
    shared_host: Host, demo: str, attach_guest: Any
) -> None:
    shared_host.wb("run", demo)
    stranger, before = attach_guest(demo), shared_host.state(demo)
    done = shared_host.wb("stop", demo, "--timeout", "0", exits=ExitCode.FAILURE)
    assert stranger.name in done.stderr
    assert f"wb stop {demo} --force" in done.stderr
    assert shared_host.state(demo) == before
    stranger.reload()
    assert stranger.status == "running"
    assert demo in stranger.attrs["NetworkSettings"]["Networks"]
    shared_host.wb("stop", demo, "--force")
    assert shared_host.state(demo) == {}
    stranger.reload()
    assert stranger.status == "exited"


def test_stop_waits_until_a_helper_on_the_network_has_ended(
    shared_host: Host, demo: str, attach_guest: Any
) -> None:
    shared_host.wb("run", demo)
    helper = attach_guest(demo)
    with shared_host.started("stop", demo) as stop:
        assert stop.stderr
        assert helper.name in stop.stderr.readline()
        assert len(shared_host.containers(demo)) == 3
        helper.stop()
        assert stop.wait(COMMAND_S) == ExitCode.OK
    assert shared_host.state(demo) == {}


def test_a_platform_that_ignores_the_stop_signal_is_killed_and_reported(
    shared_host: Host, demo: str
) -> None:
    shared_host.change(demo, env={"MODE": "deaf"})
    shared_host.wb("run", demo)
    done = shared_host.wb("stop", demo, exits=ExitCode.FAILURE)
    assert f"{demo} did not stop within 10 s and was killed" in done.stderr
    assert shared_host.state(demo) == {}


@contextmanager
def mount_small_disk(folder: Path, size: str) -> Iterator[None]:
    """Mount a small disk on a folder."""
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_an_error_before_any_change(host: Host) -> None:
    with mount_small_disk(host.mount_path, "300m"):
        id_ = host.prepare()
        ballast = host.mount_path / "ballast"
        ballast.write_bytes(bytes(250 * 1024**2))
        done = host.wb("run", id_, exits=ExitCode.FAILURE)
        assert f"MiB are free at {host.mount_path}" in done.stderr
        assert "free some space" in done.stderr
        assert host.state(id_) == {}
        ballast.unlink()
        host.wb("run", id_)
        host.wb("stop", id_)


def test_a_start_on_a_disk_that_fills_up_is_undone_and_shows_the_reason(
    host: Host, faulty: FaultyEngine
) -> None:
    def fill() -> None:
        with suppress(OSError), (host.mount_path / "ballast").open("wb") as ballast:
            ballast.write(bytes(95 * 1024**2))

    with mount_small_disk(host.mount_path, "102m"):
        id_ = host.prepare()
        with steal_after_checks(faulty, fill):
            done = host.wb("run", id_, exits=ExitCode.FAILURE, DOCKER_HOST=faulty.url)
        assert "No space left on device" in done.stderr
        assert host.state(id_) == {}


def test_nothing_is_written_where_a_volume_is_not_mounted(host: Host) -> None:
    id_ = host.prepare()
    host.mount_path.rename(host.root / "elsewhere")
    for command in ("init-dirs", "run"):
        done = host.wb(command, id_, exits=ExitCode.FAILURE)
        assert f"the mount path {host.mount_path}" in done.stderr
        assert "mount it" in done.stderr
        assert not host.mount_path.exists()
    assert host.state(id_) == {}
