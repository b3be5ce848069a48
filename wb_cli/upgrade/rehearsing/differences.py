"""Where two JSON documents differ. Pure.

The order of names does not matter. The order of a list does, and is told as one difference. Rows of
a list are matched first, so a row more or less does not make all that follow it different.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What lies deeper is compared as a whole.
DEEPEST = 50
# A row is named by so many of its values.
NAMING_VALUES = 6
LONGEST_NAME = 60

Entry = tuple[int, Any]
Pair = tuple[Entry, Entry]


class Sort(StrEnum):
    """What became of a value."""

    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"


class Difference(Struct, frozen=True):
    """A value that is not the same.

    ``path`` leads to it, as in ``items[3].value``, and ``field`` is the same for all rows:
    ``items[].value``. ``row`` names the row by what both versions of it have in common. ``old`` and
    ``new`` are the values; ``None`` where there is none.
    """

    sort: Sort
    path: str
    field: str
    old: Any = None
    new: Any = None
    row: str = ""


class Place(Struct, frozen=True):
    """A place in a document: the path to it, the field, the row in which it is, and its depth."""

    path: str = ""
    field: str = ""
    row: str = ""
    depth: int = 0

    def enter(self, name: str) -> Place:
        """Give the place of a value by its name."""
        dot = "." if self.path else ""
        path, field = (f"{text}{dot}{name}" for text in (self.path, self.field))
        return Place(path, field, self.row, self.depth + 1)

    def enter_row(self, number: int, row: str = "") -> Place:
        """Give the place of an entry of a list."""
        return Place(f"{self.path}[{number}]", f"{self.field}[]", row or self.row, self.depth + 1)

    def note(self, sort: Sort, old: Any = None, new: Any = None) -> Difference:
        """Note what became of the value here."""
        return Difference(sort, self.path, self.field, old, new, self.row)


TOP = Place()


def find_differences(old: Any, new: Any, place: Place = TOP) -> Iterator[Difference]:
    """Find each value that differs between two documents, in the order of the old one."""
    if place.depth < DEEPEST and isinstance(old, dict) and isinstance(new, dict):
        yield from _compare_records(old, new, place)
    elif place.depth < DEEPEST and isinstance(old, list) and isinstance(new, list):
        yield from _compare_lists(old, new, place)
    elif write(old) != write(new):
        yield place.note(Sort.CHANGED, old, new)


def write(value: Any) -> str:
    """Write a value so that equal ones are equal as text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _compare_records(
    old: Mapping[str, Any], new: Mapping[str, Any], place: Place
) -> Iterator[Difference]:
    for name, value in old.items():
        if name in new:
            yield from find_differences(value, new[name], place.enter(name))
        else:
            yield place.enter(name).note(Sort.REMOVED, old=value)
    for name, value in new.items():
        if name not in old:
            yield place.enter(name).note(Sort.ADDED, new=value)


def _compare_lists(old: list[Any], new: list[Any], place: Place) -> Iterator[Difference]:
    left_old, left_new = _leave_out_equal(old, new)
    if not (left_old or left_new):
        if any(write(one) != write(other) for one, other in zip(old, new, strict=True)):
            yield place.note(Sort.MOVED)
        return
    pairs, removed, added = _match(left_old, left_new)
    for (number, before), (_, after) in pairs:
        yield from find_differences(before, after, place.enter_row(number, _name(before, after)))
    for number, row in removed:
        yield place.enter_row(number, _name(row, row)).note(Sort.REMOVED, old=row)
    for number, row in added:
        yield place.enter_row(number, _name(row, row)).note(Sort.ADDED, new=row)


def _leave_out_equal(old: list[Any], new: list[Any]) -> tuple[list[Entry], list[Entry]]:
    """Give the entries of each list that have no equal one in the other."""
    olds, news = [write(row) for row in old], [write(row) for row in new]
    return _take(old, olds, Counter(news)), _take(new, news, Counter(olds))


def _take(rows: list[Any], texts: list[str], others: Counter[str]) -> list[Entry]:
    left = []
    for number, (row, text) in enumerate(zip(rows, texts, strict=True)):
        if others[text]:
            others[text] -= 1
        else:
            left.append((number, row))
    return left


def _match(old: list[Entry], new: list[Entry]) -> tuple[list[Pair], list[Entry], list[Entry]]:
    """Match rows by their words, in their order; then, by their place, those of the same form."""
    by_words: dict[Any, list[Entry]] = defaultdict(list)
    for entry in reversed(new):
        by_words[_find_words(entry[1])].append(entry)
    pairs: list[Pair] = []
    others: list[Entry] = []
    for entry in old:
        fitting = by_words[_find_words(entry[1])]
        if fitting:
            pairs.append((entry, fitting.pop()))
        else:
            others.append(entry)
    at_place = {entry[0]: entry for left in by_words.values() for entry in left}
    removed = []
    for number, row in others:
        other = at_place.get(number)
        if other is not None and _is_of_same_form(row, other[1]):
            pairs.append(((number, row), at_place.pop(number)))
        else:
            removed.append((number, row))
    return sorted(pairs, key=lambda pair: pair[0][0]), removed, sorted(at_place.values(), key=_at)


def _at(entry: Entry) -> int:
    return entry[0]


def _find_words(row: Any) -> Any:
    """Find what a row is of, which is not what it counts."""
    if not isinstance(row, dict):
        return None
    return tuple(sorted((name, text) for name, text in row.items() if isinstance(text, str)))


def _is_of_same_form(row: Any, other: Any) -> bool:
    is_record = isinstance(row, dict) and isinstance(other, dict)
    return is_record and row.keys() == other.keys()


def _name(before: Any, after: Any) -> str:
    """Name a row by the values that both have: ``district North, period 202401``."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return ""
    same = [
        f"{name} {value}"
        for name, value in before.items()
        if isinstance(value, str | int) and name in after and write(after[name]) == write(value)
    ]
    name = ", ".join(same[:NAMING_VALUES])
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
