"""Which lines of a log are shown: what the options of `wb logs` mean. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.contract import Part
from wb_cli.engine.log_lines import DIGITS, NANOSECOND, LogWanted
from wb_cli.errors import UsageError
from wb_cli.instances.suggestions import make_unknown_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.engine.log_lines import LogLine

ALL = "all"
# The lines of each part that are shown if no option says which.
LINES_AT_FIRST = 100
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
LENGTH = re.compile(r"(\d+(?:\.\d+)?[smhd])+")
PIECE = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
FRACTION = re.compile(r"(.*:\d\d)[.,](\d{1,9})(.*)")
A_MOMENT = (
    "Give a length of time, such as `10m` or `2h30m`, or a time, such as `2026-11-26T15:04:05Z` or "
    "`2026-11-26 15:04` by this machine's clock."
)


class LogChoice(Struct, frozen=True):
    """The lines that the user wants of each part.

    ``tail`` is the number of last lines; ``None`` means all. ``since`` and ``until`` are in
    nanoseconds since the epoch; 0 means no limit.
    """

    tail: int | None = None
    since: int = 0
    until: int = 0
    pattern: re.Pattern[str] | None = None

    @property
    def wanted(self) -> LogWanted:
        """What is asked of the engine. With a pattern, the last lines are counted afterwards."""
        return LogWanted(None if self.pattern else self.tail, self.since, self.until)

    def has(self, line: LogLine) -> bool:
        """Whether the pattern is found in a line."""
        text = line.text.rstrip(b"\r\n").decode(errors="replace")
        return not self.pattern or self.pattern.search(text) is not None


def make_choice(
    tail: str | None, since: str | None, until: str | None, pattern: str | None, now: datetime
) -> LogChoice:
    """Read the options. Without a number of lines, a search or a time chooses all that match.

    Raises:
        UsageError: an option has no meaning.
    """
    is_narrow = bool(since or until or pattern)
    lines = None if is_narrow else LINES_AT_FIRST
    return LogChoice(
        lines if tail is None else _read_tail(tail),
        read_moment("--since", since, now) if since else 0,
        read_moment("--until", until, now) if until else 0,
        _compile(pattern) if pattern else None,
    )


def read_parts(instance_id: str, words: Sequence[str]) -> tuple[Part, ...]:
    """Read the names of parts, in the order of starting.

    Raises:
        UsageError: a word is no part.
    """
    for word in words:
        if word not in set(Part):
            raise make_unknown_error(
                word,
                list(Part),
                f'{instance_id} has no part "{word}"',
                f"The parts are {', '.join(Part)}. One command shows one instance.",
            )
    return tuple(part for part in Part if part in words)


def _read_tail(text: str) -> int | None:
    if text == ALL:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise UsageError(f"--tail {text}: not a number of lines", "Give a number, or `all`.")
    return int(text)


def read_moment(option: str, text: str, now: datetime) -> int:
    """Read a time, or how long ago it was, in nanoseconds since the epoch.

    Raises:
        UsageError: it is neither.
    """
    try:
        if LENGTH.fullmatch(text):
            return _count(now - _read_length(text))
        return _read_time(text)
    except (ValueError, OverflowError):
        message = f'{option} "{text}": neither a length of time nor a time'
        raise UsageError(message, A_MOMENT) from None


def _read_length(text: str) -> timedelta:
    pieces = [(float(number), UNITS[unit]) for number, unit in PIECE.findall(text)]
    return sum((timedelta(**{unit: number}) for number, unit in pieces), timedelta())


def _read_time(text: str) -> int:
    """Read a time to the nanosecond. Without an offset it is by this machine's clock."""
    whole, fraction = text, ""
    if found := FRACTION.fullmatch(text):
        whole, fraction = found[1] + found[3], found[2]
    return _count(datetime.fromisoformat(whole).astimezone()) + int(fraction.ljust(DIGITS, "0"))


def _count(moment: datetime) -> int:
    return int(moment.timestamp()) * NANOSECOND + moment.microsecond * 1_000


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise UsageError(
            f'--grep "{pattern}" is not a regular expression: {error}',
            f"`--grep '{re.escape(pattern)}'` searches for just these characters.",
        ) from None
