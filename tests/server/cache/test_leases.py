"""Two processes with one Valkey: one of them leads a load, and the other takes what it stores."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from support.services import free_port

from wb_cli.server.cache import (
    Cache,
    Entry,
    Leases,
    LoadAbandonedError,
    Loaded,
    LocalTier,
    RemoteTier,
    ValkeyLink,
)
from wb_cli.server.cache.leases import LEASE_S

pytestmark = pytest.mark.services


class Process:
    """A cache with a link of its own, as another process has it. Its loads can be held."""

    def __init__(self, link: ValkeyLink) -> None:
        self.link = link
        self.l2 = RemoteTier(link, leases=Leases(link))
        self.cache = Cache("reports", LocalTier(10**6), self.l2, fingerprint="code")
        self.loads = 0
        self.began, self.may_end = asyncio.Event(), asyncio.Event()
        self.may_end.set()

    def get(self, version: str = "1") -> Awaitable[Entry]:
        """Ask for the one thing."""
        return self.cache.get_or_load("thing", version, lambda: self._load(version))

    async def _load(self, version: str) -> Loaded:
        self.loads += 1
        self.began.set()
        await self.may_end.wait()
        return Loaded({"of": version}, version)


Start = Callable[[str], Awaitable[Process]]


@asynccontextmanager
async def starting() -> AsyncIterator[Start]:
    """Start processes, and end them after the block."""
    async with AsyncExitStack() as closing:

        async def start(url: str) -> Process:
            link = ValkeyLink(url)
            closing.push_async_callback(link.close)
            process = Process(link)
            closing.push_async_callback(process.l2.close)
            closing.push_async_callback(process.cache.close)
            link.start()
            process.l2.start()
            await link.wait_ready(5 if "nowhere" not in url else 0)
            return process

        yield start


@pytest.fixture
async def both(valkey_url: str) -> AsyncIterator[tuple[Process, Process]]:
    async with starting() as start:
        one, other = await start(valkey_url), await start(valkey_url)
        await one.link._writer.call(("FLUSHALL",))
        yield one, other


async def test_one_loads_and_the_other_takes_it(both: tuple[Process, Process]) -> None:
    one, other = both
    one.may_end.clear()
    leading = asyncio.ensure_future(one.get())
    await one.began.wait()
    waiting = asyncio.ensure_future(other.get())
    one.may_end.set()

    assert (await leading).body == (await waiting).body
    assert (one.loads, other.loads) == (1, 0)
    assert other.cache.counts.l2_hits == 1


async def test_another_version_is_not_waited_for(both: tuple[Process, Process]) -> None:
    one, other = both
    one.may_end.clear()
    leading = asyncio.ensure_future(one.get("1"))
    await one.began.wait()

    assert (await other.get("2")).value() == {"of": "2"}
    one.may_end.set()
    assert (await leading).value() == {"of": "1"}


async def test_a_lease_is_kept_while_its_holder_loads(both: tuple[Process, Process]) -> None:
    one, other = both
    one.may_end.clear()
    leading = asyncio.ensure_future(one.get())
    await one.began.wait()
    waiting = asyncio.ensure_future(other.get())

    done, _ = await asyncio.wait([waiting], timeout=LEASE_S * 1.5)

    assert (done, other.loads) == (set(), 0)
    one.may_end.set()
    assert (await leading).body == (await waiting).body


async def test_a_leader_that_fails_leaves_the_load_to_the_next(
    both: tuple[Process, Process],
) -> None:
    one, other = both
    one.may_end.clear()
    leading = asyncio.ensure_future(one.get())
    await one.began.wait()
    waiting = asyncio.ensure_future(other.get())
    await one.cache.close()

    assert (await waiting).value() == {"of": "1"}
    assert other.loads == 1
    with pytest.raises(LoadAbandonedError):
        await leading


async def test_without_valkey_each_loads_by_itself() -> None:
    async with starting() as start:
        nowhere = f"redis://127.0.0.1:{free_port()}/?nowhere"
        one, other = await start(nowhere), await start(nowhere)

        assert (await one.get()).body == (await other.get()).body
        assert (one.loads, other.loads) == (1, 1)
