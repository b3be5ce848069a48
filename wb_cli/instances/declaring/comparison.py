"""Compare two contents of the registry file, entry by entry. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from wb_cli.instances.declaring.differences import Difference, find_differences
from wb_cli.instances.declaring.merging import read_id
from wb_cli.instances.model import Instance
from wb_cli.instances.registry_file.registry import Registry, judge
from wb_cli.instances.registry_file.text import Entry
from wb_cli.instances.texts import name_entry

ADDED, CHANGED, REMOVED = "+", "~", "-"


class EntryChange(Struct, frozen=True):
    """One entry that is added, changed or removed. ``mark`` is the sign of a diff."""

    mark: str
    name: str
    differences: tuple[Difference, ...] = ()

    @property
    def verb(self) -> str:
        """What is done to the entry."""
        return {ADDED: "add", CHANGED: "change", REMOVED: "remove"}[self.mark]

    def __str__(self) -> str:
        if self.mark == CHANGED:
            return f"~ {self.name}: {'; '.join(map(str, self.differences))}"
        fields = (f"{each.field} {each.new}" for each in self.differences if each.field != "id")
        text = ", ".join(fields)
        return f"{self.mark} {self.name}{f': {text}' if text else ''}"

    def as_document(self) -> dict[str, Any]:
        """Give the change for ``--json``."""
        changes = [difference.as_document() for difference in self.differences]
        return {"id": self.name, "action": self.verb, "changes": changes}


class Comparison(Struct, frozen=True):
    """What is different between two contents, and which instances they are before and after."""

    changes: tuple[EntryChange, ...]
    before: Registry
    after: Registry

    @property
    def removed_ids(self) -> list[str]:
        """The ids that are gone."""
        return [change.name for change in self.changes if change.mark == REMOVED]

    @property
    def changed_instances(self) -> list[tuple[Instance | None, Instance]]:
        """Each valid instance that is new or changed: before (if it was valid), and after."""
        touched = {change.name for change in self.changes}
        before = {instance.id: instance for instance in self.before.instances}
        return [(before.get(each.id), each) for each in self.after.instances if each.id in touched]


def compare(old: Sequence[Entry], new: Sequence[Entry]) -> Comparison:
    """Compare two contents. Where an id stands twice, its entries are paired in their order."""
    changes = tuple(_find_changes(_name(old), _name(new)))
    return Comparison(changes, judge(old), judge(new))


def _find_changes(old: dict[Any, Entry], new: dict[Any, Entry]) -> Iterator[EntryChange]:
    for key in sorted([*old, *(key for key in new if key not in old)]):
        before, after = old.get(key), new.get(key)
        name = name_entry((after or before or Entry.of(None)).value)
        if before is None:
            yield EntryChange(ADDED, name, _list_differences(None, after))
        elif after is None:
            yield EntryChange(REMOVED, name)
        elif differences := _list_differences(before, after):
            yield EntryChange(CHANGED, name, differences)


def _list_differences(before: Entry | None, after: Entry | None) -> tuple[Difference, ...]:
    old, new = (entry.value if entry else {} for entry in (before, after))
    if isinstance(old, dict) and isinstance(new, dict):
        return tuple(find_differences(old, new))
    return ()


def _name(entries: Sequence[Entry]) -> dict[Any, Entry]:
    """The entries by what tells them apart: the id, or else the text; and their number."""
    named: dict[Any, Entry] = {}
    for entry in entries:
        id_ = read_id(entry)
        key = (id_ is None, entry.text if id_ is None else id_)
        number = sum(known[:2] == key for known in named)
        named[*key, number] = entry
    return named
