"""Create the folders of an instance, where the operator's settings put them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli import contract
from wb_cli.errors import WbError
from wb_cli.host import folders
from wb_cli.lifecycle.planning.desired import instance_path

if TYPE_CHECKING:
    from wb_cli.instances.model import Instance
    from wb_cli.instances.settings import Settings


def create_folders(instance: Instance, settings: Settings) -> dict[str, bool]:
    """Create the folders that an instance lacks. Say for each path whether it was created.

    Raises:
        WbError: the configured mount path is not there. It may be a volume that is not mounted.
            Then the folders would fill the disk below it.
    """
    refuse_missing_mount_path(settings)
    folder = instance_path(instance, settings)
    created = folders.create(folder, contract.FOLDERS, contract.FOLDER_MODES)
    return {str(folder / name): made for name, made in created.items()}


def refuse_missing_mount_path(settings: Settings) -> None:
    """Refuse to work if the mount path was configured but is not there.

    Raises:
        WbError: the mount path is not there. It may be a volume that is not mounted.
    """
    mount_path = settings.mount_path
    origin = settings.origins.get("mount_path", "default")
    if origin != "default" and folders.find_problem(mount_path) is folders.FolderProblem.MISSING:
        raise WbError(
            f"the mount path {mount_path} (from {origin}) is not there",
            "If it is a volume, mount it first; else create the folder.",
        )
