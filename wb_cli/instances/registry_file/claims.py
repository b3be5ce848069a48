"""The ids, ports and folders that two instances may not share.

An id is unique in the registry file. Ports and folders are unique on a host, as each host has its
own.
"""

from collections.abc import Iterable, Iterator
from itertools import accumulate

from wb_cli.instances.model import Instance
from wb_cli.instances.registry_file.entries import Flaw
from wb_cli.instances.texts import shorten


class Claims:
    """The ids, ports and folders that are taken, each with its instance.

    They are kept in dictionaries, because a registry file can be long.
    """

    def __init__(self, instances: Iterable[Instance] = ()) -> None:
        self._ids: dict[str, Instance] = {}
        self._ports: dict[tuple[str | None, int], Instance] = {}
        self._folders: dict[tuple[str | None, str], Instance] = {}
        self._parents: dict[tuple[str | None, str], Instance] = {}
        for instance in instances:
            self.add(instance)

    def add(self, instance: Instance) -> None:
        """Take the id, the ports and the folder of an instance."""
        self._ids[instance.id] = instance
        self._ports |= dict.fromkeys(_list_ports(instance), instance)
        self._folders[instance.host, instance.folder] = instance
        self._parents |= dict.fromkeys(_list_ancestors(instance), instance)

    def find_flaws(self, instance: Instance) -> Iterator[Flaw]:
        """Find each need of an instance that another instance has taken."""
        if instance.id in self._ids:
            port = self._ids[instance.id].port
            text = f"id {shorten(instance.id)} must be its own; another entry has it, port {port}"
            yield Flaw("id", text)
            return
        for other in _drop_repeated(self._ports.get(port) for port in _list_ports(instance)):
            yield Flaw(
                "port",
                f"port {instance.port} (PostgreSQL: {instance.postgres_port}) must be its own; "
                f"{other.id} uses {other.port} and {other.postgres_port}",
            )
        nested = [self._folders.get(path) for path in _list_ancestors(instance)]
        above = self._parents.get((instance.host, instance.folder))
        for other in _drop_repeated([*nested, above]):
            yield Flaw(
                "instanceDir",
                f"instanceDir {shorten(instance.folder)} must be its own; "
                f"{other.id} uses {shorten(other.folder)}",
            )


def _list_ports(instance: Instance) -> list[tuple[str | None, int]]:
    """The ports that it takes on its host."""
    return [(instance.host, port) for port in (instance.port, instance.postgres_port)]


def _list_ancestors(instance: Instance) -> list[tuple[str | None, str]]:
    """Its folder and all folders above it, on its host: ``a/b`` gives ``a`` and ``a/b``."""
    paths = accumulate(instance.folder.split("/"), "{}/{}".format)
    return [(instance.host, path) for path in paths]


def _drop_repeated(instances: Iterable[Instance | None]) -> list[Instance]:
    by_id = {instance.id: instance for instance in instances if instance is not None}
    return list(by_id.values())
