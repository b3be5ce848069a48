"""A process with a cache, on an L2 that outlives it, and loaders that can be held."""

import asyncio
from collections.abc import Awaitable, Callable

from server.cache.stores import Clock, MemoryStore, no_pause

from wb_cli.server.cache import Cache, Entry, Loaded, LocalTier, RemoteTier


class Loader:
    """Returns the given data, and counts how often it is asked."""

    def __init__(self, data: object = "data", version: str | None = "v1", **options) -> None:
        self.loaded = Loaded(data, version, **options)
        self.error: BaseException | None = None
        self.gate: asyncio.Event | None = None
        self.calls = 0

    async def __call__(self) -> Loaded:
        self.calls += 1
        await asyncio.sleep(0)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.loaded

    def hold(self) -> "Loader":
        self.gate = asyncio.Event()
        return self


class Process:
    """A process, on an L2 that outlives it."""

    def __init__(self, store: MemoryStore, fingerprint: str = "1.0", l1: int = 10_000_000) -> None:
        self.store = store
        self.clock = Clock()
        self.l1 = LocalTier(l1)
        self.l2 = RemoteTier(store, clock=self.clock, pause=no_pause)
        self.cache = Cache("reports", self.l1, self.l2, fingerprint=fingerprint, clock=self.clock)
        self.memory_only = Cache("options", self.l1, fingerprint=fingerprint)
        self.l2.start()

    async def get(
        self, version: str | None, loader: Callable[[], Awaitable[Loaded]], **options
    ) -> Entry:
        return await self.cache.get_or_load("north", version, loader, **options)

    async def end(self) -> None:
        await self.cache.close()
        await self.l2.close()
