"""What the registry file says: which entries are instances, and what is wrong with others. Pure."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from wb_cli.contract import POSTGRES_HOST_PORT_OFFSET
from wb_cli.errors import UsageError
from wb_cli.instances.claims import Claims
from wb_cli.instances.entries import EntryError, parse_entry
from wb_cli.instances.model import Instance
from wb_cli.instances.registry_text import Entry
from wb_cli.instances.texts import entry_name, shorten


class RefusedEntry(Struct, frozen=True):
    """An entry that breaks a rule; it stays in the file word for word, and is not used."""

    index: int
    name: str
    problem: str
    raw: Any

    @property
    def id(self) -> str | None:
        """Its id, where it has one that can be written on a command line."""
        given = self.raw.get("id") if isinstance(self.raw, dict) else None
        return given if isinstance(given, str) else None


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
                raise UsageError(
                    f"the entry {instance_id} of the registry file is refused: {entry.problem}",
                    f"Correct it: `wb config set {instance_id} <field>=<value>`.",
                )
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
    from difflib import get_close_matches  # (needed only to fail)

    near = get_close_matches(instance_id, registry.ids(), n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else "`wb config list` shows what there is."
    return UsageError(f"there is no instance {shorten(instance_id)} in the registry file", hint)


def judge(entries: Sequence[Entry]) -> Registry:
    """Which entries are instances, and what is wrong with the others. Pure.

    Of two that claim the same, the first by id is valid: the order on disk is by id too, so the
    verdict does not change when the file is rewritten.
    """
    claims = Claims()
    valid: list[Instance] = []
    refused: list[RefusedEntry] = []
    for index, entry in sorted(enumerate(entries), key=lambda pair: order(pair[1])):
        try:
            instance = instance_of(entry, claims)
        except EntryError as error:
            name = f"entry {index + 1} ({entry_name(entry.value)})"
            refused.append(RefusedEntry(index, name, "; ".join(error.problems), entry.value))
        else:
            valid.append(instance)
            claims.add(instance)
    return Registry(tuple(valid), tuple(sorted(refused, key=lambda one: one.index)))


def instance_of(entry: Entry, claims: Claims) -> Instance:
    """The instance that an entry describes, where it is valid and in nobody's way."""
    if entry.repeated_key is not None:
        raise EntryError("entry", [f"the key {shorten(entry.repeated_key)} stands in it twice"])
    instance = parse_entry(entry.value)
    problems = list(claims.problems(instance))
    if problems:
        raise EntryError(instance.id, problems, "`wb config list` shows what is taken.")
    return instance


def order(entry: Entry) -> tuple[bool, str]:
    """By id; what has none that can be compared comes last, in the order it had."""
    given = entry.value.get("id") if isinstance(entry.value, dict) else None
    return (not isinstance(given, str), given if isinstance(given, str) else "")
