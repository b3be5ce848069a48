"""A process with a cache on a real Valkey, and its log."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from wb_cli.server.cache import Cache, Entry, Loaded, LocalTier, RemoteTier, Timing, ValkeyLink


class Process:
    """Asks for things that are not in L1 yet, and measures the time of each answer."""

    def __init__(self, url: str, timing: Timing | None = None) -> None:
        self.link = ValkeyLink(url, timing=timing)
        self.l2 = RemoteTier(self.link)
        self.cache = Cache("reports", LocalTier(100_000_000), self.l2, fingerprint="1.0")
        self.loads = 0

    async def ask(self, uniqueness: str, version: str = "v1") -> Entry:
        """Send a request."""

        async def load() -> Loaded:
            self.loads += 1
            return Loaded({"of": uniqueness, "in": version}, version)

        return await self.cache.get_or_load(uniqueness, version, load)

    async def measure(self, uniqueness: str) -> float:
        """Send a request, check its answer, and return its seconds."""
        started = time.perf_counter()
        entry = await self.ask(uniqueness)
        assert entry.value() == {"of": uniqueness, "in": "v1"}
        return time.perf_counter() - started

    async def uses_l2(self) -> bool:
        """Whether a value that is written now can be read back from Valkey."""
        if not self.link.is_ready:
            return False
        name = f"probe {time.monotonic_ns()}"
        await self.ask(name)
        await self.l2.flush(within=0.5)
        self.cache._shelf.discard(name)
        before = self.cache.counts.l2_hits
        await self.ask(name)
        return self.cache.counts.l2_hits == before + 1 and not self.l2.queue


@asynccontextmanager
async def run_process(
    url: str, *, ready: bool = True, timing: Timing | None = None
) -> AsyncIterator[Process]:
    """Run a process from start to end."""
    made = Process(url, timing)
    made.link.start()
    made.l2.start()
    if ready:
        assert await made.link.wait_ready(within=10)
    try:
        yield made
    finally:
        await made.cache.close()
        await made.l2.close()
        await made.link.close()


async def wait_for(is_true: Callable[[], bool], what: str, within: float = 20) -> float:
    """Wait for a condition. Return the seconds, or fail with its name."""
    started = time.monotonic()
    while not is_true():
        if time.monotonic() - started > within:
            raise TimeoutError(f"{what}: not within {within:g} s")
        await asyncio.sleep(0.005)
    return time.monotonic() - started
