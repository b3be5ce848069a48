"""The invariant: never do two running containers have one data folder. Checked from outside."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
from faults.engine.events import Event

from wb_cli.engine.task import LABEL_TASK
from wb_cli.engine.types import LABEL_OUTPOST

DATA_FOLDERS = {"databases", "valkey_data"}
# The words of a task that moves data folders: it must not run beside a database.
MOVES = {"in", "back"}
Inode = tuple[int, int]


@dataclass(frozen=True)
class Place:
    """A folder. It is the same folder through a link, a bind mount or a parent folder."""

    path: Path
    inode: Inode
    parents: frozenset[Inode]

    @classmethod
    def of(cls, path: str) -> "Place":
        real = Path(os.path.realpath(path))
        return cls(real, _read_inode(real), frozenset(map(_read_inode, real.parents)))

    def overlaps(self, other: "Place") -> bool:
        """Whether both are the same folder, or one lies inside the other."""
        return (
            self.inode == other.inode or self.inode in other.parents or other.inode in self.parents
        )


@dataclass
class OneWriter:
    """Gets every event, and notes each moment at which a data folder had two writers.

    It looks at the data folders below ``root`` alone, of which none is mounted yet. A platform is
    no writer: a stock one mounts ``databases`` beside its PostgreSQL. Nor is the container through
    which wb looks at a machine elsewhere, nor a task that works in the folder of an instance beside
    the data: a backup is fetched there while the database runs. ``sees`` gives a path of the
    engine's machine as this test sees it.
    """

    client: docker.DockerClient
    root: Path
    violations: list[str] = field(default_factory=list)
    sees: Callable[[str], Path] = Path
    _places: dict[str, list[Place]] = field(default_factory=dict)
    _running: dict[str, str] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        match event.action:
            case "create" | "start":
                if event.container not in self._places:
                    self._places[event.container] = self._find_mounted(event.container)
                if event.action == "start":
                    self._note_start(event.container, event.name)
            case "rename" if event.container in self._running:
                self._running[event.container] = event.name
            case "die":
                self._running.pop(event.container, None)
            case "destroy":
                self._running.pop(event.container, None)
                self._places.pop(event.container, None)

    def _note_start(self, container: str, name: str) -> None:
        for other, other_name in self._running.items():
            for place in self._places[container] if other != container else ():
                if any(self._is_shared(place, theirs) for theirs in self._places[other]):
                    self.violations.append(
                        f"{name} ({container[:12]}) and {other_name} ({other[:12]}) run at once on "
                        f"{place.path}"
                    )
        self._running[container] = name

    def _is_shared(self, one: Place, other: Place) -> bool:
        is_data = any(place.path.name in DATA_FOLDERS for place in (one, other))
        is_ours = any(place.path.is_relative_to(self.root) for place in (one, other))
        return is_data and is_ours and one.overlaps(other)

    def _find_mounted(self, container: str) -> list[Place]:
        try:
            inspected: dict[str, Any] = self.client.api.inspect_container(container)
        except docker.errors.NotFound:
            return []  # the container is already gone
        labels = inspected["Config"]["Labels"]
        if labels.get("wb.role") == "platform" or LABEL_OUTPOST in labels:
            return []
        sources = [mount["Source"] for mount in inspected["Mounts"] if mount["Type"] == "bind"]
        seen = map(self.sees, sources)
        places = [Place.of(str(source)) for source in seen if source.is_dir()]
        if LABEL_TASK in labels and not MOVES & set(inspected["Config"]["Entrypoint"]):
            return [place for place in places if place.path.name in DATA_FOLDERS]
        return places


def _read_inode(path: Path) -> Inode:
    found = path.stat()
    return found.st_dev, found.st_ino
