"""What is known of each written thing, and so which values an answer may still show.

Times are places in one order of events: an event that was over before another began is before it.

A server shows what it has written itself at once. What others have written it shows within
`BOUND_S`: so long it may answer from memory after the last proof that it hears of changes.

What changes out of the sight of versions, it shows at the latest once a cache was cleared: at once
if it was asked to clear it itself, and within `CLEARED_BOUND_S` if another was.
"""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from wb_cli.server.db.notices import TRUSTED_FOR_S
from wb_cli.server.db.pool import PING_EVERY_S

# The rest is for an event loop that is late on a busy machine.
LATE_S = 0.5
BOUND_S = TRUSTED_FOR_S + LATE_S
# How long PostgreSQL stands still: much less than a caller waits for a connection.
PAUSES_S = (0.3, 1.5)
# A look at `main` that begins in a pause comes to its end after it.
CLEARED_BOUND_S = PING_EVERY_S + max(PAUSES_S) + LATE_S


@dataclass(eq=False)
class Write:
    """A value that is being written. After ``known_at`` no answer may show an older value.

    ``known_to`` says from when that holds for the answers of one server, by its port.
    """

    value: Any
    known_at: int | None = None
    known_to: dict[int, int] = field(default_factory=dict)

    def know(self, now: int) -> None:
        """Note that the value must be shown by all from now on."""
        if self.known_at is None:
            self.known_at = now

    def is_known(self, port: int, asked_at: int) -> bool:
        """Whether a server must show it, or a later value, to a question of that time."""
        times = (self.known_at, self.known_to.get(port))
        return any(time is not None and time <= asked_at for time in times)


@dataclass(eq=False)
class Fact:
    """One thing. One writer writes its values, one after another.

    If it is hidden, no version moves with it: what one server shows, another need not show.

    A value may be answered from the moment its write begins, until a later write is known and
    the question comes after that.
    """

    name: str
    writes: list[Write] = field(default_factory=list)
    is_hidden: bool = False

    def begin(self, value: Any) -> Write:
        """Note a value that is about to be written."""
        write = Write(value)
        self.writes.append(write)
        return write

    def possible(self, asked_at: int, port: int = 0) -> list[Write]:
        """The writes that an answer may show to a question asked at this time."""
        for place in reversed(range(len(self.writes))):
            if self.writes[place].is_known(port, asked_at):
                return self.writes[place:]
        return self.writes

    def find(self, value: Any, asked_at: int, port: int = 0) -> Write | None:
        """The write that an answer shows; None if the answer is wrong."""
        possible = self.possible(asked_at, port)
        return next((write for write in possible if write.value == value), None)

    def complaint(self, value: Any, asked_at: int, port: int = 0) -> str:
        """Say what is wrong with an answered value."""
        wanted = [write.value for write in self.possible(asked_at, port)]
        return f"{self.name} is {value!r}, and was one of {wanted} when asked for"


@dataclass(eq=False)
class Rising:
    """A version, which only rises. The greatest version that was seen is known."""

    name: str
    known: list[tuple[int, Any]] = field(default_factory=list)  # (when, greatest), both rising
    known_to: dict[int, list[tuple[int, Any]]] = field(default_factory=dict)  # the same, by port

    def note(self, version: Any, now: int, port: int | None = None) -> None:
        """Note a version that all must show, or a later one; or the server with this port."""
        known = self.known if port is None else self.known_to.setdefault(port, [])
        if not known or version > known[-1][1]:
            known.append((now, version))

    def judge(self, version: Any, asked_at: int, port: int = 0) -> str | None:
        """Find what is wrong with an answered version."""
        for known in (self.known, self.known_to.get(port, [])):
            least = next((v for at, v in reversed(known) if at <= asked_at), None)
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

    def later(self, note: Callable[[int], None], bound_s: float = BOUND_S) -> None:
        """Note something that all servers must know once the bound is over."""
        asyncio.get_running_loop().call_later(bound_s, lambda: note(self.now()))

    async def bound_is_over(self, bound_s: float) -> None:
        """Wait until all servers must know what is acknowledged now."""
        over = asyncio.Event()
        self.later(lambda _: over.set(), bound_s)
        await over.wait()

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
