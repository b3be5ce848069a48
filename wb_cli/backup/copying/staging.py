"""The folders in which copies lie for a while. What a killed wb left in them is removed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from wb_cli.backup.copying.base_backup import remove_copy

if TYPE_CHECKING:
    from pathlib import Path

    from wb_cli.lifecycle.fleet import Fleet

# Below the mount path. No instance's folder can have this name.
STAGING = ".wb-backup"
PROOF = ".proof"


def folder_of_copy(fleet: Fleet, instance: str) -> Path:
    """Give the folder in which a copy of an instance lies until it is stored."""
    return fleet.settings.mount_path / STAGING / instance


def folder_of_proof(fleet: Fleet, instance: str) -> Path:
    """Give the folder in which a backup of an instance lies while it is tried."""
    return fleet.settings.mount_path / STAGING / f"{instance}{PROOF}"


def list_left(fleet: Fleet) -> list[str]:
    """List the instances that have such a folder. Their commands may still be at work."""
    if not fleet.machine:
        return []
    found = fleet.machine.list_entries(fleet.settings.mount_path / STAGING)
    return list(dict.fromkeys(path.name.removesuffix(PROOF) for path in found))


def remove_left(fleet: Fleet, folder: Path, image: str) -> bool:
    """Remove such a folder with what is in it, and say whether anything was.

    The caller has the lock of the command that would work in it. A container on ``image`` removes
    the content, because it belongs to PostgreSQL's user.
    """
    machine = fleet.machine
    if machine is None or not machine.is_present(folder):
        return False
    is_full = bool(machine.list_entries(folder))
    if is_full:
        remove_copy(fleet.engine, image, folder, fleet.settings.labels, threading.Event())
    machine.remove_if_empty(folder)
    return is_full
