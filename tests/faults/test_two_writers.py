"""Two containers want to write to one data folder: one of them does, and nothing is lost."""

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import docker
import pytest
from faults.deployment import Deployment, Kind
from faults.engine.events import EngineEvents
from support.fixtures.hosts import NewHost
from support.labels import RUN_LABEL
from support.wb_host import COMMAND_S, Host, free_pair_of_ports

from wb_cli.contract import Part
from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.faults]

DATA_PARTS = (Part.POSTGRES, Part.VALKEY)
SAME_PASSWORD = {"PG_PASSWORD": "of-both"}
# A change that replaces one part.
CHANGES: dict[Part, dict[str, Any]] = {
    Part.POSTGRES: {"postgresBindAddress": "0.0.0.0"},
    Part.VALKEY: {"valkeyMaxMemory": "99mb"},
    Part.PLATFORM: {"label": "Another label"},
}


@pytest.fixture
def demo(host: Host) -> Deployment:
    """A running instance with data."""
    deployment = Deployment(host)
    deployment.start()
    return deployment


# A container that was set aside runs


def set_aside(demo: Deployment, part: Part) -> Any:
    """Set a container aside as a killed `wb` leaves it: stopped, renamed, not supervised."""
    container = demo.host.container(part.container_name(demo.id))
    container.stop()
    container.update(restart_policy={"Name": "no"})
    container.rename(f"{container.name}-previous")
    return container


@pytest.mark.parametrize("is_changed", [False, True], ids=["unchanged", "changed"])
@pytest.mark.parametrize("part", CHANGES)
def test_a_container_that_is_set_aside_and_started_by_hand_does_not_run_beside_its_successor(
    demo: Deployment, part: Part, is_changed: bool
) -> None:
    set_aside(demo, part).start()
    if is_changed:
        demo.host.change(demo.id, **CHANGES[part])
    demo.wb("run")
    demo.check_runs()


@pytest.mark.parametrize("verb", ["restart", "stop"])
@pytest.mark.parametrize("part", CHANGES)
def test_restart_and_stop_stop_a_running_container_that_was_set_aside(
    demo: Deployment, part: Part, verb: str
) -> None:
    set_aside(demo, part).start()
    demo.wb(verb)
    if verb == "stop":
        demo.check_gone()
    else:
        demo.check_runs()


@pytest.mark.parametrize("part", DATA_PARTS)
@pytest.mark.parametrize("moment", ["kill", "die", "rename", "create"])
def test_if_a_watchdog_restarts_a_part_while_wb_replaces_it_the_next_run_repairs_the_instance(
    demo: Deployment, events: EngineEvents, part: Part, moment: str
) -> None:
    name, since = part.container_name(demo.id), events.settle()
    demo.host.change(demo.id, **CHANGES[part])

    def watch() -> None:
        if events.wait_for(lambda event: is_of(event, demo, part, moment), since, COMMAND_S):
            try:
                demo.host.client.api.restart(name, timeout=5)
            except docker.errors.APIError:
                return  # the container is gone, or is being removed

    watchdog = threading.Thread(target=watch)
    watchdog.start()
    demo.wb("run", exits=())
    watchdog.join()
    demo.wb("run")
    demo.check_runs()


def is_of(event: Any, demo: Deployment, part: Part, action: str) -> bool:
    return (event.instance, event.part, event.action) == (demo.id, part, action)


# A container with a foreign name


@pytest.mark.parametrize("part", DATA_PARTS)
@pytest.mark.parametrize("is_changed", [False, True], ids=["unchanged", "port changed"])
def test_a_container_that_was_renamed_by_hand_is_named_with_a_remedy(
    demo: Deployment, part: Part, is_changed: bool
) -> None:
    name = part.container_name(demo.id)
    other = f"renamed-{demo.id}"
    demo.host.container(name).rename(other)
    if is_changed:
        demo.host.change(demo.id, port=free_pair_of_ports())
    for verb in ("run", "restart"):
        done = demo.host.ran(verb, demo.id)
        assert done.returncode == ExitCode.FAILURE, done.stderr
        assert other in done.stderr
        assert f"docker rename {other} {name}" in done.stderr
    demo.host.container(other).rename(name)
    demo.wb("run")
    demo.check_runs()


