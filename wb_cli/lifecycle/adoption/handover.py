"""The handover: what is needed to bring an older tool's containers back, kept while they go.

They remove themselves when they stop. So what they were made with is kept on disk before the first
one stops, until their successors are ready. The file holds secrets, and only its owner may read it.
"""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from wb_cli.engine.types import ObservedContainer, ObservedNetwork
from wb_cli.errors import WbError
from wb_cli.instances.files import file_errors, write_atomically
from wb_cli.instances.host_settings.settings import Settings

if TYPE_CHECKING:
    from wb_cli.engine.docker.keeping import Kept

FOLDER = "handovers"
FILE_MODE, FOLDER_MODE = 0o600, 0o700


class Handover(Struct, frozen=True):
    """The state of an instance before it is taken over.

    ``containers`` and ``network`` are in the dress of wb's. ``kept`` has the text of what each
    container was made with, by name. ``is_new_entry`` says that the takeover added the entry.
    """

    entry: dict[str, Any]
    is_new_entry: bool
    containers: tuple[ObservedContainer, ...]
    network: ObservedNetwork | None
    kept: dict[str, str]

    def __repr__(self) -> str:
        return f"Handover({self.entry.get('id')!r})"

    @property
    def networks(self) -> tuple[ObservedNetwork, ...]:
        """The network, if there was one."""
        return (self.network,) if self.network else ()

    def load_kept(self) -> "dict[str, Kept]":
        """Read what each container was made with."""
        from wb_cli.engine.docker.keeping import Kept

        return {name: Kept.load(text) for name, text in self.kept.items()}


def path_of(settings: Settings, instance_id: str) -> Path:
    """The file of an instance's handover."""
    return folder_of(settings) / f"{instance_id}.json"


def folder_of(settings: Settings) -> Path:
    """The folder of all handovers."""
    return settings.secrets_dir / FOLDER


def read(settings: Settings, instance_id: str) -> Handover | None:
    """Read the handover of a takeover that was interrupted; ``None`` if there is none."""
    path = path_of(settings, instance_id)
    with file_errors(path, "read"):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
    try:
        return msgspec.json.decode(content, type=Handover)
    except ValueError as error:
        raise WbError(
            f"{path} cannot be read: {error}",
            "It holds what is needed to bring the older containers back. Take it from your "
            "backups; if they are not needed any more, remove it.",
        ) from None


def list_all(settings: Settings) -> list[str]:
    """List the ids of all instances that have a handover."""
    with suppress(OSError):
        return sorted(path.stem for path in folder_of(settings).glob("*.json"))
    return []


def write(settings: Settings, handover: Handover) -> None:
    """Keep a handover on disk."""
    path = path_of(settings, str(handover.entry["id"]))
    with file_errors(path.parent, "create"):
        path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    write_atomically(path, msgspec.json.encode(handover), mode=FILE_MODE)


def remove(settings: Settings, instance_id: str) -> None:
    """Forget a handover, as the takeover has ended."""
    path = path_of(settings, instance_id)
    with file_errors(path, "remove"):
        path.unlink(missing_ok=True)
