"""Tell the first start of an instance from one whose data is not where it should be."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from wb_cli.host.folders import FolderProblem
from wb_cli.lifecycle.planning.desired import instance_path

if TYPE_CHECKING:
    from pathlib import Path

    from wb_cli.engine.types import Observed
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet


class DataState(Enum):
    """What is known of an instance's data before a start."""

    NEW = "it never ran: its folders can be made"
    THERE = "its folder is there, or is not of this machine"
    LOST = "it ran, and its folder is gone"


def judge(*, has_folder: bool, has_secrets: bool, has_containers: bool) -> DataState:
    """Judge the state of an instance's data. Its secrets are made at its first start. Pure."""
    if has_folder:
        return DataState.THERE
    return DataState.LOST if has_secrets or has_containers else DataState.NEW


def look(fleet: Fleet, instance: Instance, observed: Observed) -> DataState:
    """Look how an instance's data stands. Folders that wb cannot look at count as there."""
    machine = fleet.machine
    if machine is None:
        return DataState.THERE
    folder = instance_path(instance, fleet.settings)
    return judge(
        has_folder=machine.find_problem(folder) is not FolderProblem.MISSING,
        has_secrets=fleet.secrets.read(instance.id) is not None,
        has_containers=any(each.instance == instance.id for each in observed.containers),
    )


def describe_loss(
    instance: Instance, folder: Path, mount_path: Path, volume: str
) -> tuple[str, str]:
    """Say that the folder of an instance that ran is gone, and what to do about it."""
    instance_id = instance.id
    place = volume or f"probably {mount_path}"
    way = f"`mount {volume}`" if volume else "mount it"
    remedy = (
        f"The volume that holds it may not be mounted ({place}): {way}, then run it again. "
        f"If its data is gone for good, `wb init-dirs {instance_id}` makes empty folders."
    )
    if instance.host:
        remedy = f"If it ran on another host: wb moves no data, so copy its folders. {remedy}"
    gone = f"not on {instance.host}" if instance.host else "gone"
    return f"{instance_id} was started before, and its folder {folder} is {gone}", remedy


def describe_unmounted(volume: str, mount_path: Path) -> tuple[str, str]:
    """Say that the mount path's volume is not mounted, and what to do about it."""
    problem = f"the volume {volume} is not mounted, and {mount_path} lies in it"
    return problem, f"`mount {volume}` mounts it."
