"""Interleave the lines of several parts by their time. Pure, apart from reading the lines."""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wb_cli.contract import Part
    from wb_cli.engine.log_lines import LogLine
    from wb_cli.observe.logs.options import LogChoice

    PartLine = tuple[Part, LogLine]


def merge(streams: Mapping[Part, Iterable[LogLine]]) -> Iterator[PartLine]:
    """Merge streams that end, oldest line first. It holds one line of each stream.

    Each stream keeps its own order, even if two of its lines have their times the wrong way round.
    """
    return heapq.merge(*(_name(part, lines) for part, lines in streams.items()), key=_get_moment)


def sort(lines: Iterable[PartLine]) -> list[PartLine]:
    """Put lines in order that came at about the same time."""
    return sorted(lines, key=_get_moment)


def choose(lines: Iterable[LogLine], choice: LogChoice) -> Iterable[LogLine]:
    """Choose the lines of one part that match, and of these the last ones."""
    if not choice.pattern:
        return lines
    return _choose_last(filter(choice.has, lines), choice.tail)


def _choose_last(lines: Iterable[LogLine], tail: int | None) -> Iterator[LogLine]:
    """Read nothing before the first line is wanted, so that all streams are read side by side."""
    yield from lines if tail is None else deque(lines, maxlen=tail)


def _name(part: Part, lines: Iterable[LogLine]) -> Iterator[PartLine]:
    return ((part, line) for line in lines)


def _get_moment(line: PartLine) -> str:
    return line[1].moment
