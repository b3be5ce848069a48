"""Lay out tables: whole lines in a pipe, lines that fit on a terminal. Pure.

An id, a name or an address is not broken. Where a terminal is too narrow, texts are cut or wrapped
between words, and then the columns that matter least are left out. Only a word for which the
terminal itself is too narrow is broken, and only in a text that is wrapped.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from enum import Enum
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP = "  "
ELLIPSIS = "…"
# A text is cut or wrapped down to this width, before other columns are left out.
SHORTEST_TEXT = 12
# What cells of a column have that says nothing, and how much earlier it is then left out.
NOTHING, SAYS_NOTHING = {"", "-"}, 1000
BOLD = "1"
# The colours of the states, as numbers of ANSI X3.64. The worst is the most visible.
_STYLES = {
    "healthy": "32",
    "running": "32",
    "ready": "32",
    "created": "36",
    "stopped": "2",
    "degraded": "33",
    "starting": "33",
    "stopping": "33",
    "paused": "33",
    "removing": "33",
    "foreign": "35;1",
    "restarting": "31",
    "exited": "31",
    "dead": "31",
    "failed": "31",
    "unhealthy": "31",
    "unknown": "31;1",
    "broken": "31;1",
}


class Give(Enum):
    """What a column gives where there is no room for its longest cell."""

    NOTHING = "nothing"
    CUT = "cut"
    WRAP = "wrap"


class Column(NamedTuple):
    """A column. Those with ``drop`` are left out where there is no room, the lowest first."""

    heading: str
    gives: Give = Give.NOTHING
    drop: int = 0

    def make_first_to_go(self) -> Column:
        """Give this column as one that says nothing here: it is left out before any other."""
        return self._replace(drop=self.drop - SAYS_NOTHING) if self.drop else self


class StateCell(NamedTuple):
    """A cell of a table with the colour of a state. ``text`` is shown instead of the state."""

    state: str
    text: str = ""

    def __str__(self) -> str:
        return self.text or str(self.state)


Cell = str | StateCell


def lay_out(
    headings: Sequence[str | Column],
    rows: Sequence[Sequence[Cell]],
    *,
    width: int | None = None,
    with_colour: bool = False,
) -> list[str]:
    """Give the lines of a table. Without a ``width`` nothing is cut, wrapped or left out."""
    columns = _make_columns(headings)
    texts = [[_clean(str(cell)) for cell in row] for row in rows]
    longest = [
        max(map(measure, (column.heading, *(row[i] for row in texts))))
        for i, column in enumerate(columns)
    ]
    words = [
        max((measure(word) for row in texts for word in row[i].split()), default=0)
        for i in range(len(columns))
    ]
    columns = [
        column if any(row[i] not in NOTHING for row in texts) else column.make_first_to_go()
        for i, column in enumerate(columns)
    ]
    kept, widths = _choose_widths(columns, longest, words, width)
    head = [[_paint(columns[i].heading.ljust(widths[i]), BOLD, with_colour)] for i in kept]
    lines = _join(head, [widths[i] for i in kept])
    rooms = _find_rooms(kept, widths, width)
    for row, cells in zip(texts, rows, strict=True):
        shown = [
            [
                _paint(line, _choose_style(cells[i]), with_colour)
                for line in _fit(row[i], columns[i].gives, widths[i], rooms[i])
            ]
            for i in kept
        ]
        lines += _join(
            _make_room(shown, [widths[i] for i in kept], width), [widths[i] for i in kept]
        )
    return lines


def measure(text: str) -> int:
    """Give the number of columns that a text takes on a terminal."""
    return sum(
        0
        if unicodedata.combining(character)
        else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in re.sub(r"\x1b\[[0-9;]*m", "", text)
    )


def cut(text: str, width: int) -> str:
    """Cut a text that is too long. Its end then shows that something is missing."""
    if measure(text) <= width:
        return text
    shown = text[: max(width - 1, 0)]
    while measure(shown) > width - 1 and shown:
        shown = shown[:-1]
    return shown.rstrip() + ELLIPSIS


def wrap(text: str, width: int | None) -> list[str]:
    """Break a text between words. A command in backticks stays whole, so that it can be copied.

    Without a ``width`` nothing is broken. A word that is longer than a line has one of its own.
    The lines after the first are indented.
    """
    if width is None or measure(text) <= width:
        return [text]
    line = text[: len(text) - len(text.lstrip())]
    lines, indent = [], line + GAP
    for word in re.findall(r"(?:`[^`]*`|\S)+", text):
        if line.strip() and measure(f"{line} {word}") > width:
            lines.append(line)
            line = f"{indent}{word}"
        else:
            line = f"{line} {word}" if line.strip() else f"{line}{word}"
    return [*lines, line]


def _make_columns(headings: Sequence[str | Column]) -> list[Column]:
    """Make columns of plain headings. The texts of the last one are wrapped."""
    last = len(headings) - 1
    return [
        heading
        if isinstance(heading, Column)
        else Column(heading, Give.WRAP if i == last else Give.NOTHING)
        for i, heading in enumerate(headings)
    ]


def _choose_widths(
    columns: Sequence[Column], longest: Sequence[int], words: Sequence[int], width: int | None
) -> tuple[list[int], list[int]]:
    """Choose which columns are shown, by their numbers, and the width of each."""
    kept = list(range(len(columns)))
    if width is None:
        return kept, list(longest)
    least = [
        min(length, _find_least(column, word)) if column.gives is not Give.NOTHING else length
        for column, length, word in zip(columns, longest, words, strict=True)
    ]
    droppable = sorted((i for i in kept if columns[i].drop), key=lambda i: columns[i].drop)
    for i in droppable:
        if _add_up(least, kept) <= width:
            break
        kept.remove(i)
    widths = list(least)
    spare = width - _add_up(least, kept)
    for i in kept:  # the words of a text are broken only if nothing else helps
        if spare < 0 and columns[i].gives is Give.WRAP:
            less = min(max(widths[i] - SHORTEST_TEXT, 0), -spare)
            widths[i] -= less
            spare += less
    # A short text gets all that it needs, and the longer ones share the rest.
    growing = sorted((i for i in kept if longest[i] > least[i]), key=lambda i: longest[i])
    for place, i in enumerate(growing):
        more = max(min(longest[i] - least[i], spare // (len(growing) - place)), 0)
        widths[i] += more
        spare -= more
    return kept, widths


def _find_least(column: Column, word: int) -> int:
    """Find the width down to which a text is cut, or is wrapped without breaking a word."""
    return max(SHORTEST_TEXT, word) if column.gives is Give.WRAP else SHORTEST_TEXT


def _add_up(widths: Sequence[int], kept: Sequence[int]) -> int:
    return sum(widths[i] for i in kept) + len(GAP) * (len(kept) - 1)


def _find_rooms(kept: Sequence[int], widths: Sequence[int], terminal: int | None) -> dict[int, int]:
    """Find how much room there is from the beginning of each column to the end of the terminal."""
    rooms, left = {}, terminal or 0
    for i in kept:
        rooms[i] = left
        left -= widths[i] + len(GAP)
    return rooms


def _fit(text: str, gives: Give, width: int, room: int) -> list[str]:
    """Fit a text into a column. A word that is wider, such as an address, stays if it has room."""
    if gives is Give.CUT:
        return [cut(text, width)]
    if gives is Give.WRAP and measure(text) > width:
        breaks = max(map(measure, text.split())) > room
        return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=breaks)
    return [text]


def _make_room(
    cells: Sequence[Sequence[str]], widths: Sequence[int], terminal: int | None
) -> Sequence[Sequence[str]]:
    """Begin the cells right of a word that is too wide below it, if they do not fit beside it."""
    longest = [max((measure(line) for line in lines), default=0) for lines in cells]
    needed = list(map(max, widths, longest))
    needed[-1] = longest[-1]  # nothing stands right of it
    if terminal is None or sum(needed) + len(GAP) * (len(needed) - 1) <= terminal:
        return cells
    last = max((i for i, width in enumerate(widths) if needed[i] > width), default=len(widths))
    return [lines if i <= last else ["", *lines] for i, lines in enumerate(cells)]


def _join(cells: Sequence[Sequence[str]], widths: Sequence[int]) -> list[str]:
    """Put the cells of one row side by side. A wrapped cell makes the row several lines high."""
    lines = []
    for texts in zip_longest(*cells, fillvalue=""):
        padded = (
            text + " " * max(width - measure(text), 0)
            for text, width in zip(texts, widths, strict=True)
        )
        lines.append(GAP.join(padded).rstrip())
    return lines


def _clean(text: str) -> str:
    """Replace the characters that would move the cursor or change the terminal."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text)


def _choose_style(cell: Cell) -> str:
    return _STYLES.get(cell.state, "") if isinstance(cell, StateCell) else ""


def _paint(text: str, style: str, with_colour: bool) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if style and text and with_colour else text
