"""Read and change the registry file, under a lock. A file that cannot be read is never replaced."""

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wb_cli.errors import UsageError
from wb_cli.instances.files import file_errors, locked, write_atomically
from wb_cli.instances.model import Instance
from wb_cli.instances.registry_file import text as registry_text
from wb_cli.instances.registry_file.claims import Claims
from wb_cli.instances.registry_file.doubts import Doubt, find_doubts
from wb_cli.instances.registry_file.registry import (
    Registry,
    judge,
    make_unknown_id_error,
    read_instance,
    sort_key,
)
from wb_cli.instances.registry_file.text import Entry

# The environment in an entry may hold keys of services that the platform uses.
NEW_FILE_MODE = 0o600


class RegistryEdit:
    """A change in progress. It is made under the lock, on the present content of the file."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries
        self.registry = judge(entries)

    def add(self, raw: Mapping[str, Any]) -> Instance:
        """Add an entry. It must be valid, and may claim nothing that another entry has."""
        wanted = raw.get("id")
        if isinstance(wanted, str) and self._find_positions(wanted):
            raise UsageError(
                f"there is an instance {wanted} already",
                f"Change it: `wb config set {wanted} <field>=<value>`.",
            )
        return self._put(len(self.entries), raw)

    def replace(self, instance_id: str, raw: Mapping[str, Any]) -> Instance:
        """Replace the entry with this id, which may be a refused one."""
        if registry_text.is_same(self.copy_entry(instance_id), raw):
            return self.registry.find(instance_id)
        position = self._find_position(instance_id)
        if raw.get("id") != instance_id and instance_id in self.registry.ids():
            raise UsageError(
                f"the id of {instance_id} cannot change: its containers and folder bear it",
                f"Remove it, then add a new one with `instanceDir={instance_id}`.",
            )
        return self._put(position, raw)

    def remove(self, instance_id: str) -> None:
        """Remove the entry with this id, which may be a refused one."""
        del self.entries[self._find_position(instance_id)]
        self.registry = judge(self.entries)

    def copy_entry(self, instance_id: str) -> dict[str, Any]:
        """Copy the entry with this id, which may be a refused one, as it stands in the file."""
        return dict(self.entries[self._find_position(instance_id)].value)

    def _put(self, position: int, raw: Mapping[str, Any]) -> Instance:
        entry = registry_text.make_indented_entry(dict(raw))
        rest = [*self.entries[:position], *self.entries[position + 1 :]]
        instance = read_instance(entry, Claims(judge(rest).instances))
        self.entries = [*rest[:position], entry, *rest[position:]]
        self.registry = judge(self.entries)
        return instance

    def _find_position(self, instance_id: str) -> int:
        positions = self._find_positions(instance_id)
        if not positions:
            raise make_unknown_id_error(instance_id, self.registry)
        if len(positions) > 1:
            raise UsageError(
                f"{len(positions)} entries of the registry file have the id {instance_id}",
                "Correct the file by hand, then run `wb config validate`.",
            )
        return positions[0]

    def _find_positions(self, instance_id: str) -> list[int]:
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
        """Read the file. An absent file is empty; an unreadable file is an error."""
        return judge(self._read_entries())

    def find_doubts(self) -> list[Doubt]:
        """Find the probable mistakes in the file that wb accepts."""
        return list(find_doubts(self._read_entries()))

    def read_entry(self, instance_id: str) -> dict[str, Any]:
        """Read the entry with this id, which may be a refused one, as it stands in the file."""
        return self.try_out().copy_entry(instance_id)

    @contextmanager
    def edit(self) -> Iterator[RegistryEdit]:
        """Change the file under its lock: read it, let the caller change it, write a change."""
        self._read_entries()  # raises, so that no lock file is made beside an unreadable file
        with locked(self._find_target()):
            entries = self._read_entries()
            change = RegistryEdit(list(entries))
            yield change
            if change.entries != entries:
                self._write(change.entries)

    def try_out(self) -> RegistryEdit:
        """Give the present content to change. What becomes of it is never written."""
        return RegistryEdit(self._read_entries())

    def remove(self, instance_id: str) -> None:
        """Remove one entry. The folders and containers of the instance stay."""
        with self.edit() as change:
            change.remove(instance_id)

    def _find_target(self) -> Path:
        """Find the file that a link leads to. A link that leads nowhere is an error."""
        with file_errors(self.path, "read"):
            return Path(os.path.realpath(self.path, strict=self.path.is_symlink()))

    def read_content(self) -> bytes | None:
        """Read the file as it is, also if it cannot be understood; ``None`` if it is absent."""
        target = self._find_target()
        with file_errors(target, "read"):
            try:
                is_file = stat.S_ISREG(target.stat().st_mode)
            except FileNotFoundError:
                return None
            if not is_file and not target.is_dir():  # to read a pipe would take for ever
                raise OSError(errno.EINVAL, "not a regular file")
            return target.read_bytes()

    def rewrite(self, decide: Callable[[bytes | None], bytes]) -> None:
        """Replace the whole content under the lock. ``decide`` gets the present one."""
        target = self._find_target()
        with locked(target):
            present = self.read_content()
            content = decide(present)
            if content != present:
                write_atomically(target, content, mode=NEW_FILE_MODE)

    def _read_entries(self) -> list[Entry]:
        return parse_content(self.read_content(), str(self.path))

    def _write(self, entries: list[Entry]) -> None:
        write_atomically(self._find_target(), render_sorted(entries), mode=NEW_FILE_MODE)


def parse_content(content: bytes | None, where: str) -> list[Entry]:
    """Read the entries of the content that :meth:`RegistryFile.read_content` gives."""
    return [] if content is None else registry_text.parse(content, where)


def render_sorted(entries: Iterable[Entry]) -> bytes:
    """Write the file's content, with the entries in the order of their ids."""
    return registry_text.render(sorted(entries, key=sort_key))
