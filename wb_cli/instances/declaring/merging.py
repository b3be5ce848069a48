"""Merge two changes of the same entries, field by field, as ``git merge`` does for lines. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from wb_cli.instances.registry_file.changes import WITH_MEMBERS
from wb_cli.instances.registry_file.text import Entry, is_same, make_indented_entry

ABSENT: Any = object()


class Merge(Struct, frozen=True):
    """The merged entries, and what both sides changed differently.

    In a conflict our value is taken, and an entry that one side removed stays.
    """

    entries: tuple[Entry, ...]
    conflicts: tuple[str, ...]


def merge(base: Sequence[Entry], ours: Sequence[Entry], theirs: Sequence[Entry]) -> Merge:
    """Merge what we and they made of ``base``. Entries are told apart by their ids."""
    sides = [_by_id(entries) for entries in (base, ours, theirs)]
    merged: list[Entry] = []
    conflicts: list[str] = []
    for id_ in dict.fromkeys([*sides[1], *sides[2], *sides[0]]):
        taken, fights = _merge_entry(id_, *(side.get(id_) for side in sides))
        merged += [taken] if taken else []
        conflicts += fights
    nameless, fights = _merge_nameless(*(_list_nameless(each) for each in (base, ours, theirs)))
    return Merge((*merged, *nameless), (*conflicts, *fights))


def _merge_entry(
    id_: str, base: Entry | None, ours: Entry | None, theirs: Entry | None
) -> tuple[Entry | None, list[str]]:
    if _has_same_text(ours, base) or _has_same_text(ours, theirs):
        return theirs, []
    if _has_same_text(theirs, base):
        return ours, []
    if ours is None or theirs is None:
        here, there = ("removed" if side is None else "changed" for side in (ours, theirs))
        return ours or theirs, [f"{id_}: {here} here, {there} there"]
    value, fights = _merge_fields(base.value if base else {}, ours.value, theirs.value)
    if is_same(value, ours.value):
        return ours, [f"{id_}: {name}" for name in fights]
    return make_indented_entry(value), [f"{id_}: {name}" for name in fights]


def _merge_fields(
    base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any], prefix: str = ""
) -> tuple[dict[str, Any], list[str]]:
    """Merge the fields of an entry, and the variables in it one by one."""
    merged: dict[str, Any] = {}
    fights: list[str] = []
    for name in dict.fromkeys([*ours, *theirs]):
        values = [side.get(name, ABSENT) for side in (base, ours, theirs)]
        has_members = name in WITH_MEMBERS and not prefix
        if has_members and all(isinstance(each, Mapping) for each in values[1:]):
            known = values[0] if isinstance(values[0], Mapping) else {}
            merged[name], more = _merge_fields(known, values[1], values[2], f"{name}.")
            fights += more
            continue
        value, is_fight = _merge_value(*values)
        if value is not ABSENT:
            merged[name] = value
        fights += [prefix + name] if is_fight else []
    return merged, fights


def _merge_value(base: Any, ours: Any, theirs: Any) -> tuple[Any, bool]:
    if _is_same_value(ours, base) or _is_same_value(ours, theirs):
        return theirs, False
    return ours, not _is_same_value(theirs, base)


def _merge_nameless(
    base: list[Entry], ours: list[Entry], theirs: list[Entry]
) -> tuple[list[Entry], list[str]]:
    """Merge the entries that have no id of their own. They are one thing, as none has a name."""
    texts = [[entry.text for entry in side] for side in (base, ours, theirs)]
    if texts[1] in (texts[0], texts[2]):
        return theirs, []
    return ours, [] if texts[2] == texts[0] else ["the entries without an id of their own"]


def _by_id(entries: Iterable[Entry]) -> dict[str, Entry]:
    named = [(id_, entry) for entry in entries if (id_ := read_id(entry)) is not None]
    counts = Counter(id_ for id_, _ in named)
    return {id_: entry for id_, entry in named if counts[id_] == 1}


def _list_nameless(entries: Sequence[Entry]) -> list[Entry]:
    named = _by_id(entries)
    return [entry for entry in entries if named.get(read_id(entry) or "") is not entry]


def read_id(entry: Entry) -> str | None:
    """Read the id of an entry, as far as it has one."""
    given = entry.value.get("id") if isinstance(entry.value, dict) else None
    return given if isinstance(given, str) else None


def _has_same_text(entry: Entry | None, other: Entry | None) -> bool:
    return (entry and entry.text) == (other and other.text)


def _is_same_value(value: Any, other: Any) -> bool:
    if value is ABSENT or other is ABSENT:
        return value is other
    return is_same(value, other)
