"""Removing the folders of an instance, on a host with an engine in memory."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from lifecycle.world import LOOK, POSTGRES, World
from msgspec.structs import replace

from wb_cli.contract import FOLDERS, Part
from wb_cli.engine.types import ContainerSpec, NetworkSpec, Observed, ObservedContainer
from wb_cli.errors import WbError
from wb_cli.host import mounts
from wb_cli.host import removal as host_removal
from wb_cli.instances.registry_file.entries import Flaw
from wb_cli.instances.registry_file.refused import RefusedEntry
from wb_cli.instances.registry_file.registry import Registry
from wb_cli.lifecycle.guard.preflight import PreflightError
from wb_cli.lifecycle.machine import far
from wb_cli.lifecycle.machine.far import FarMachine
from wb_cli.lifecycle.machine.outpost import Outpost, Reply, read_script
from wb_cli.lifecycle.options import RunOptions, Verb
from wb_cli.lifecycle.removal import FolderRemoval, Removal

OPTIONS = RunOptions(Verb.REMOVE_DIRS)
OTHER = replace(LOOK, id="other", port=9100)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """The mount path, with the folders of an instance that was used."""
    root = tmp_path / "mnt"
    for name in FOLDERS:
        (root / "demo" / name).mkdir(parents=True)
    (root / "demo" / "databases" / "row").write_text("precious")
    return root


@pytest.fixture
def here(new_world: Callable[[], World], tmp_path: Path) -> World:
    """An engine on the machine where wb runs."""
    world = new_world()
    world.engine.is_local = True
    world.fleet.settings = replace(world.fleet.settings, servers_file=tmp_path / "servers.json")
    return world


@pytest.fixture
def elsewhere(here: World) -> Iterator[World]:
    """An engine on another machine. Its script runs on this one, so the folders are the same."""
    here.engine.is_local = False
    channel = partial(here.engine.open_outpost, POSTGRES, read_script(), {})
    with closing(Outpost(channel)) as outpost:
        here.fleet.elsewhere = FarMachine(outpost)
        yield here


@pytest.fixture(params=["here", "elsewhere"])
def world(request: pytest.FixtureRequest) -> World:
    """An engine, wherever it is. The folders are on its machine."""
    world: World = request.getfixturevalue(request.param)
    return world


def of(world: World, *others: Any, **options: Any) -> FolderRemoval:
    instances = [other for other in others if not isinstance(other, RefusedEntry)]
    refused = [other for other in others if isinstance(other, RefusedEntry)]
    return FolderRemoval(world.fleet, Registry((LOOK, *instances), tuple(refused)), **options)


def remove(world: World, *others: Any, **options: Any) -> Removal:
    return of(world, *others, **options).remove(LOOK, OPTIONS)


def refusal(world: World, *others: Any) -> str:
    """The reason why a removal is refused. A removal that is not refused fails the test."""
    before = sorted(world.fleet.settings.mount_path.rglob("*"))
    with pytest.raises(PreflightError) as caught:
        remove(world, *others)
    assert sorted(world.fleet.settings.mount_path.rglob("*")) == before
    return f"{caught.value.message} {caught.value.hint}"


def mounting(path: Path, *, read_only: bool = False) -> ObservedContainer:
    """A stranger's container that mounts a path."""
    from wb_cli.engine.types import State

    paths = (str(path),)
    return ObservedContainer(
        "1",
        "box",
        State.EXITED,
        "",
        "image",
        "sha",
        writes_to=() if read_only else paths,
        reads_from=paths if read_only else (),
    )


def observing(world: World, *containers: ObservedContainer) -> None:
    world.engine.observe = lambda: Observed(containers)  # type: ignore[method-assign]


def test_all_folders_and_the_then_empty_folder_around_them_are_removed(
    world: World, folders: Path
) -> None:
    (folders / "other").mkdir()
    removed = remove(world)
    assert [folder.path.name for folder in removed.folders] == list(FOLDERS)
    assert removed.folders[0].bytes > 0
    assert [path.name for path in folders.iterdir()] == ["other"]


def test_a_plan_changes_nothing(world: World, folders: Path) -> None:
    planned = of(world).plan(LOOK)
    assert [folder.path for folder in planned.folders] == [
        folders / "demo" / name for name in FOLDERS
    ]
    assert (folders / "demo" / "databases" / "row").exists()


def test_a_removal_can_be_repeated(world: World) -> None:
    remove(world)
    assert remove(world).is_empty


def test_other_files_stay_and_are_named(world: World, folders: Path) -> None:
    (folders / "demo" / "backup.tar").write_text("")
    assert remove(world).kept == (folders / "demo" / "backup.tar",)
    assert [path.name for path in (folders / "demo").iterdir()] == ["backup.tar"]


def test_the_secrets_stay_unless_the_operator_wants_them_removed(world: World) -> None:
    world.fleet.secrets.create("demo")
    assert not remove(world).forgets_secrets
    assert world.fleet.secrets.read("demo")
    assert not of(world, forget_secrets=True).plan(LOOK).is_empty
    assert remove(world, forget_secrets=True).forgets_secrets
    assert world.fleet.secrets.read("demo") is None
    assert remove(world, forget_secrets=True).is_empty


