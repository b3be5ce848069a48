"""What a restore that was cut off left, settled before the next start, on an engine in memory."""

import subprocess
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from lifecycle.world import LOOK, RUNNING, World
from msgspec.structs import replace

from wb_cli.contract import FOLDERS
from wb_cli.engine.task import LABEL_TASK
from wb_cli.engine.types import ObservedContainer, State
from wb_cli.errors import WbError
from wb_cli.instances.registry_file.store import RegistryFile
from wb_cli.lifecycle.exchanging.exchange import Exchange, moves_folders_of
from wb_cli.lifecycle.exchanging.upgraded_images import Images, declare, render
from wb_cli.lifecycle.fleet import Fleet
from wb_cli.lifecycle.guard.half_restored import DATABASE, Left
from wb_cli.lifecycle.guard.preflight import PreflightError
from wb_cli.lifecycle.machine.here import ThisMachine
from wb_cli.lifecycle.options import Verb
from wb_cli.upgrade.repair import Repair, Repaired

# What stands in the file that says which version a database is of.
OLD, NEW = "16", "17"
SCRIPT = files("wb_cli.lifecycle.exchanging").joinpath("exchange.sh").read_text()


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """The mount path, with an instance whose database is the old one."""
    root = tmp_path / "mnt"
    for name in FOLDERS:
        (root / "demo" / name).mkdir(parents=True)
    put(root / "demo", OLD)
    return root


class Folders(ThisMachine):
    """The folders of this machine, and nothing else of it."""

    def is_free(self, port: int, address: str) -> bool:
        del port, address
        return True

    def read_routes(self) -> list[str]:
        return []


@pytest.fixture
def here(new_world: Callable[[], World], monkeypatch: pytest.MonkeyPatch) -> World:
    """A host on which a task works on the folders themselves."""

    def move(exchange: Exchange, verb: str) -> None:
        subprocess.run(("sh", "-c", SCRIPT, "exchange", verb, str(exchange.root)), check=True)

    monkeypatch.setattr(Exchange, "move", move)
    monkeypatch.setattr(Fleet, "machine", Folders())
    world = new_world()
    world.fleet.secrets.create("demo")
    return world


def put(folder: Path, text: str) -> None:
    (folder / DATABASE).parent.mkdir(parents=True, exist_ok=True)
    (folder / DATABASE).write_text(text)


def data(folders: Path) -> str:
    return (folders / "demo" / DATABASE).read_text()


def start(world: World, **options: Any) -> list[str]:
    """Run the instance, and give what the operator is told."""
    told: list[str] = []
    world.run(tell=told.append, **options)
    return told


def repair(
    world: World, told: list[str] | None = None, **options: Any
) -> tuple[Repaired, list[str]]:
    """Repair the instance, and give what was done and what the operator is told."""
    said = [] if told is None else told
    chosen = world.options(Verb.REPAIR, tell=said.append, **options)
    return Repair(world.fleet, LOOK, chosen, lambda _: None).run(), said


def test_a_run_removes_what_was_fetched_and_starts_on_the_old_data(
    here: World, folders: Path
) -> None:
    put(folders / "demo" / ".restored", NEW)
    told = start(here)
    assert (
        "a restore or an upgrade was cut off before it changed anything; what it had "
        "fetched was removed" in told
    )
    assert (here.states(), data(folders)) == (RUNNING, OLD)
    assert not (folders / "demo" / ".restored").exists()


def test_a_run_goes_back_if_folders_were_being_moved(here: World, folders: Path) -> None:
    root = folders / "demo"
    put(root / ".restored", NEW)
    (root / ".before-restore").mkdir()
    (root / ".before-restore" / ".moving").touch()
    (root / "databases").rename(root / ".before-restore" / "databases")
    told = start(here)
    assert (
        "a restore or an upgrade was cut off while it moved folders; "
        "the folders from before are back" in told
    )
    assert (here.states(), data(folders)) == (RUNNING, OLD)


def test_a_restart_goes_back_too_and_stops_what_runs_first(here: World, folders: Path) -> None:
    here.run()
    root = folders / "demo"
    (root / ".before-restore").mkdir()
    (root / ".before-restore" / ".moving").touch()
    was_stopped = []
    here.engine.before_call = lambda name, _: was_stopped.append(
        name == "stop" and (root / ".before-restore").exists()
    )
    here.restart()
    assert any(was_stopped)
    assert here.states() == RUNNING


