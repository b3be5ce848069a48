"""A world in which the seed decides how long the database, Valkey and processes take."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from wb_cli.server.cache import Cache, Entry, LocalTier, RemoteTier
from wb_cli.server.cache.entry import decode, encode
from wb_cli.server.cache.errors import BusyError, LostError, RefusedError
from wb_cli.server.cache.local import Shelf

THINGS = ("a", "b", "c")
FINGERPRINT = "1.0"
POISON = "of other code"


class Chance:
    """The seed's random numbers, and the doors that it opens one after another."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self._doors: list[asyncio.Future[None]] = []

    async def door(self, *_: object) -> None:
        """Wait until the seed opens this door."""
        door = asyncio.get_running_loop().create_future()
        self._doors.append(door)
        await door

    def open_one(self) -> bool:
        """Open any door; whether a door was closed."""
        self._doors = [door for door in self._doors if not door.done()]
        if self._doors:
            self._doors.pop(self.dice.randrange(len(self._doors))).set_result(None)
            return True
        return False

    def happens(self, probability: float) -> bool:
        return self.dice.random() < probability


class Database:
    """Things whose versions only grow. They are unsettled while they change."""

    def __init__(self) -> None:
        self.number = dict.fromkeys(THINGS, 1)
        self.unsettled: set[str] = set()

    def version(self, thing: str) -> str | None:
        return None if thing in self.unsettled else f"v{self.number[thing]}"

    def data(self, thing: str) -> list[Any]:
        return [thing, f"v{self.number[thing]}"]


def rank(version: str) -> int:
    """The age of a version, which the cache cannot know."""
    return int(version[1:])


class Valkey:
    """The data that outlives processes, and the outages that all processes see."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}
        self.snapshot: dict[bytes, bytes] = {}
        self.is_hung = False
        self.is_up = True


class Connection:
    """A process's store on the shared Valkey. It remembers the writes of the process."""

    def __init__(self, valkey: Valkey, chance: Chance) -> None:
        self.valkey = valkey
        self.chance = chance
        self.is_ready = True
        self.is_cut = False
        self.written: list[tuple[bytes, bytes | None]] = []
        self._callbacks: list[Callable[[], None]] = []

    def on_ready(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)

    def suspect(self) -> None:
        self.look()

    def look(self) -> None:
        """Look at Valkey, as the supervisor does."""
        was_ready, self.is_ready = self.is_ready, self.valkey.is_up and not self.valkey.is_hung
        if self.is_ready and not was_ready:
            for callback in self._callbacks:
                callback()

    async def _exchange(self) -> None:
        await self.chance.door()
        if self.is_cut or self.valkey.is_hung or not self.valkey.is_up:
            raise LostError("gone")
        if self.chance.happens(0.03):
            raise BusyError("busy")

    async def get(self, key: bytes) -> bytes | None:
        await self._exchange()
        value = self.valkey.data.get(key)
        await self._exchange()
        return value

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        await self._exchange()
        values = [self.valkey.data.get(key) for key in keys]
        await self._exchange()
        return values

    async def prefixes(self, keys: Sequence[bytes], length: int) -> list[bytes]:
        await self._exchange()
        return [self.valkey.data.get(key, b"")[:length] for key in keys]

    async def apply(
        self, changes: Sequence[tuple[bytes, bytes | None]]
    ) -> list[RefusedError | None]:
        refusals: list[RefusedError | None] = []
        for key, value in changes:
            await self._exchange()  # writes before a loss have arrived
            if value is not None and self.chance.happens(0.02):
                refusals.append(RefusedError("OOM"))
                continue
            self.written.append((key, value))
            if value is None:
                self.valkey.data.pop(key, None)
            else:
                self.valkey.data[key] = value
            refusals.append(None)
        return refusals

    async def keys(self, prefix: bytes) -> AsyncIterator[list[bytes]]:
        await self._exchange()
        yield [key for key in self.valkey.data if key.startswith(prefix)]


class WatchedShelf(Shelf):
    """Notes when an older entry replaces a newer entry."""

    def put(self, uniqueness: str, entry: Entry, order: int) -> bool:
        before = self.nodes.get(uniqueness)
        stored = super().put(uniqueness, entry, order)
        after = self.nodes.get(uniqueness)
        if before is not None and after is not None and after is not before:
            assert rank(after.version) >= rank(before.version), (
                f"L1 replaced {before.version} of {uniqueness} by {after.version}"
            )
        return stored


class WatchedTier(LocalTier):
    """An L1 whose shelves are watched."""

    def shelf(self) -> Shelf:
        self.shelves.append(WatchedShelf(self))
        return self.shelves[-1]


@dataclass(eq=False)
class Process:
    """A server process: its cache, and the requests it is answering."""

    connection: Connection
    l2: RemoteTier
    cache: Cache
    requests: list["Request"] = field(default_factory=list)
    # The step at which a thing was last cleared, for entries that were read before.
    cleared: dict[str, int] = field(default_factory=dict)

    @classmethod
    def start(cls, valkey: Valkey, chance: Chance) -> "Process":
        connection = Connection(valkey, chance)
        connection.look()
        l2 = RemoteTier(connection, pause=chance.door, max_queue_bytes=40_000)
        l1 = WatchedTier(1_700)  # three entries at most
        cache = Cache("things", l1, l2, fingerprint=FINGERPRINT, group_of=str.upper)
        l2.start()
        return cls(connection, l2, cache)


@dataclass(eq=False)
class Request:
    """A question, its version, and the rank of the database when it was asked."""

    thing: str
    version: str | None
    known: int = 0
    is_cancelled: bool = False
    task: "asyncio.Task[Any]" = field(init=False)

    def cancel(self) -> None:
        """Let its caller go away."""
        self.is_cancelled = True
        self.task.cancel()


def foreign(version: str) -> bytes:
    """An entry of the right version by other code."""
    return encode(POISON, version, "0.9").wire()


def stored_versions(written: Sequence[tuple[bytes, bytes | None]]) -> dict[bytes, list[int]]:
    """The ranks of the stored entries by key, in their order."""
    ranks: dict[bytes, list[int]] = {}
    for key, wire in written:
        if wire is not None and key.startswith(b"cache:"):
            ranks.setdefault(key, []).append(rank(str(decode(wire).version)))
    return ranks
