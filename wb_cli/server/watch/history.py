"""Where answers came from, over the last half hour."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

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
