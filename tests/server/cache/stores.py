"""An L2 server in memory that can have the faults of a real server."""

import asyncio
from collections.abc import Callable, Sequence

from wb_cli.server.cache import Entry
from wb_cli.server.cache.errors import RefusedError


class MemoryStore:
    """A `Store` in memory. While `fault` is set, every call raises it."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}
        self.is_ready = True
        self.fault: Exception | None = None
        self.refusal: RefusedError | None = None
        self.gate: asyncio.Event | None = None
        self.gets = 0
        self.pipelines: list[int] = []
        self.history: list[tuple[bytes, bytes | None]] = []
        self.suspicions = 0
        self._callbacks: list[Callable[[], None]] = []

    @property
    def entries(self) -> dict[bytes, bytes]:
        """The values under the caches' keys."""
        return {key: wire for key, wire in self.data.items() if key.startswith(b"cache:")}

    def on_ready(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)

    def suspect(self) -> None:
        self.suspicions += 1

    def lose(self) -> None:
        """The supervisor notices that the server is gone."""
        self.is_ready = False

    def come_back(self) -> None:
        """The supervisor finds it ready."""
        self.is_ready, self.fault = True, None
        for callback in self._callbacks:
            callback()

    async def _go_through(self) -> None:
        await asyncio.sleep(0)
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault

    async def get(self, key: bytes) -> bytes | None:
        self.gets += 1
        await self._go_through()
        return self.data.get(key)

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        await self._go_through()
        return [self.data.get(key) for key in keys]

    async def prefixes(self, keys: Sequence[bytes], length: int) -> list[bytes]:
        await self._go_through()
        return [self.data.get(key, b"")[:length] for key in keys]

    async def apply(
        self, changes: Sequence[tuple[bytes, bytes | None]]
    ) -> list[RefusedError | None]:
        await self._go_through()
        self.pipelines.append(len(changes))
        if self.refusal is not None:
            return [self.refusal] * len(changes)
        for key, value in changes:
            self.history.append((key, value))
            if value is None:
                self.data.pop(key, None)
            else:
                self.data[key] = value
        return [None] * len(changes)


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def expect_entry(found: object) -> Entry:
    """What was found, which must be an entry and no reason or error."""
    assert isinstance(found, Entry), found
    return found


async def settle(rounds: int = 50) -> None:
    """Let every task run until it waits."""
    for _ in range(rounds):
        await asyncio.sleep(0)


async def no_pause(_seconds: float) -> None:
    """A pause that takes no time and lets other tasks run."""
    await asyncio.sleep(0)
