"""What instances may not share: ids, ports, folders."""

from collections.abc import Iterable, Iterator
from itertools import accumulate

from wb_cli.instances.entries import Flaw
from wb_cli.instances.model import Instance
from wb_cli.instances.texts import shorten


class Claims:
    """What is taken, and by which instance; looked up, not searched, as files can be long."""

    def __init__(self, instances: Iterable[Instance] = ()) -> None:
        self._ids: dict[str, Instance] = {}
        self._ports: dict[int, Instance] = {}
        self._folders: dict[str, Instance] = {}
        self._parents: dict[str, Instance] = {}
        for instance in instances:
            self.add(instance)

    def add(self, instance: Instance) -> None:
        """Take what an instance needs."""
        self._ids[instance.id] = instance
        self._ports |= dict.fromkeys((instance.port, instance.postgres_port), instance)
        self._folders[instance.folder] = instance
        self._parents |= dict.fromkeys(_paths(instance.folder), instance)

    def flaws(self, instance: Instance) -> Iterator[Flaw]:
        """What an instance would need that another has."""
        if instance.id in self._ids:
            port = self._ids[instance.id].port
            text = f"id {shorten(instance.id)} must be its own; another entry has it, port {port}"
            yield Flaw("id", text)
            return
        ports = (instance.port, instance.postgres_port)
        for other in _unique(self._ports.get(port) for port in ports):
            yield Flaw(
                "port",
                f"port {instance.port} (PostgreSQL: {instance.postgres_port}) must be its own; "
                f"{other.id} uses {other.port} and {other.postgres_port}",
            )
        nested = [self._folders.get(path) for path in _paths(instance.folder)]
        for other in _unique([*nested, self._parents.get(instance.folder)]):
            yield Flaw(
                "instanceDir",
                f"instanceDir {shorten(instance.folder)} must be its own; "
                f"{other.id} uses {shorten(other.folder)}",
            )


def _paths(folder: str) -> list[str]:
    """A folder and all above it: ``a/b`` gives ``a`` and ``a/b``."""
    return list(accumulate(folder.split("/"), "{}/{}".format))


def _unique(found: Iterable[Instance | None]) -> list[Instance]:
    return list({instance.id: instance for instance in found if instance is not None}.values())
