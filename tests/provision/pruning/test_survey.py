"""What can be pruned, on the engine and beside the registry file."""

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from lifecycle.examples import SETTINGS
from msgspec.structs import replace
from support.fake_engine import FakeEngine
from support.fake_images import FakeImages

from wb_cli.contract import Part
from wb_cli.engine.types import LABEL_REGISTRY, ContainerSpec, NetworkSpec
from wb_cli.instances.model import Instance
from wb_cli.instances.registry_file import backups
from wb_cli.instances.registry_file.registry import Registry
from wb_cli.instances.secrets import SecretStore
from wb_cli.lifecycle.exchanging.upgraded_images import Images, render
from wb_cli.lifecycle.fleet import Fleet
from wb_cli.lifecycle.guard import places
from wb_cli.lifecycle.guard.lock import locked
from wb_cli.lifecycle.record.history import Line
from wb_cli.provision.pruning.items import Fate, Kind
from wb_cli.provision.pruning.remove import Remover
from wb_cli.provision.pruning.survey import Surveyor, find_previous
from wb_cli.provision.recipes import LABEL_RECIPE

DEMO = Instance("demo", "Demo", 9001, "1.6.7", image="app:1")
LONG_AGO = 10**9


class LocalEngine(FakeEngine):
    """An engine in memory, whose folders are on this machine."""

    is_local = True


