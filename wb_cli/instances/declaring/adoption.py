"""Adopt the entries of another registry file: which can be taken, and why others cannot. Pure."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from wb_cli.errors import UsageError
from wb_cli.instances.declaring.differences import find_differences
from wb_cli.instances.declaring.merging import read_id
from wb_cli.instances.model import Instance
from wb_cli.instances.registry_file.claims import Claims
from wb_cli.instances.registry_file.doubts import Doubt, find_doubts
from wb_cli.instances.registry_file.registry import read_instance
from wb_cli.instances.registry_file.store import RegistryEdit
from wb_cli.instances.registry_file.text import Entry, is_same
from wb_cli.instances.texts import name_entry


class Rejection(Struct, frozen=True):
    """An entry that cannot be taken, and why."""

    line: int
    name: str
    problem: str

    def as_document(self) -> dict[str, Any]:
        """Give the rejection for ``--json``."""
        return {"line": self.line, "id": self.name, "problem": self.problem}


class Adoption(Struct, frozen=True):
    """What becomes of each entry of the other file."""

    added: tuple[Instance, ...]
    unchanged: tuple[str, ...]
    rejected: tuple[Rejection, ...]
    doubts: tuple[Doubt, ...]


def adopt(edit: RegistryEdit, entries: Sequence[Entry]) -> Adoption:
    """Add every entry that can be taken. Unknown fields are kept."""
    added: list[Instance] = []
    unchanged: list[str] = []
    rejected: list[Rejection] = []
    for entry in entries:
        name = name_entry(entry.value)
        present = _find_present(edit, entry)
        if present is not None and is_same(present, entry.value):
            unchanged.append(name)
            continue
        try:
            added.append(_add(edit, entry, present))
        except UsageError as error:
            rejected.append(Rejection(entry.line, name, error.message.removeprefix(f"{name}: ")))
    taken = {instance.id for instance in added}
    doubts = tuple(doubt for doubt in find_doubts(entries) if doubt.id in taken)
    return Adoption(tuple(added), tuple(unchanged), tuple(rejected), doubts)


def _find_present(edit: RegistryEdit, entry: Entry) -> Any:
    """Find the entry that has the same id here; ``None`` if there is none."""
    id_ = read_id(entry)
    same = (known.value for known in edit.entries if id_ is not None and read_id(known) == id_)
    return next(same, None)


def _add(edit: RegistryEdit, entry: Entry, present: Any) -> Instance:
    if present is not None:
        texts = (str(difference) for difference in find_differences(present, entry.value))
        raise UsageError(f"the id is taken here by another instance ({'; '.join(texts)})")
    read_instance(entry, Claims(edit.registry.instances))
    return edit.add(entry.value)
