"""One writer per data folder, on an engine in memory."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from lifecycle.world import LOOK, RUNNING, VALKEY, World
from msgspec.structs import replace
from support.fake_engine import FakeEngine

from wb_cli.contract import Part
from wb_cli.engine.types import ContainerSpec, Mount, NetworkSpec
from wb_cli.instances.files import LOCK_POLL_S
from wb_cli.lifecycle.guard.folder_lock import folder_locked
from wb_cli.lifecycle.guard.writers import DataFolder, DataInUseError, start_alone

DATA_FOLDER = DataFolder("demo", Part.VALKEY, "")


@pytest.fixture
def folder(tmp_path: Path) -> str:
    (tmp_path / "data" / "below").mkdir(parents=True)
    return str(tmp_path / "data")


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine([VALKEY])


def made(engine: FakeEngine, instance: str, folder: str, name: str = "") -> str:
    """A container that mounts the folder, where Valkey keeps its data."""
    network = engine.create_network(NetworkSpec(instance, f"10.0.{len(engine.networks)}.0/24"))
    spec = ContainerSpec(instance, Part.VALKEY, VALKEY, mounts=(Mount(folder, "/data"),))
    container = engine.create_container(spec, network)
    if name:
        engine.rename(container, name)
    return container


def start(engine: FakeEngine, container: str, folder: str) -> None:
    start_alone(engine, container, replace(DATA_FOLDER, path=folder))


def test_a_second_writer_of_the_same_part_is_stopped_and_stays_down(
    engine: FakeEngine, folder: str
) -> None:
    old = made(engine, "demo", folder, "demo-valkey-previous")
    engine.start(old)
    engine.set_restart_policy(old, "always")
    spec = engine.containers[old].spec
    new = engine.create_container(spec, engine.containers[old].network)
    start(engine, new, folder)
    assert engine.containers[new].state == "running"
    assert (engine.containers[old].state, engine.containers[old].policy) == ("exited", "no")


@pytest.mark.parametrize("theirs", ["", "below", ".."])
def test_a_folder_with_another_writer_above_or_below_is_refused(
    engine: FakeEngine, folder: str, theirs: str
) -> None:
    mine = made(engine, "demo", folder)
    other = made(engine, "other", str(Path(folder, theirs).resolve()))
    engine.start(other)
    with pytest.raises(DataInUseError, match="other-valkey"):
        start(engine, mine, folder)
    assert engine.containers[mine].state == "created"
    assert engine.containers[other].state == "running"


def test_the_first_of_two_containers_to_start_has_the_folder(
    engine: FakeEngine, folder: str
) -> None:
    mine, other = made(engine, "demo", folder), made(engine, "other", folder)
    start(engine, mine, folder)
    with pytest.raises(DataInUseError):
        start_alone(engine, other, DataFolder("other", Part.VALKEY, folder))


def test_a_start_under_way_of_another_container_counts(engine: FakeEngine, folder: str) -> None:
    """The listing still calls it created, but ``inspect`` waits for the end of the start."""
    mine, other = made(engine, "demo", folder), made(engine, "other", folder)
    inspect = engine.inspect

    def started_meanwhile(container: str) -> Any:
        engine.start(other)
        return inspect(container)

    engine.inspect = started_meanwhile  # type: ignore[method-assign]
    with pytest.raises(DataInUseError):
        start(engine, mine, folder)


def test_a_renamed_container_of_wb_is_refused_even_if_it_is_down(
    engine: FakeEngine, folder: str
) -> None:
    mine = made(engine, "demo", folder)
    engine.rename(mine, "foo")
    engine.start(mine)
    engine.stop(mine, 1)
    spec = engine.containers[mine].spec
    new = engine.create_container(spec, engine.containers[mine].network)
    with pytest.raises(DataInUseError) as caught:
        start(engine, new, folder)
    assert "`docker rename foo demo-valkey`" in caught.value.hint


def test_a_start_that_cannot_be_cancelled_sleeps_while_another_command_holds_the_folder(
    engine: FakeEngine, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.is_local = True
    mine, pauses, holder = made(engine, "demo", folder), [], ExitStack()
    holder.enter_context(folder_locked(Path(folder), lambda _: None))

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        holder.close()

    monkeypatch.setattr(time, "sleep", sleep)
    start(engine, mine, folder)
    assert pauses == [LOCK_POLL_S]
    assert engine.containers[mine].state == "running"


def test_the_platform_of_the_same_instance_may_mount_the_database(world: World) -> None:
    world.run(replace(LOOK, mount_databases=True))
    world.engine.crash("demo-postgres")
    world.run(replace(LOOK, mount_databases=True))
    assert world.states() == RUNNING