class Place:
    """A registry file with files beside it, and an engine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        settings = replace(SETTINGS, servers_file=root / "servers.json", mount_path=root / "mnt")
        self.engine = LocalEngine(["app:1", "vk:1"])
        self.images = FakeImages()
        self.fleet = Fleet(self.engine, settings, SecretStore(root / "secrets"))
        self.registry = Registry((DEMO,))

    def surveyor(self) -> Surveyor:
        return Surveyor(self.fleet, self.images, self.registry)

    def find(self, *kinds: Kind) -> list[str]:
        return [Path(item.name).name for item in self.surveyor().look(kinds).items]

    def prune(self, *kinds: Kind) -> list[Fate]:
        remover = Remover(self.fleet, self.images, self.surveyor, threading.Event())
        return [outcome.fate for outcome in remover.remove_all(self.surveyor().look(kinds).items)]

    def network(self, instance: str, subnet: str, registry: str = "") -> str:
        labels = {LABEL_REGISTRY: registry or str(self.root / "servers.json")}
        return self.engine.create_network(NetworkSpec(instance, subnet, labels))

    def write(self, name: str, *, is_old: bool = True) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("something")
        if is_old:
            os.utime(path, (LONG_AGO, LONG_AGO))
        return path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_only_networks_of_this_file_without_container_and_entry_go(place: Place) -> None:
    place.network("demo", "10.0.0.0/29")
    place.network("gone", "10.0.1.0/29")
    place.network("theirs", "10.0.2.0/29", "/another/servers.json")
    used = place.network("busy", "10.0.3.0/29")
    stranger = place.network("stranger", "10.0.4.0/29")
    place.engine.foreign_networks.add(stranger)
    labels = {LABEL_REGISTRY: str(place.root / "servers.json")}
    spec = ContainerSpec("busy", Part.VALKEY, "vk:1", labels=labels)
    place.engine.start(place.engine.create_container(spec, used))
    assert place.find(Kind.NETWORKS) == ["gone"]
    assert place.surveyor().look([Kind.NETWORKS]).undeclared == ("busy",)
    assert place.prune(Kind.NETWORKS) == [Fate.REMOVED]
    assert {spec.name for spec in place.engine.networks.values()} == {
        "demo", "theirs", "busy", "stranger",
    }  # fmt: skip


def test_a_network_whose_instance_is_locked_is_left(place: Place) -> None:
    place.network("gone", "10.0.1.0/29")
    with locked(place.fleet.locks, "gone", "wb run", 0, threading.Event()):
        assert place.prune(Kind.NETWORKS) == [Fate.FAILED]
    assert len(place.engine.networks) == 1


FILES: list[tuple[Kind, Callable[[str], str]]] = [
    (Kind.CRASHES, "crashes/{}/record.json".format),
    (Kind.HISTORY, "history/{}.jsonl".format),
    (Kind.UPGRADES, "upgrades/{}.json".format),
    (Kind.LOCKS, "locks/{}.lock".format),
]


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_files_of_an_instance_go_when_nothing_else_of_it_is_left(
    place: Place, kind: Kind, name: Callable[[str], str]
) -> None:
    gone = place.write(name("gone"))
    declared, foldered = place.write(name("demo")), place.write(name("stopped"))
    (place.root / "mnt/stopped").mkdir(parents=True)
    assert place.prune(kind) == [Fate.REMOVED]
    assert not gone.exists()
    assert declared.exists()
    assert foldered.exists()


@pytest.mark.parametrize("kind", [Kind.HISTORY, Kind.UPGRADES, Kind.LOCKS])
def test_a_young_record_or_lock_stays(place: Place, kind: Kind) -> None:
    name = dict(FILES)[kind]
    place.write(name("gone"), is_old=False)
    assert place.find(kind) == []


def test_a_lock_that_is_held_stays(place: Place) -> None:
    path = place.write("locks/gone.lock")
    with locked(place.fleet.locks, "gone", "wb run", 0, threading.Event()):
        os.utime(path, (LONG_AGO, LONG_AGO))
        assert place.find(Kind.LOCKS) == []


def test_only_the_record_that_an_instance_was_started_here_goes_with_it(place: Place) -> None:
    settings = place.fleet.settings
    places.remember(settings, "gone", places.THIS_MACHINE)
    places.remember(settings, "demo", places.THIS_MACHINE)
    places.remember(settings, "far", "ssh://far")
    assert place.find(Kind.PLACES) == ["gone"]
    assert place.prune(Kind.PLACES) == [Fate.REMOVED]
    assert [places.recall(settings, id_) for id_ in ("gone", "demo", "far")] == [
        "", places.THIS_MACHINE, "ssh://far",
    ]  # fmt: skip


def test_the_latest_copies_of_the_registry_file_and_the_young_ones_stay(place: Place) -> None:
    now = datetime.now(UTC)
    for days in (*range(1, 6), *range(100, 108)):
        backups.make(place.root / "servers.json", b"[]", now - timedelta(days=days))
    assert len(place.find(Kind.BACKUPS)) == 3
    assert place.prune(Kind.BACKUPS) == [Fate.REMOVED] * 3
    assert len(backups.list_all(place.root / "servers.json")) == 10
    assert place.find(Kind.BACKUPS) == []


def test_the_image_of_databases_that_an_upgrade_kept_is_left(place: Place) -> None:
    place.images.have("wb-postgres:15", **{LABEL_RECIPE: "digest"})
    assert place.find(Kind.IMAGES) == ["wb-postgres:15"]
    note = place.root / "mnt" / "demo" / ".before-restore" / ".postgres-images"
    note.parent.mkdir(parents=True)
    note.write_text(render(Images(before="wb-postgres:15", after="wb-postgres:17")))
    assert place.find(Kind.IMAGES) == []


def test_without_an_entry_nothing_is_known_to_be_needed_and_files_stay(place: Place) -> None:
    place.registry = Registry()
    place.images.have("timroberton/comb:wb-fastr-server-v1.0.0")
    place.write("crashes/gone/record.json")
    survey = place.surveyor().look([*Kind])
    assert survey.items == ()
    assert [kind for kind, _ in survey.unknown] == [
        Kind.IMAGES, Kind.CRASHES, Kind.HISTORY, Kind.UPGRADES, Kind.LOCKS, Kind.PLACES,
    ]  # fmt: skip


def test_what_came_into_use_after_the_survey_stays(place: Place) -> None:
    place.write("crashes/gone/record.json")
    items = place.surveyor().look([Kind.CRASHES]).items
    place.registry = Registry((DEMO, replace(DEMO, id="gone", port=9002)))
    remover = Remover(place.fleet, place.images, place.surveyor, threading.Event())
    (outcome,) = remover.remove_all(items)
    assert outcome.fate is Fate.KEPT
    assert (place.root / "crashes/gone/record.json").exists()


def test_a_signal_ends_it_before_the_next_one(place: Place) -> None:
    place.write("crashes/gone/record.json")
    cancelled = threading.Event()
    cancelled.set()
    remover = Remover(place.fleet, place.images, place.surveyor, cancelled)
    assert remover.remove_all(place.surveyor().look([Kind.CRASHES]).items) == []
    assert (place.root / "crashes/gone").exists()


def test_a_link_in_the_place_of_records_is_removed_and_not_followed(place: Place) -> None:
    precious = place.write("precious/file")
    (place.root / "crashes").mkdir()
    (place.root / "crashes/gone").symlink_to(place.root / "precious")
    assert place.prune(Kind.CRASHES) == [Fate.REMOVED]
    assert precious.exists()


def test_the_version_before_is_the_last_other_one_that_ran() -> None:
    ran = ["app:1", "app:2", "", "app:3", "app:3"]
    lines = [Line(str(number), platform=image) for number, image in enumerate(ran)]
    assert find_previous(lines, "app:3") == "app:2"
    assert find_previous(lines, "app:4") == "app:3"
    assert find_previous([], "app:4") == ""