def test_a_run_after_the_exchange_starts_on_the_restored_data_and_names_the_two_ways(
    here: World, folders: Path
) -> None:
    root = folders / "demo"
    put(root / ".restored", NEW)
    Exchange(here.fleet, LOOK).move("in")
    told = "".join(start(here))
    assert "`wb restore demo --accept`" in told
    assert "`--undo`" in told
    assert data(folders) == NEW
    assert (root / "valkey_data").is_dir()


def test_an_instance_whose_only_data_was_being_fetched_does_not_start_empty(
    here: World, folders: Path
) -> None:
    (folders / "demo" / DATABASE).unlink()
    put(folders / "demo" / ".restored", NEW)
    with pytest.raises(WbError, match="demo has no other database") as caught:
        here.run()
    assert "`wb remove-dirs demo`" in caught.value.hint
    assert here.states() == {}
    assert (folders / "demo" / ".restored").exists()


def test_a_first_restore_that_was_moving_folders_is_finished(here: World, folders: Path) -> None:
    root = folders / "demo"
    (root / DATABASE).unlink()
    (root / "databases" / "pgdata").rmdir()
    (root / "databases").rmdir()
    put(root, NEW)
    (root / ".before-restore" / ".absent" / "databases").mkdir(parents=True)
    (root / ".before-restore" / ".moving").touch()
    told = start(here)
    assert any("the restored folders are in their place now" in text for text in told)
    assert data(folders) == NEW
    assert Exchange(here.fleet, LOOK).look() is Left.NOTHING


def test_a_dry_run_only_says_what_would_be_removed(here: World, folders: Path) -> None:
    put(folders / "demo" / ".restored", NEW)
    assert any("would be removed" in text for text in start(here, dry_run=True))
    assert (folders / "demo" / ".restored").exists()


def test_a_dry_run_of_a_half_moved_instance_names_the_command_that_settles_it(
    here: World, folders: Path
) -> None:
    (folders / "demo" / ".before-restore").mkdir()
    (folders / "demo" / ".before-restore" / ".moving").touch()
    with pytest.raises(PreflightError, match="cut off while it moved folders") as caught:
        here.run(dry_run=True)
    assert "`wb run demo` puts it in order." in caught.value.hint


UPGRADE = Images(before="", after="postgres:18.1")


def put_upgraded(here: World, root: Path, *, images: Images = UPGRADE) -> None:
    """Folders after an upgrade, whose wb was killed before it declared the new image."""
    put(root / ".restored", NEW)
    (root / ".restored" / ".postgres-images").write_text(render(images))
    Exchange(here.fleet, LOOK).move("in")


@pytest.fixture
def declared(here: World, tmp_path: Path) -> Callable[[], str | None]:
    """What the registry file says of the image of PostgreSQL."""
    file = RegistryFile(tmp_path / "servers.json")
    here.fleet.settings = replace(here.fleet.settings, servers_file=file.path)
    with file.edit() as edit:
        edit.add(
            {
                "id": "demo",
                "label": "Demo",
                "port": 9001,
                "serverVersion": "1.6.7",
                "image": "app:1",
            }
        )
    here.engine.images |= {"postgres:17.4": "sha256:old", "postgres:18.1": "sha256:new"}
    return lambda: file.read().find("demo").postgres_image


def test_a_run_after_an_upgrade_declares_the_image_that_its_folders_need(
    here: World, folders: Path, declared: Callable[[], str | None]
) -> None:
    put_upgraded(here, folders / "demo")
    start(here, dry_run=True)
    assert declared() is None
    start(here)
    assert (declared(), data(folders)) == ("postgres:18.1", NEW)
    assert (folders / "demo" / "valkey_data").is_dir()


def test_a_repair_after_an_upgrade_declares_that_image_too(
    here: World, folders: Path, declared: Callable[[], str | None]
) -> None:
    put_upgraded(here, folders / "demo")
    assert repair(here, dry_run=True)[0].ending == "planned"
    assert declared() is None
    done, _ = repair(here)
    assert done.done == ("its databases need the image postgres:18.1",)
    assert declared() == "postgres:18.1"


def test_a_repair_puts_half_moved_folders_in_order_and_starts_nothing(
    here: World, folders: Path
) -> None:
    root = folders / "demo"
    (root / ".before-restore").mkdir()
    (root / ".before-restore" / ".moving").touch()
    (root / "databases").rename(root / ".before-restore" / "databases")
    planned, _ = repair(here, dry_run=True)
    assert (planned.ending, (root / "databases").exists()) == ("planned", False)
    done, _ = repair(here)
    assert (done.ending, data(folders), here.states()) == ("repaired", OLD, {})


