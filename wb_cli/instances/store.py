"""The registry file: locked, atomic, durable, and never overwritten when it cannot be read."""

import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wb_cli.contract import POSTGRES_HOST_PORT_OFFSET
from wb_cli.errors import UsageError
from wb_cli.instances import registry_text
from wb_cli.instances.claims import Claims
from wb_cli.instances.entries import EntryError, parse_entry
from wb_cli.instances.files import locked, translated, write_atomically
from wb_cli.instances.model import Instance
from wb_cli.instances.registry_text import Entry
from wb_cli.instances.texts import entry_name, shorten

# Entries may hold keys of the platform's services in their environment.
NEW_FILE_MODE = 0o600


@dataclass(frozen=True)
class RefusedEntry:
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


@dataclass(frozen=True)
class Registry:
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
    for index, entry in sorted(enumerate(entries), key=lambda pair: _order(pair[1])):
        try:
            instance = _instance(entry, claims)
        except EntryError as error:
            name = f"entry {index + 1} ({entry_name(entry.value)})"
            refused.append(RefusedEntry(index, name, "; ".join(error.problems), entry.value))
        else:
            valid.append(instance)
            claims.add(instance)
    return Registry(tuple(valid), tuple(sorted(refused, key=lambda one: one.index)))


def _instance(entry: Entry, claims: Claims) -> Instance:
    if entry.repeated_key is not None:
        raise EntryError("entry", [f"the key {shorten(entry.repeated_key)} stands in it twice"])
    instance = parse_entry(entry.value)
    problems = list(claims.problems(instance))
    if problems:
        raise EntryError(instance.id, problems)
    return instance


def _order(entry: Entry) -> tuple[bool, str]:
    """By id; what has none that can be compared comes last, in the order it had."""
    given = entry.value.get("id") if isinstance(entry.value, dict) else None
    return (not isinstance(given, str), given if isinstance(given, str) else "")


class RegistryEdit:
    """A change in progress, made under the lock on what the file holds now."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries
        self.registry = judge(entries)

    def add(self, raw: Mapping[str, Any]) -> Instance:
        """Add an entry; it must be valid and in nobody's way."""
        wanted = raw.get("id")
        if isinstance(wanted, str) and self._positions(wanted):
            raise UsageError(
                f"the registry file has an entry {wanted} already",
                f"Change it: `wb config set {wanted} <field>=<value>`.",
            )
        return self._put(len(self.entries), raw)

    def replace(self, instance_id: str, raw: Mapping[str, Any]) -> Instance:
        """Put another entry in the place of the one with this id, refused or not."""
        position = self._position(instance_id)
        if raw.get("id") != instance_id and instance_id in self.registry.ids():
            raise UsageError(
                f"the id of {instance_id} cannot change: its containers and folder bear it",
                f"Remove it, then add a new one with `instanceDir={instance_id}`.",
            )
        return self._put(position, raw)

    def remove(self, instance_id: str) -> None:
        """Take the entry with this id out, refused or not."""
        del self.entries[self._position(instance_id)]
        self.registry = judge(self.entries)

    def raw(self, instance_id: str) -> dict[str, Any]:
        """A copy of the entry with this id, refused or not, as the file has it."""
        return dict(self.entries[self._position(instance_id)].value)

    def _put(self, position: int, raw: Mapping[str, Any]) -> Instance:
        entry = registry_text.indented(dict(raw))
        rest = [*self.entries[:position], *self.entries[position + 1 :]]
        instance = _instance(entry, Claims(judge(rest).instances))
        self.entries = [*rest[:position], entry, *rest[position:]]
        self.registry = judge(self.entries)
        return instance

    def _position(self, instance_id: str) -> int:
        positions = self._positions(instance_id)
        if not positions:
            raise unknown(instance_id, self.registry)
        if len(positions) > 1:
            raise UsageError(
                f"{len(positions)} entries of the registry file have the id {instance_id}",
                "Correct the file by hand, then run `wb config validate`.",
            )
        return positions[0]

    def _positions(self, instance_id: str) -> list[int]:
        return [
            index
            for index, entry in enumerate(self.entries)
            if isinstance(entry.value, dict) and entry.value.get("id") == instance_id
        ]


class RegistryFile:
    """``servers.json`` on this host."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Registry:
        """What the file says now: absent is empty, unreadable is an error."""
        return judge(self._entries())

    def entry(self, instance_id: str) -> dict[str, Any]:
        """The entry with this id, refused or not, as the file has it."""
        return RegistryEdit(self._entries()).raw(instance_id)

    @contextmanager
    def edit(self) -> Iterator[RegistryEdit]:
        """Change the file under its lock: read again, let the caller change, write if it did."""
        self._entries()  # beside what cannot be read, not even a lock file is made
        with locked(self._target()):
            entries = self._entries()
            change = RegistryEdit(list(entries))
            yield change
            if change.entries != entries:
                self._write(change.entries)

    def add(self, raw: Mapping[str, Any]) -> Instance:
        """Add one entry."""
        with self.edit() as change:
            return change.add(raw)

    def replace(self, instance_id: str, raw: Mapping[str, Any]) -> Instance:
        """Put another entry in the place of one."""
        with self.edit() as change:
            return change.replace(instance_id, raw)

    def update(
        self, instance_id: str, change_raw: Callable[[dict[str, Any]], Mapping[str, Any]]
    ) -> Instance:
        """Change one entry as a function says that is given a copy of it."""
        with self.edit() as change:
            return change.replace(instance_id, change_raw(change.raw(instance_id)))

    def remove(self, instance_id: str) -> None:
        """Remove one entry; folders and containers are not its business."""
        with self.edit() as change:
            change.remove(instance_id)

    def _target(self) -> Path:
        """The file itself where the path is a link; a link that leads nowhere is an error."""
        with translated(self.path, "read"):
            return Path(os.path.realpath(self.path, strict=self.path.is_symlink()))

    def _entries(self) -> list[Entry]:
        target = self._target()
        with translated(target, "read"):
            try:
                is_file = stat.S_ISREG(target.stat().st_mode)
            except FileNotFoundError:
                return []
            if not is_file and not target.is_dir():  # a pipe would be waited for
                raise OSError(errno.EINVAL, "not a regular file")
            content = target.read_bytes()
        return registry_text.parse(content, str(self.path))

    def _write(self, entries: list[Entry]) -> None:
        content = registry_text.render(sorted(entries, key=_order))
        write_atomically(self._target(), content, mode=NEW_FILE_MODE)
