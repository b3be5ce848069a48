"""The registry file: locked, atomic, durable, and never overwritten when it cannot be read."""

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wb_cli.errors import UsageError
from wb_cli.instances import registry_text
from wb_cli.instances.claims import Claims
from wb_cli.instances.doubts import Doubt, doubts
from wb_cli.instances.files import file_errors, locked, write_atomically
from wb_cli.instances.model import Instance
from wb_cli.instances.registry import Registry, instance_of, judge, order, unknown
from wb_cli.instances.registry_text import Entry

# Entries may hold keys of the platform's services in their environment.
NEW_FILE_MODE = 0o600


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
        if registry_text.is_same(self.raw(instance_id), raw):
            return self.registry.find(instance_id)
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
        instance = instance_of(entry, Claims(judge(rest).instances))
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

    def doubts(self) -> list[Doubt]:
        """What is allowed in the file, and probably not meant."""
        return list(doubts(self._entries()))

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

    def remove(self, instance_id: str) -> None:
        """Remove one entry; folders and containers are not its business."""
        with self.edit() as change:
            change.remove(instance_id)

    def _target(self) -> Path:
        """The file itself where the path is a link; a link that leads nowhere is an error."""
        with file_errors(self.path, "read"):
            return Path(os.path.realpath(self.path, strict=self.path.is_symlink()))

    def _entries(self) -> list[Entry]:
        target = self._target()
        with file_errors(target, "read"):
            try:
                is_file = stat.S_ISREG(target.stat().st_mode)
            except FileNotFoundError:
                return []
            if not is_file and not target.is_dir():  # a pipe would be waited for
                raise OSError(errno.EINVAL, "not a regular file")
            content = target.read_bytes()
        return registry_text.parse(content, str(self.path))

    def _write(self, entries: list[Entry]) -> None:
        content = registry_text.render(sorted(entries, key=order))
        write_atomically(self._target(), content, mode=NEW_FILE_MODE)