def test_folders_that_are_kept_since_a_restore_need_no_repair(here: World, folders: Path) -> None:
    put(folders / "demo" / ".restored", NEW)
    Exchange(here.fleet, LOOK).move("in")
    for is_dry in (False, True):
        done, told = repair(here, dry_run=is_dry)
        assert done.ending == "nothing to repair"
        assert "`wb restore demo --accept`" in told[0]


def test_a_repair_does_not_claim_to_mend_an_instance_whose_only_data_was_being_fetched(
    here: World, folders: Path
) -> None:
    (folders / "demo" / DATABASE).unlink()
    put(folders / "demo" / ".restored", NEW)
    for is_dry in (False, True):
        with pytest.raises(WbError, match="no other database") as caught:
            repair(here, dry_run=is_dry)
        assert "`wb remove-dirs demo`" in caught.value.hint


def test_what_a_repair_did_is_told_where_a_later_part_of_it_fails(
    here: World, folders: Path
) -> None:
    put(folders / "demo" / ".restored", NEW)
    secrets = here.fleet.secrets.folder / "demo.json"
    whole, told = secrets.read_bytes(), list[str]()
    secrets.write_text("torn")
    with pytest.raises(WbError, match="cannot read the secrets"):
        repair(here, told)
    secrets.write_bytes(whole)
    assert told[0].endswith("what it had fetched was removed")


def test_an_image_that_was_declared_after_an_upgrade_stays(
    here: World, folders: Path, declared: Callable[[], str | None]
) -> None:
    put_upgraded(here, folders / "demo")
    exchange = Exchange(here.fleet, LOOK)
    exchange.instance = declare(here.fleet, LOOK, "postgres:18.2")
    exchange.correct_image()
    assert declared() == "postgres:18.2"


def test_the_way_back_from_an_upgrade_brings_the_declaration_back_too(
    here: World, folders: Path, declared: Callable[[], str | None]
) -> None:
    put_upgraded(here, folders / "demo")
    exchange = Exchange(here.fleet, declare(here.fleet, LOOK, "postgres:18.2"))
    exchange.go_back()
    assert (declared(), data(folders), exchange.instance.postgres_image) == (None, OLD, None)


def test_an_upgrade_cut_off_on_its_way_back_ends_with_the_old_image(
    here: World, folders: Path, declared: Callable[[], str | None]
) -> None:
    put_upgraded(here, folders / "demo", images=Images("postgres:17.4", "postgres:18.1"))
    declare(here.fleet, LOOK, "postgres:18.1")
    (folders / "demo" / ".before-restore" / ".moving").touch()
    (folders / "demo" / ".before-restore" / ".going-back").touch()
    start(here)
    assert (declared(), data(folders)) == ("postgres:17.4", OLD)


def test_a_note_that_cannot_be_read_is_no_missing_note(
    here: World, folders: Path, declared: Callable[[], str | None]
) -> None:
    put_upgraded(here, folders / "demo")
    note = folders / "demo" / ".before-restore" / ".postgres-images"
    note.write_text("{")
    with pytest.raises(WbError, match="which image of PostgreSQL belongs to which folders"):
        start(here)
    assert declared() is None


def test_what_cannot_be_settled_changes_nothing_else(
    here: World, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise WbError("no space left on device")

    monkeypatch.setattr(Exchange, "move", fail)
    put(folders / "demo" / ".restored", NEW)
    with pytest.raises(WbError, match="no space left on device"):
        here.run()
    assert here.states() == {}


@pytest.mark.parametrize(
    ("purpose", "path", "moves"),
    [
        ("restore", "/mnt/demo", True),
        ("restore", "/mnt/demo/.restored/databases/pgdata", True),
        ("restore", "/mnt/demo-2", False),
        ("restore", "/mnt/.wb-backup/demo.proof/data", False),
        ("backup", "/mnt/demo", False),
        ("", "/mnt/demo/databases", False),
    ],
)
def test_a_container_of_another_restore_is_told_by_its_label_and_its_folders(
    purpose: str, path: str, moves: bool
) -> None:
    labels = {LABEL_TASK: purpose} if purpose else {}
    container = ObservedContainer(
        "1", "x", State.RUNNING, "", "pg", "sha256:1", labels, writes_to=(path,)
    )
    assert moves_folders_of(Path("/mnt/demo"), container) is moves
