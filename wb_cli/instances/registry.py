"""What the registry file says: which entries are instances, and what is wrong with others. Pure."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from wb_cli.contract import POSTGRES_HOST_PORT_OFFSET
from wb_cli.errors import UsageError
from wb_cli.instances.claims import Claims
from wb_cli.instances.entries import EntryError, Flaw, parse_entry
from wb_cli.instances.model import Instance
from wb_cli.instances.refused import RefusedEntry
from wb_cli.instances.registry_text import Entry
from wb_cli.instances.suggestions import not_known
from wb_cli.instances.texts import place, shorten


class Registry(Struct, frozen=True):
    """What the registry file says: valid instances by id, and the entries that were refused."""

    instances: tuple[Instance, ...] = ()
    refused: tuple[RefusedEntry, ...] = ()

    def find(self, instance_id: str) -> Instance:
        """The instance of this id; an error suggests near names or says why it is refused."""
        for instance in self.instances:
            if instance.id == instance_id:
                return instance
        for entry in self.refused:
            if entry.id == instance_id:
                raise entry.error()
        raise unknown(instance_id, self)

    def ids(self) -> tuple[str, ...]:
        """The ids of all valid instances."""
        return tuple(instance.id for instance in self.instances)

    def claimed_ports(self) -> frozenset[int]:
        """Every host port that an entry takes, refused entries included."""
        ports = {port for one in self.instances for port in (one.port, one.postgres_port)}
        raws = (entry.raw for entry in self.refused if isinstance(entry.raw, dict))
        doubtful = {raw["port"] for raw in raws if isinstance(raw.get("port"), int)}
        return frozenset(ports | doubtful | {p + POSTGRES_HOST_PORT_OFFSET for p in doubtful})


def unknown(instance_id: str, registry: Registry) -> UsageError:
    """The error for an id that nothing has."""
    from wb_cli.instances.setting_table import SETTINGS_BY_NAME  # (needed only to fail)

    known = [*registry.ids(), *(one.instance_id for one in registry.refused if one.instance_id)]
    message = f"there is no instance {shorten(instance_id)} in the registry file"
    error = not_known(instance_id, known, message, "`wb config list` shows what there is.")
    if instance_id in SETTINGS_BY_NAME:
        error.hint = (
            f"{instance_id} is a setting: write it in config.toml, or give "
            f"`--set {instance_id}=...` before the command."
        )
    return error


def judge(entries: Sequence[Entry]) -> Registry:
    """Which entries are instances, and what is wrong with the others. Pure.

    Of two that claim the same, the first by id is valid: the order on disk is by id too, so the
    verdict does not change when the file is rewritten.
    """
    claims = Claims()
    counts = Counter(_id(entry) for entry in entries)
    valid: list[Instance] = []
    refused: list[RefusedEntry] = []
    for index, entry in sorted(enumerate(entries), key=lambda pair: order(pair[1])):
        try:
            instance = instance_of(entry, claims)
        except EntryError as error:
            refused.append(_refused(entry, index, error, counts))
        else:
            valid.append(instance)
            claims.add(instance)
    return Registry(tuple(valid), tuple(sorted(refused, key=lambda one: one.index)))


def _refused(entry: Entry, index: int, error: EntryError, counts: Counter[Any]) -> RefusedEntry:
    return RefusedEntry(
        index,
        place(index, entry.value, entry.line),
        error.flaws,
        entry.value,
        entry.line,
        is_alone=counts[_id(entry)] == 1,
    )


def instance_of(entry: Entry, claims: Claims) -> Instance:
    """The instance that an entry describes, where it is valid and in nobody's way."""
    if entry.repeated_key is not None:
        flaw = Flaw("", f"the key {shorten(entry.repeated_key)} stands in it twice")
        raise EntryError("entry", [flaw])
    instance = parse_entry(entry.value)
    flaws = list(claims.flaws(instance))
    if flaws:
        raise EntryError(instance.id, flaws, "`wb config list` shows what is taken.")
    return instance


def order(entry: Entry) -> tuple[bool, str]:
    """By id; what has none that can be compared comes last, in the order it had."""
    given = _id(entry)
    return (given is None, given or "")


def _id(entry: Entry) -> str | None:
    given = entry.value.get("id") if isinstance(entry.value, dict) else None
    return given if isinstance(given, str) else None
