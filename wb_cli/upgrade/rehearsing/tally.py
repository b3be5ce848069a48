"""Count what differs, grouped by likely cause and field, and keep as much of it as can be shown.

Each difference is counted. The first of each group, and a limited number of all, are kept with
their values, so that a version which changes everything takes no more memory than one which does
not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from wb_cli.upgrade.rehearsing.causes import Cause, find_cause
from wb_cli.upgrade.rehearsing.differences import find_differences, write

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_GROUPS, MOST_KEPT, MOST_OF_GROUP = 200, 2_000, 500
LONGEST_VALUE = 120
OTHER_FIELDS = "(other fields)"


class Found(Struct, frozen=True):
    """A difference as it is shown. ``old`` and ``new`` are JSON; "" where there is no value.

    ``result`` names the result, with its object; ``path`` leads to the value, ``row`` names its
    row.
    """

    result: str
    path: str
    old: str
    new: str
    row: str = ""

    def describe(self) -> str:
        """Describe it in a line."""
        row = f" ({self.row})" if self.row else ""
        where = f"{self.result}: {self.path or 'all of it'}{row}"
        values = f": {self.old or 'nothing'} -> {self.new or 'nothing'}"
        return f"{where}{values if self.old or self.new else ''}"


class Group(Struct):
    """Differences of one likely cause in one field, and in how many results they are."""

    cause: Cause
    detail: str
    field: str
    count: int = 0
    results: int = 0
    kept: list[Found] = msgspec.field(default_factory=list)
    last: str = ""

    def describe(self) -> str:
        """Describe it in a line."""
        detail = f" ({self.detail})" if self.detail else ""
        where = f" in {self.field}" if self.field else ""
        times = f"{self.count:,} in {self.results:,} results" if self.results > 1 else self._once()
        return f"{self.cause}{detail}{where}: {times}"

    def _once(self) -> str:
        return f"{self.count:,} in one result" if self.count > 1 else "once"


class Tally:
    """Groups the differences of one instance. ``differing`` is the number of results with any."""

    def __init__(self) -> None:
        self._groups: dict[tuple[Cause, str, str], Group] = {}
        self._kept = 0
        self.differing = 0

    @property
    def groups(self) -> list[Group]:
        """The groups, those of the worst causes first, and the largest of each first."""
        causes = list(Cause)
        return sorted(
            self._groups.values(), key=lambda group: (causes.index(group.cause), -group.count)
        )

    def compare(self, result: str, old: Any, new: Any) -> None:
        """Count each difference between two documents of a result."""
        self.differing += 1
        for difference in find_differences(old, new):
            cause, detail = find_cause(difference)
            found = Found(
                result,
                difference.path,
                _show(difference.old),
                _show(difference.new),
                difference.row,
            )
            self._add(cause, detail, difference.field, found)

    def add(self, cause: Cause, result: str, said: str = "") -> None:
        """Count a result that differs as a whole. ``said`` is what there is in its place."""
        self.differing += 1
        self._add(cause, "", "", Found(result, "", "", said))

    def _add(self, cause: Cause, detail: str, name: str, found: Found) -> None:
        key = (cause, detail, name)
        if key not in self._groups and len(self._groups) >= MOST_GROUPS:
            key = (cause, "", OTHER_FIELDS)
        group = self._groups.setdefault(key, Group(*key))
        group.count += 1
        if group.last != found.result:
            group.results, group.last = group.results + 1, found.result
        has_room = self._kept < MOST_KEPT and len(group.kept) < MOST_OF_GROUP
        if has_room or not group.kept:
            group.kept.append(found)
            self._kept += 1


def count_all(groups: Iterable[Group]) -> int:
    """Count the differences of all groups."""
    return sum(group.count for group in groups)


def _show(value: Any) -> str:
    if value is None:
        return ""
    text = write(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
