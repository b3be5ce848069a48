"""Find what is in the way of the removal of an instance's folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wb_cli.engine.types import LABEL_REGISTRY
from wb_cli.host import folders
from wb_cli.host.folders import is_same_path
from wb_cli.lifecycle.guard.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wb_cli.engine.types import Observed, ObservedContainer
    from wb_cli.host.folders import Place
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance
    from wb_cli.instances.registry_file.registry import Registry
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.machine.base import Machine

BY_HAND = "wb removes nothing that lies elsewhere: see to it by hand."


def find_misplaced(
    own: Path, paths: Sequence[Path], settings: Settings, machine: Machine
) -> Iterator[Problem]:
    """Find folders that are not where they seem to be, or hold more than an instance's data."""
    real = Path(_locate(settings.mount_path, machine).name, own.relative_to(settings.mount_path))
    if Path(_locate(own, machine).name) != real:
        yield Problem(f"a symbolic link leads to the folder {own}", BY_HAND)
        return
    trouble = machine.find_problem(own)
    if trouble:
        if trouble is not folders.FolderProblem.MISSING:
            yield Problem(f"the folder {own} {trouble}", "Check who owns it, or run wb as root.")
        return
    for path in paths:
        if target := machine.read_link(path):
            yield Problem(f"{path} is a symbolic link to {target}", BY_HAND)
        elif machine.find_problem(path) is folders.FolderProblem.NOT_A_FOLDER:
            yield Problem(f"{path} is not a folder", BY_HAND)
    for point in machine.find_mount_points(own):
        yield Problem(f"something is mounted at {point}", f"`umount {point}` comes first.")
    for name, path in machine.list_precious(settings).items():
        if _is_at_or_below(path, own, machine):
            yield Problem(f"the folder {own} holds {name} ({path})", BY_HAND)


def find_claims(
    own: Path, instance: Instance, registry: Registry, settings: Settings, machine: Machine
) -> Iterator[Problem]:
    """Find other entries, also refused ones, that use the folder or a folder in it."""
    others = [(other.id, other.folder) for other in registry.instances if other.id != instance.id]
    raws = [(entry.title, entry.raw) for entry in registry.refused if isinstance(entry.raw, dict)]
    refused = [(title, raw.get("instanceDir") or raw.get("id")) for title, raw in raws]
    for title, name in (*others, *refused):
        if isinstance(name, str) and _is_at_or_below(settings.mount_path / name, own, machine):
            yield Problem(
                f"the folder {own} is also {title}'s, or holds it",
                "`wb config set <id> instanceDir=...` tells two instances' folders apart.",
            )


def _is_at_or_below(path: Path, folder: Path, machine: Machine) -> bool:
    return _is_inside(_locate(path, machine), _locate(folder, machine))


def _is_inside(inner: Place, outer: Place) -> bool:
    is_same = inner.inode is not None and inner.inode == outer.inode
    return is_same or Path(inner.name).is_relative_to(outer.name)


def _locate(path: Path, machine: Machine) -> Place:
    return machine.locate([str(path)])[str(path)]


def find_users(
    instance_id: str, paths: Sequence[Path], fleet: Fleet, machine: Machine
) -> list[Problem]:
    """Find the containers that are in the way, as the engine lists them now."""
    observed = fleet.engine.observe()
    own = _find_own(instance_id, observed, str(fleet.settings.servers_file))
    problems = []
    if own:
        names = ", ".join(container.name for container in own)
        problems.append(
            Problem(f"its containers are there: {names}", f"`wb stop {instance_id}` removes them.")
        )
    places = list(machine.locate(map(str, paths)).values())
    others = [container for container in observed.containers if container not in own]
    mounted = (path for other in others for path in (*other.writes_to, *other.reads_from))
    known = machine.locate(mounted)
    return problems + [
        Problem(
            f"the container {container.name} ({container.state}) mounts {used}",
            f"Stop it and remove it first, if nothing needs it: `docker rm -f {container.name}`.",
        )
        for container in others
        if (used := _find_mount_in_the_way(container, places, known))
    ]


def _find_own(instance_id: str, observed: Observed, registry_file: str) -> list[ObservedContainer]:
    """Find the instance's containers, in any state and under any name."""
    return [
        container
        for container in observed.containers
        if container.labelled_instance == instance_id
        and is_same_path(container.labels.get(LABEL_REGISTRY, registry_file), registry_file)
    ]


def _find_mount_in_the_way(
    container: ObservedContainer, places: Sequence[Place], known: Mapping[str, Place]
) -> str | None:
    """Give the path that a container mounts and that is one of these folders, above one or in one.

    A container that only reads a folder above, such as a backup or a monitor of the whole disk, is
    not in the way.
    """
    for path in container.writes_to:
        if any(known[path].overlaps(place) for place in places):
            return path
    for path in container.reads_from:
        if any(_is_inside(known[path], place) for place in places):
            return path
    return None