@pytest.mark.parametrize("stop", [False, True], ids=["running", "exited"])
def test_an_instance_that_has_containers_is_refused(world: World, stop: bool) -> None:
    world.run()
    if stop:
        for container in [*world.engine.containers.values()]:
            world.engine.stop(container.id, 1)
    said = refusal(world)
    assert "its containers are there: demo-postgres, demo-valkey, demo" in said
    assert "`wb stop demo`" in said
    world.stop()
    remove(world)


def test_a_container_of_the_instance_under_another_name_counts(world: World) -> None:
    network = world.engine.create_network(NetworkSpec("demo", "10.0.0.0/24"))
    container = world.engine.create_container(ContainerSpec("demo", Part.VALKEY, "vk:1"), network)
    world.engine.rename(container, "put-aside")
    assert "put-aside" in refusal(world)


@pytest.mark.parametrize("below", ["", "demo", "demo/sandbox", "demo/sandbox/job/7"])
def test_a_container_that_may_write_above_at_or_below_a_folder_is_refused(
    world: World, folders: Path, below: str
) -> None:
    observing(world, mounting(folders / below))
    said = refusal(world)
    assert f"the container box (exited) mounts {folders / below}" in said
    assert "`docker rm -f box`" in said


@pytest.mark.parametrize("below", ["demo/assets", "demo/assets/maps"])
def test_a_container_that_only_reads_a_folder_is_refused(
    world: World, folders: Path, below: str
) -> None:
    observing(world, mounting(folders / below, read_only=True))
    assert "box" in refusal(world)


def test_a_container_that_mounts_a_folder_by_another_path_is_refused(
    world: World, folders: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(folders)
    observing(world, mounting(tmp_path / "link" / "demo" / "databases"))
    assert "box" in refusal(world)


def test_a_container_that_reads_the_whole_disk_or_works_elsewhere_is_not_in_the_way(
    world: World, folders: Path
) -> None:
    observing(
        world,
        mounting(Path("/"), read_only=True),
        mounting(folders / "demo-2" / "sandbox"),
    )
    assert len(remove(world).folders) == len(FOLDERS)


def test_a_container_created_after_the_first_look_is_noticed_under_the_folders_lock(
    world: World, folders: Path
) -> None:
    looks = iter([Observed(), Observed((mounting(folders / "demo" / "databases"),))])
    world.engine.observe = lambda: next(looks)  # type: ignore[method-assign]
    assert "box" in refusal(world)


def test_a_removal_waits_for_a_folder_that_a_start_has_locked(
    world: World, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wb_cli.lifecycle.guard.folder_lock import folder_locked

    cancelled = threading.Event()
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return True

    monkeypatch.setattr(cancelled, "wait", wait)
    with (
        folder_locked(folders / "demo" / "valkey_data", lambda _: None),
        pytest.raises(InterruptedError),
    ):
        of(world).remove(LOOK, replace(OPTIONS, cancelled=cancelled))
    assert waited
    assert (folders / "demo" / "databases" / "row").exists()


@pytest.mark.parametrize("name", ["demo", "demo/databases"])
def test_a_symbolic_link_is_refused(world: World, folders: Path, name: str, tmp_path: Path) -> None:
    (folders / name).rename(tmp_path / "big-disk")
    (folders / name).symlink_to(tmp_path / "big-disk")
    assert f"{folders / name}" in refusal(world)
    assert (tmp_path / "big-disk").exists()


def test_a_mount_path_that_is_a_symbolic_link_is_accepted(
    world: World, folders: Path, tmp_path: Path
) -> None:
    (tmp_path / "srv").symlink_to(folders)
    world.fleet.settings = replace(world.fleet.settings, mount_path=tmp_path / "srv")
    assert len(remove(world).folders) == len(FOLDERS)


@pytest.mark.parametrize("name", ["", "databases", "sandbox/disk"])
def test_a_folder_on_which_something_is_mounted_is_refused(
    here: World, folders: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = folders / "demo" / name
    monkeypatch.setattr(host_removal, "find_mount_points", lambda _: [point])
    assert f"`umount {point}` comes first" in refusal(here)


def test_the_home_folder_is_refused(
    here: World, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folders / "demo"))
    assert "holds the home folder" in refusal(here)


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("mount_path", "the mount path"),
        ("servers_file", "the registry file"),
        ("secrets_dir", "the folder of secrets"),
        ("config_file", "the settings"),
    ],
)
def test_a_folder_that_holds_what_wb_needs_is_refused(
    here: World, folders: Path, setting: str, name: str
) -> None:
    instance = LOOK
    if setting == "mount_path":
        instance = replace(LOOK, instance_dir=".")
    else:
        path = folders / "demo" / "sandbox" / "it"
        here.fleet.settings = replace(here.fleet.settings, **{setting: path})
    with pytest.raises(PreflightError, match=f"holds {name}"):
        of(here).remove(instance, OPTIONS)
    assert (folders / "demo" / "databases" / "row").exists()


