"""What a container was made with, whoever made it."""

from collections.abc import Mapping

from msgspec import Struct, field

from wb_cli.engine.types import Mount, Port
from wb_cli.secret import Secret


class Configuration(Struct, frozen=True):
    """What a container was made with, besides what its image says itself.

    ``image`` is the reference that was given. ``environment`` leaves out the image's own variables,
    and ``command`` is empty if it is the image's own. ``mounts`` are host paths; ``volumes`` are
    the paths in the container at which the engine keeps the data. ``memory`` is in bytes; it and
    ``cpus`` are 0 for no limit.
    """

    image: str
    image_id: str
    environment: Mapping[str, Secret] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    volumes: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()
    memory: int = 0
    cpus: float = 0.0

    def find_source(self, target: str) -> str:
        """Find the host path that is mounted at a path in the container. Empty for none."""
        return next((mount.source for mount in self.mounts if mount.target == target), "")

    def read_plain(self, name: str) -> str:
        """Read a variable without the quotes that an older tool put around it. Empty for none."""
        value = self.environment.get(name)
        return strip_quotes(value.reveal()) if value else ""


def strip_quotes(text: str) -> str:
    """Take away the quotes around a whole value."""
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if is_quoted else text