@contextmanager
def run_commit(demo: Deployment, run_id: str, **options: Any) -> Iterator[Any]:
    """Run a container made from a commit of wb's container, whose labels it inherits."""
    client, tag = demo.host.client, f"wb-test-commit:{demo.id}"
    demo.host.container(Part.POSTGRES.container_name(demo.id)).commit(*tag.split(":"))
    box = client.containers.run(
        tag,
        ["10000"],
        entrypoint="sleep",
        detach=True,
        labels={RUN_LABEL: run_id},
        name=f"box-{demo.id}",
        **options,
    )
    try:
        yield box
    finally:
        with suppress(docker.errors.NotFound):  # wb may have removed it by mistake
            box.remove(force=True, v=True)
        client.images.remove(tag)


@pytest.mark.parametrize("verb", ["run", "restart", "stop"])
def test_a_container_made_from_a_commit_does_not_belong_to_wb(
    demo: Deployment, run_id: str, verb: str
) -> None:
    with run_commit(demo, run_id) as box:
        demo.wb(verb)
        box.reload()
        assert (box.status, box.name) == ("running", f"box-{demo.id}")


def test_a_container_made_from_a_commit_that_mounts_the_data_is_refused_as_a_writer(
    demo: Deployment, run_id: str
) -> None:
    demo.wb("stop")
    demo.wb("run")
    folder = str(demo.host.folder(demo.id) / "databases")
    demo.host.container(Part.POSTGRES.container_name(demo.id)).stop()
    with run_commit(demo, run_id, volumes={folder: {"bind": "/data", "mode": "rw"}}) as box:
        done = demo.host.ran("run", demo.id)
        assert done.returncode == ExitCode.FAILURE
        assert box.name in done.stderr
        box.reload()
        assert box.status == "running"
    demo.wb("run")
    demo.check_runs()


# Two instances at once, with one folder


@pytest.mark.parametrize("folder", ["databases", "valkey_data"])
def test_of_two_instances_with_linked_folders_only_one_runs(demo: Deployment, folder: str) -> None:
    demo.wb("stop")
    other = Deployment(demo.host)
    shutil.rmtree(demo.host.folder(other.id) / folder)
    (demo.host.folder(other.id) / folder).symlink_to(demo.host.folder(demo.id) / folder)
    done = demo.host.ran("run", demo.id, other.id, "--json", **SAME_PASSWORD)
    assert done.returncode == ExitCode.PARTIAL, done.stdout + done.stderr
    is_up = [bool(instance.inspect_containers()) for instance in (demo, other)]
    assert sorted(is_up) == [False, True]


def test_of_two_instances_of_two_registry_files_with_one_folder_only_one_runs(
    demo: Deployment, new_host: NewHost, tmp_path_factory: pytest.TempPathFactory
) -> None:
    demo.wb("stop")
    second = new_host(tmp_path_factory.mktemp("second"))
    other = Deployment(second, Kind({"instanceDir": demo.id}))
    shared = {"MOUNT_PATH": str(demo.host.mount_path), **SAME_PASSWORD}
    with ThreadPoolExecutor(2) as pool:
        both = [
            pool.submit(instance.host.ran, "run", instance.id, **shared)
            for instance in (demo, other)
        ]
        ends = [run.result().returncode for run in both]
    assert sorted(ends) == [ExitCode.OK, ExitCode.FAILURE]
    demo.host.ran("stop", demo.id, **shared)
    second.ran("stop", other.id, **shared)
    demo.wb("run")
    demo.check_runs()
    second.close()