def test_a_folder_that_another_instance_reaches_through_a_link_is_refused(
    world: World, folders: Path
) -> None:
    (folders / "other").symlink_to(folders / "demo")
    assert "is also other's" in refusal(world, OTHER)


@pytest.mark.parametrize("claim", ["demo", "demo/databases/inner"])
def test_a_folder_that_a_refused_entry_claims_too_is_refused(world: World, claim: str) -> None:
    raw = {"id": "twin", "instanceDir": claim}
    twin = RefusedEntry(1, "entry 2", (Flaw("instanceDir", "must be its own"),), raw)
    assert "is also twin's, or holds it" in refusal(world, twin)


def test_a_folder_next_to_another_instance_s_is_removed(world: World) -> None:
    assert len(remove(world, OTHER).folders) == len(FOLDERS)


def test_a_file_in_a_folder_s_place_is_refused(world: World, folders: Path) -> None:
    (folders / "demo" / "exports").rmdir()
    (folders / "demo" / "exports").write_text("")
    assert "exports is not a folder" in refusal(world)


def test_what_is_mounted_in_a_folder_elsewhere_is_found(
    elsewhere: World, folders: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    listing = tmp_path / "mountinfo"
    point = folders / "demo" / "sandbox" / "disk"
    listing.write_text(f"36 35 98:0 / {point} rw,noatime - ext4 /dev/sdb1 rw\n")
    monkeypatch.setattr(mounts, "MOUNTS", listing)
    assert f"`umount {point}` comes first" in refusal(elsewhere)


def test_what_wb_keeps_on_a_machine_elsewhere_is_not_removed(
    elsewhere: World, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(far, "SHARED", folders / "demo" / "sandbox" / "wb")
    assert "holds wb's locks and histories" in refusal(elsewhere)


def test_a_large_removal_elsewhere_goes_on_step_by_step_and_can_be_interrupted(
    elsewhere: World, folders: Path
) -> None:
    """The script there must answer within seconds, so it says that not all is gone yet."""
    machine = elsewhere.fleet.elsewhere
    assert machine
    asks, answers = machine.outpost.ask, [Reply(124, ""), Reply(124, "")]
    steps: list[str] = []

    def ask_slowly(*words: str) -> Reply:
        return answers.pop() if words[0] == "remove" and answers else asks(*words)

    machine.outpost.ask = ask_slowly  # type: ignore[method-assign]
    machine.remove(folders / "demo" / "sandbox", lambda: steps.append("checked"))
    assert steps == ["checked", "checked"]
    assert not (folders / "demo" / "sandbox").exists()


def test_a_link_in_a_folder_leads_the_removal_nowhere(
    world: World, folders: Path, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "row").write_text("kept")
    (folders / "demo" / "sandbox" / "link").symlink_to(precious)
    (folders / "demo" / "sandbox" / "it's a file").write_text("")
    remove(world)
    assert (precious / "row").read_text() == "kept"
    assert not (folders / "demo").exists()


def test_a_missing_mount_path_is_refused_because_it_may_be_a_volume(
    world: World, tmp_path: Path
) -> None:
    world.fleet.secrets.create("demo")
    world.fleet.settings = replace(
        world.fleet.settings, mount_path=tmp_path / "volume", origins={"mount_path": "flag"}
    )
    with pytest.raises(WbError, match="is not there"):
        remove(world, forget_secrets=True)
    assert world.fleet.secrets.read("demo")


def test_a_failure_midway_says_what_is_left_and_that_a_repetition_goes_on(
    here: World, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.fleet.secrets.create("demo")
    removes = host_removal.remove

    def failing(path: Path, check: Callable[[], None]) -> None:
        if path.name == "exports":
            raise WbError(f"cannot remove {path}: Input/output error", "Mend it.")
        removes(path, check)

    monkeypatch.setattr(host_removal, "remove", failing)
    with pytest.raises(WbError, match="Input/output error; still there") as caught:
        remove(here, forget_secrets=True)
    left = ", ".join(str(folders / "demo" / name) for name in ("exports", "assets", "valkey_data"))
    assert caught.value.message.endswith(f"in part: {left}")
    assert caught.value.hint == "Mend it. `wb remove-dirs demo` goes on."
    assert here.fleet.secrets.read("demo")
    monkeypatch.undo()
    assert [folder.path.name for folder in remove(here).folders] == [
        "exports",
        "assets",
        "valkey_data",
    ]


def test_an_interruption_midway_says_what_is_left(world: World, folders: Path) -> None:
    cancelled = threading.Event()

    def report(text: str) -> None:
        if "sandbox" in text:
            cancelled.set()

    with pytest.raises(WbError, match="interrupted; not all was removed; still there") as caught:
        of(world).remove(LOOK, replace(OPTIONS, report=report, cancelled=cancelled))
    assert f"{folders}/demo/databases" not in caught.value.message
    assert (folders / "demo" / "sandbox").exists()
