"""What is known of each written thing, and so which values an answer may still show.

Times are places in one order of events: an event that was over before another began is before it.
"""

import asyncio
import heapq
import itertools
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class Write:
    """A value that is being written. After ``known_at`` no answer may show an older value."""

    value: Any
    known_at: int | None = None


@dataclass(eq=False)
class Fact:
    """One thing. One writer writes its values, one after another.

    A value may be answered from the moment its write begins, until a later write is known and
    the question comes after that.
    """

    name: str
    writes: list[Write] = field(default_factory=list)

    def begin(self, value: Any) -> Write:
        """Note a value that is about to be written."""
        write = Write(value)
        self.writes.append(write)
        return write

    def possible(self, asked_at: int) -> list[Write]:
        """The writes that an answer may show to a question asked at this time."""
        for place in reversed(range(len(self.writes))):
            known_at = self.writes[place].known_at
            if known_at is not None and known_at <= asked_at:
                return self.writes[place:]
        return self.writes

    def judge(self, value: Any, asked_at: int, now: int) -> str | None:
        """Find what is wrong with an answered value. From now on the value is known."""
        possible = self.possible(asked_at)
        shown = next((write for write in possible if write.value == value), None)
        if shown is None:
            wanted = [write.value for write in possible]
            return f"{self.name} is {value!r}, and was one of {wanted} when asked for"
        if shown.known_at is None:
            shown.known_at = now
        return None


@dataclass(eq=False)
class Rising:
    """A version, which only rises. The greatest version that was seen is known."""

    name: str
    known: list[tuple[int, Any]] = field(default_factory=list)  # (when, greatest), both rising

    def note(self, version: Any, now: int) -> None:
        """Note a version that was acknowledged or seen."""
        if not self.known or version > self.known[-1][1]:
            self.known.append((now, version))

    def judge(self, version: Any, asked_at: int, now: int) -> str | None:
        """Find what is wrong with an answered version."""
        least = next((v for at, v in reversed(self.known) if at <= asked_at), None)
        self.note(version, now)
        if least is not None and version < least:
            return f"{self.name} is {version}, and was {least} when asked for"
        return None


class Events:
    """The order of events, and a way to wait for answers rather than for time."""

    def __init__(self) -> None:
        self._times = itertools.count(1)
        self.answers = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    def now(self) -> int:
        """Return the time of an event that happens now."""
        return next(self._times)

    def answered(self) -> None:
        """Count an answer."""
        self.answers += 1
        while self._waiting and self._waiting[0][0] <= self.answers:
            *_, waiting = heapq.heappop(self._waiting)
            if not waiting.done():
                waiting.set_result(None)

    async def more_answers(self, count: int) -> None:
        """Wait until a number of further answers have come."""
        waiting = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self.answers + count, self.now(), waiting))
        await waiting
