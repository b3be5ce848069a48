"""Which image of PostgreSQL belongs to an instance's folders, where an upgrade exchanged them.

An upgrade to another major version leaves a note of it beside the folders. The field
``postgresImage`` follows the folders, because no PostgreSQL opens a database of another version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from wb_cli import contract
from wb_cli.errors import WbError

if TYPE_CHECKING:
    from pathlib import Path

    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.machine.base import Machine

FIELD = "postgresImage"


class Images(Struct, frozen=True):
    """The field before an upgrade and after it. It is empty where it was not declared."""

    before: str
    after: str

    def find_correction(self, declared: str, *, goes_back: bool) -> str | None:
        """Find what the field must become for the folders; ``None`` where it fits. Pure.

        With ``goes_back`` the folders from before are about to come back. Without it, those from
        after are in place, and an image that was declared since stays.
        """
        if goes_back:
            return None if declared == self.before else self.before
        return self.after if declared == self.before else None


def render(images: Images) -> str:
    """Write the note."""
    return msgspec.json.encode(images).decode()


def read(machine: Machine, root: Path) -> Images | None:
    """Read the note beside the folders of an instance that were put away."""
    path = root / contract.BEFORE_RESTORE / contract.IMAGES_OF_UPGRADE
    text = machine.read_file(path)
    if not text:
        return None
    try:
        return msgspec.json.decode(text, type=Images)
    except ValueError as error:
        raise WbError(
            f"{path} does not say which image of PostgreSQL belongs to which folders: {error}",
            f"Declare {FIELD} yourself, and remove that file.",
        ) from None


def declare(fleet: Fleet, instance: Instance, image: str) -> Instance:
    """Declare the image of an instance's PostgreSQL; "" takes the field away."""
    from wb_cli.instances.registry_file.store import RegistryFile

    with RegistryFile(fleet.settings.servers_file).edit() as edit:
        entry = edit.copy_entry(instance.id)
        if image:
            entry[FIELD] = image
        else:
            entry.pop(FIELD, None)
        return edit.replace(instance.id, entry)
