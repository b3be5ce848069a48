"""Fetch the databases of a backup into a folder of their own, to try something on them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli import contract
from wb_cli.backup import manifest
from wb_cli.backup.copying.base_backup import DATA
from wb_cli.backup.copying.room import require_room
from wb_cli.backup.copying.staging import folder_of_proof, remove_left
from wb_cli.backup.databases import fetch_databases
from wb_cli.backup.snapshots import MANIFEST_PATH
from wb_cli.errors import WbError
from wb_cli.quantities import describe_size

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wb_cli.backup.manifest import Manifest
    from wb_cli.backup.restic import Restic
    from wb_cli.backup.snapshots import Backup
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.machine.base import Machine
    from wb_cli.lifecycle.options import RunOptions


class Trial(Struct, frozen=True):
    """A backup on trial: what it holds, the image of its PostgreSQL, and the folder it lies in."""

    found: Manifest
    image: str
    machine: Machine
    target: Path


@contextmanager
def fetched(
    fleet: Fleet,
    restic: Restic,
    backup: Backup,
    options: RunOptions,
    most_bytes: int | None = None,
) -> Iterator[Trial]:
    """Fetch the databases of a backup; remove them after the block.

    The caller has the lock of the backups of the instance. ``most_bytes`` is how much room on the
    disk a trial may take. What a trial that was killed has left is removed first.

    Raises:
        MisfitError: the copies of which the backup consists do not belong together.
        WbError: something is missing, there is no room, or the backup cannot be read.
    """
    text = restic.read_file(backup.manifest, MANIFEST_PATH)
    found = manifest.parse(text, backup.short_id)
    image = found.images.get(contract.Part.POSTGRES, "")
    if not fleet.engine.find_image(image):
        raise WbError(f"the image that it ran on is not on this engine: {image}")
    machine = fleet.machine
    if machine is None:
        raise WbError("the machine of the engine cannot be looked at")
    require_budget(most_bytes, found.room)
    target = folder_of_proof(fleet, backup.instance)
    remove_left(fleet, target, image)
    require_room(machine, fleet.settings.mount_path, found.room, "it")
    try:
        fetch_databases(fleet, restic, backup, image, target / DATA, options)
        yield Trial(found, image, machine, target)
    finally:
        remove_left(fleet, target, image)


def require_budget(most_bytes: int | None, room: int) -> None:
    """Refuse a trial that needs more bytes of the disk than it may take; None is no limit.

    Raises:
        WbError: it does.
    """
    if most_bytes is not None and room > most_bytes:
        raise WbError(
            f"it takes {describe_size(room)} on the disk, and a trial may take "
            f"{describe_size(most_bytes)}"
        )
