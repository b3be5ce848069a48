"""Look for what can be pruned. Nothing is changed."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.engine.types import LABEL_REGISTRY
from wb_cli.errors import WbError
from wb_cli.host.folders import is_present, is_same_path
from wb_cli.instances.registry_file import backups
from wb_cli.lifecycle.exchanging import upgraded_images
from wb_cli.lifecycle.guard import places
from wb_cli.lifecycle.guard.declared import find_undeclared
from wb_cli.lifecycle.guard.lock import find_holder
from wb_cli.lifecycle.planning.desired import instance_path
from wb_cli.lifecycle.planning.images import choose_platform_image
from wb_cli.lifecycle.record import black_box, history
from wb_cli.lifecycle.record.beside_registry import find_upgrades, folder_beside
from wb_cli.provision.pruning.images import DAY_S, Needs, find_unneeded
from wb_cli.provision.pruning.items import Item, Kind, Survey

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from wb_cli.engine.base import ImageStore
    from wb_cli.engine.types import Observed, ObservedNetwork
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.registry_file.registry import Registry
    from wb_cli.lifecycle.fleet import Fleet

GONE = "its instance is not declared and has no folder"
BACKUPS_KEPT = 10
BACKUP_DAYS = 30
HISTORY_DAYS = 90
# What is kept of each instance, and goes with it.
OF_INSTANCES = {Kind.CRASHES, Kind.HISTORY, Kind.UPGRADES, Kind.LOCKS, Kind.PLACES}


class Surveyor(Struct):
    """Looks at the engine and at the files beside the registry file."""

    fleet: Fleet
    images: ImageStore
    registry: Registry
    now: float = 0.0

    def __post_init__(self) -> None:
        self.now = self.now or time.time()

    def look(self, kinds: Collection[Kind]) -> Survey:
        """Find what can be pruned of some kinds.

        Raises:
            EngineUnreachableError: wb cannot know what is in use.
        """
        observed = self.fleet.engine.observe()
        items: list[Item] = []
        unknown: list[tuple[Kind, str]] = []
        for kind in Kind:
            if kind not in kinds:
                continue
            if reason := self._find_doubt(kind):
                unknown.append((kind, reason))
                continue
            items += self._find(kind, observed)
        undeclared = find_undeclared(self.registry, observed, self.fleet.settings)
        return Survey(tuple(items), tuple(undeclared), tuple(unknown))

    def _find_doubt(self, kind: Kind) -> str:
        """Say why a kind cannot be judged. Without an entry nothing is known to be needed."""
        is_empty = not self.registry.instances and not self.registry.refused
        if is_empty and kind in OF_INSTANCES | {Kind.IMAGES}:
            return f"no instance is declared in {self.fleet.settings.servers_file}"
        if kind in OF_INSTANCES and not self.fleet.engine.is_local:
            return "the instances' folders are on another machine"
        return ""

    def _find(self, kind: Kind, observed: Observed) -> Iterator[Item]:
        find: dict[Kind, Callable[[Observed], Iterator[Item]]] = {
            Kind.NETWORKS: self._find_networks,
            Kind.IMAGES: self._find_images,
            Kind.CRASHES: self._find_crashes,
            Kind.HISTORY: self._find_history,
            Kind.UPGRADES: self._find_upgrades,
            Kind.BACKUPS: lambda _: self._find_backups(),
            Kind.LOCKS: self._find_locks,
            Kind.PLACES: self._find_places,
        }
        return find[kind](observed)

    def _find_networks(self, observed: Observed) -> Iterator[Item]:
        return find_networks(observed, self._known, self.fleet.settings)

    def _find_images(self, observed: Observed) -> Iterator[Item]:
        in_use = {container.image_id for container in observed.containers}
        settings, previous, kept = self.fleet.settings, self._read_previous(), self._read_kept()
        needs = Needs(self.registry, settings, previous, in_use, kept)
        return find_unneeded(self.images.list_all(), needs, self.now)

    def _find_crashes(self, observed: Observed) -> Iterator[Item]:
        folder = folder_beside(self.fleet.settings.servers_file, black_box.FOLDER)
        return self._find_files(Kind.CRASHES, folder, "", observed)

    def _find_history(self, observed: Observed) -> Iterator[Item]:
        old = self._find_files(Kind.HISTORY, self.fleet.history, ".jsonl", observed)
        return (item for item in old if self._is_older(item.target, HISTORY_DAYS))

    def _find_upgrades(self, observed: Observed) -> Iterator[Item]:
        folder = find_upgrades(self.fleet.settings.servers_file)
        old = self._find_files(Kind.UPGRADES, folder, ".json", observed)
        return (item for item in old if self._is_older(item.target, HISTORY_DAYS))

    @property
    def _known(self) -> set[str]:
        """All ids of the registry file, also those of refused entries."""
        return {*self.registry.ids(), *(entry.id for entry in self.registry.refused if entry.id)}

    def _is_gone(self, instance_id: str, observed: Observed) -> bool:
        """Whether nothing of an instance is left: no entry, no folder, no container."""
        has_containers = any(c.labelled_instance == instance_id for c in observed.containers)
        folder = self.fleet.settings.mount_path / instance_id
        return not (instance_id in self._known or has_containers or is_present(folder))

    def _find_files(
        self, kind: Kind, folder: Path, ending: str, observed: Observed
    ) -> Iterator[Item]:
        for path in list_folder(folder):
            id_ = path.name.removesuffix(ending)
            if path.name.endswith(ending) and self._is_gone(id_, observed):
                yield Item(kind, str(path), str(path), GONE, measure(path), id_)

    def _find_locks(self, observed: Observed) -> Iterator[Item]:
        found = self._find_files(Kind.LOCKS, self.fleet.locks, ".lock", observed)
        return (
            item
            for item in found
            if self._is_older(item.target, 1) and not find_holder(self.fleet.locks, item.instance)
        )

    def _find_places(self, observed: Observed) -> Iterator[Item]:
        """Find the records that an instance was started on this machine. Others are not known."""
        folder = places.find_records(self.fleet.settings)
        for item in self._find_files(Kind.PLACES, folder, "", observed):
            if places.recall(self.fleet.settings, item.instance) == places.THIS_MACHINE:
                yield item

    def _find_backups(self) -> Iterator[Item]:
        """Find the copies of the registry file beyond the latest ones, and the young ones."""
        for backup in backups.list_all(self.fleet.settings.servers_file)[BACKUPS_KEPT:]:
            if self.now - backup.made.timestamp() > BACKUP_DAYS * DAY_S:
                reason = f"older than {BACKUP_DAYS} days, and not among the last {BACKUPS_KEPT}"
                path = str(backup.path)
                yield Item(Kind.BACKUPS, path, path, reason, backup.size)

    def _is_older(self, path: str, days: int) -> bool:
        from pathlib import Path

        with suppress(OSError):
            return self.now - Path(path).stat().st_mtime > days * DAY_S
        return False

    def _read_kept(self) -> list[str]:
        """Read which images of PostgreSQL the databases of before upgrades need."""
        machine = self.fleet.machine
        if machine is None:
            return []
        roots = [instance_path(each, self.fleet.settings) for each in self.registry.instances]
        notes = [upgraded_images.read(machine, root) for root in roots]
        return [images.before for images in notes if images and images.before]

    def _read_previous(self) -> dict[str, str]:
        """Read from the histories which platform's image each instance ran before."""
        previous = {}
        for instance in self.registry.instances:
            current = choose_platform_image(instance, self.fleet.settings)
            with suppress(OSError, WbError):
                lines = history.read_lines(history.file_of(self.fleet.history, instance.id))
                if image := find_previous(lines, current):
                    previous[instance.id] = image
        return previous


def find_networks(observed: Observed, known: Collection[str], settings: Settings) -> Iterator[Item]:
    """Find wb's networks of this registry file with no container and no declared instance. Pure."""
    used = {network for container in observed.containers for network in container.networks}
    used |= {name for container in observed.containers for name in container.addresses}
    ours = str(settings.servers_file)
    for network in observed.networks:
        is_ours = network.instance and is_same_path(network.labels.get(LABEL_REGISTRY, ""), ours)
        is_used = network.id in used or network.name in used
        if is_ours and not is_used and network.instance not in known:
            yield _describe(network)


def _describe(network: ObservedNetwork) -> Item:
    return Item(
        Kind.NETWORKS,
        network.name,
        network.id,
        "no container is on it, and its instance is not declared",
        instance=network.instance or "",
    )


def find_previous(lines: Sequence[history.Line], current: str) -> str:
    """Find the platform's image that ran last before the current one. Pure."""
    ran = [line.platform for line in lines if line.platform]
    return next((image for image in reversed(ran) if image != current), "")


def list_folder(folder: Path) -> list[Path]:
    """List what is in a folder, sorted; nothing if the folder is not there."""
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def measure(path: Path) -> int:
    """Measure the bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if not file.is_dir())
