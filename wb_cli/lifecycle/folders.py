"""Create the folders of an instance, where the operator's settings put them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli import contract
from wb_cli.errors import WbError
from wb_cli.host import folders
from wb_cli.host.folders import FolderProblem
from wb_cli.lifecycle.machine.here import THIS_MACHINE
from wb_cli.lifecycle.planning.desired import instance_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.machine.base import Machine


def create_folders(
    instance: Instance, settings: Settings, machine: Machine = THIS_MACHINE
) -> dict[str, bool]:
    """Create the folders that an instance lacks. Say for each path whether it was created.

    Raises:
        WbError: the configured mount path is not there. It may be a volume that is not mounted.
            Then the folders would fill the disk below it.
    """
    refuse_missing_mount_path(settings, machine)
    folder = instance_path(instance, settings)
    created = machine.create(folder, list_folders(instance), contract.FOLDER_MODES)
    return {str(folder / name): made for name, made in created.items()}


def list_folders(instance: Instance) -> tuple[str, ...]:
    """List the names of an instance's folders. One that can go back to a moment has more."""
    return (*contract.FOLDERS, *(contract.WAL_FOLDERS if instance.point_in_time else ()))


def describe_troubles(
    folder: Path, machine: Machine = THIS_MACHINE
) -> Iterator[tuple[str, FolderProblem]]:
    """Describe what is wrong with an instance's folders. All that are missing are one phrase."""
    found = {name: machine.find_problem(folder / name) for name in contract.FOLDERS}
    missing = [name for name, trouble in found.items() if trouble is FolderProblem.MISSING]
    if len(missing) == 1:
        yield f"the folder {folder / missing[0]} {FolderProblem.MISSING}", FolderProblem.MISSING
    elif missing:
        yield f"folders are missing in {folder}: {', '.join(missing)}", FolderProblem.MISSING
    for name, trouble in found.items():
        if trouble is FolderProblem.NOT_A_FOLDER:
            yield f"{folder / name} {trouble}", trouble
        elif trouble is FolderProblem.UNREADABLE:
            yield f"the folder {folder / name} {trouble}", trouble


def refuse_missing_mount_path(settings: Settings, machine: Machine = THIS_MACHINE) -> None:
    """Refuse to work if the mount path was configured but is not there.

    Raises:
        WbError: the mount path is not there. It may be a volume that is not mounted.
    """
    mount_path = settings.mount_path
    is_missing = machine.find_problem(mount_path) is folders.FolderProblem.MISSING
    if is_configured(settings) and is_missing:
        raise WbError(
            f"the mount path {mount_path} (from {settings.origins['mount_path']}) is not there",
            f"If it is a volume, mount it first; else create the folder: `mkdir -p {mount_path}`.",
        )


def is_configured(settings: Settings) -> bool:
    """Whether the operator chose the mount path. Then wb does not create it."""
    return settings.origins.get("mount_path", "default") != "default"
