"""Judge the entries of the registry file: which are instances, and which are refused. Pure."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from wb_cli.contract import POSTGRES_HOST_PORT_OFFSET
from wb_cli.errors import UsageError
from wb_cli.instances.model import Instance
from wb_cli.instances.registry_file.claims import Claims
from wb_cli.instances.registry_file.entries import EntryError, Flaw, parse_entry
from wb_cli.instances.registry_file.refused import RefusedEntry
from wb_cli.instances.registry_file.text import Entry, locate_fields
from wb_cli.instances.suggestions import make_unknown_error
from wb_cli.instances.texts import describe_place, shorten


class Registry(Struct, frozen=True):
    """The content of the registry file: the valid instances by id, and the refused entries."""

    instances: tuple[Instance, ...] = ()
    refused: tuple[RefusedEntry, ...] = ()

    def find(self, instance_id: str) -> Instance:
        """Find an instance by its id.

        Raises:
            UsageError: the entry is refused, or no entry has this id. The error says why the entry
                is refused, or suggests similar ids.
        """
        for instance in self.instances:
            if instance.id == instance_id:
                return instance
        for entry in self.refused:
            if entry.id == instance_id:
                raise entry.make_error()
        raise make_unknown_id_error(instance_id, self)

    def ids(self) -> tuple[str, ...]:
        """The ids of all valid instances."""
        return tuple(instance.id for instance in self.instances)

    def list_hosts(self) -> list[str | None]:
        """List the hosts that the entries name, after ``None``, the engine that a command chooses.

        ``None`` is missing if every entry names a host: this machine may then have no engine.
        """
        hosts = {instance.host for instance in self.instances}
        hosts |= {entry.host for entry in self.refused}
        default = [None] if None in hosts or not hosts else []
        return [*default, *sorted(filter(None, hosts))]

    def list_claimed_ports(self, host: str | None = None) -> frozenset[int]:
        """List every port that an entry takes on a host. Refused entries count, too."""
        ports = {
            port
            for instance in self.instances
            for port in (instance.port, instance.postgres_port)
            if instance.host == host
        }
        raws = (
            entry.raw
            for entry in self.refused
            if isinstance(entry.raw, dict) and entry.host == host
        )
        doubtful = {raw["port"] for raw in raws if isinstance(raw.get("port"), int)}
        return frozenset(ports | doubtful | {p + POSTGRES_HOST_PORT_OFFSET for p in doubtful})


def make_unknown_id_error(instance_id: str, registry: Registry) -> UsageError:
    """Make the error for an id that no entry has."""
    from wb_cli.instances.host_settings.table import SETTINGS_BY_NAME  # (needed only for the error)

    refused = (entry.instance_id for entry in registry.refused if entry.instance_id)
    known = [*registry.ids(), *refused]
    message = f"there is no instance {shorten(instance_id)} in the registry file"
    error = make_unknown_error(instance_id, known, message, "`wb config list` shows what there is.")
    if instance_id in SETTINGS_BY_NAME:
        error.hint = (
            f"{instance_id} is a setting, the same for all instances: "
            f"`wb config settings set {instance_id}=...`."
        )
    return error


def judge(entries: Sequence[Entry]) -> Registry:
    """Say which entries are instances, and why the others are refused. Pure.

    If two entries claim the same port or folder, the first by id is valid. wb writes the file in
    the order of the ids, so the verdict stays the same when it rewrites the file.
    """
    claims = Claims()
    counts = Counter(_read_id(entry) for entry in entries)
    valid: list[Instance] = []
    refused: list[RefusedEntry] = []
    for index, entry in sorted(enumerate(entries), key=lambda pair: sort_key(pair[1])):
        try:
            instance = read_instance(entry, claims)
        except EntryError as error:
            refused.append(_refuse(entry, index, error, counts))
        else:
            valid.append(instance)
            claims.add(instance)
    return Registry(tuple(valid), tuple(sorted(refused, key=lambda entry: entry.index)))


def _refuse(entry: Entry, index: int, error: EntryError, counts: Counter[Any]) -> RefusedEntry:
    return RefusedEntry(
        index,
        describe_place(index, entry.value, entry.line),
        error.flaws,
        entry.value,
        entry.line,
        is_alone=counts[_read_id(entry)] == 1,
        lines=locate_fields(entry),
    )


def read_instance(entry: Entry, claims: Claims) -> Instance:
    """Read the instance that an entry describes.

    Raises:
        EntryError: the entry breaks a rule, or claims what another instance has.
    """
    if entry.repeated_key is not None:
        flaw = Flaw("", f"the key {shorten(entry.repeated_key)} stands in it twice")
        raise EntryError("entry", [flaw])
    instance = parse_entry(entry.value)
    flaws = list(claims.find_flaws(instance))
    if flaws:
        raise EntryError(instance.id, flaws, "`wb config list` shows what is taken.")
    return instance


def sort_key(entry: Entry) -> tuple[bool, str]:
    """The key that sorts entries by id. Entries without a usable id come last, in their order."""
    given = _read_id(entry)
    return (given is None, given or "")


def _read_id(entry: Entry) -> str | None:
    given = entry.value.get("id") if isinstance(entry.value, dict) else None
    return given if isinstance(given, str) else None
