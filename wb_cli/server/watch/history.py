"""Where answers came from, over the last half hour."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

EVERY_S = 10.0
KEPT = 180


@dataclass(frozen=True)
class Origins:
    """How many answers came from each tier."""

    l1: int = 0
    l2: int = 0
    database: int = 0

    @property
    def total(self) -> int:
        """The number of all answers."""
        return self.l1 + self.l2 + self.database

    def __sub__(self, earlier: "Origins") -> "Origins":
        """The answers after an earlier count."""
        return Origins(self.l1 - earlier.l1, self.l2 - earlier.l2, self.database - earlier.database)

    def __add__(self, other: "Origins") -> "Origins":
        """The answers of both."""
        return Origins(self.l1 + other.l1, self.l2 + other.l2, self.database + other.database)


def side_by_side(histories: Sequence[Sequence[Origins]]) -> list[Origins]:
    """The intervals of several processes as one list. All of them end now."""
    from_now = zip_longest(*map(reversed, histories), fillvalue=Origins())
    return [sum(intervals, Origins()) for intervals in from_now][::-1]


@dataclass
class History:
    """A count for each of the last intervals, the oldest first.

    Args:
        read: returns the counts since the process began.
    """

    read: Callable[[], Origins]
    intervals: deque[Origins] = field(default_factory=lambda: deque(maxlen=KEPT))
    _last: Origins = field(default_factory=Origins)

    def sample(self) -> None:
        """Close the current interval."""
        now = self.read()
        self.intervals.append(now - self._last)
        self._last = now

    async def keep(self) -> None:
        """Sample without end."""
        while True:
            await asyncio.sleep(EVERY_S)
            self.sample()

    def with_current(self) -> list[Origins]:
        """All intervals, the unfinished one included."""
        return [*self.intervals, self.read() - self._last]
