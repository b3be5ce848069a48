"""The cache against its targets, each as a ratio to a peer measured in the same run.

Run it on a quiet machine, against an empty Valkey, or let it start one of its own:

    PYTHONPATH=.:tests python tests/benchmarks/bench_cache.py [redis://localhost:6379]
"""

import asyncio
import itertools
import sys
import time
import timeit
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiocache
import cashews
import docker
import orjson
from benchmarks.data import rows
from benchmarks.measure import HEADER, LoopLag, Point, Row, Work, medians, repeated, seconds, tell
from support.services import Services
from valkey.asyncio import Valkey

from wb_cli.server.cache import Cache, Loaded, LocalTier, RemoteTier, ValkeyLink
from wb_cli.server.cache.entry import Encoding, Entry, encode
from wb_cli.server.cache.writes import Drop, Write, WriteQueue

OBJECTS = 3000
SIZE = 20_000
CALLERS = 10_000
# How cost grows: with the bytes of a body, and with the number of objects.
BODIES = (1_000, 4_000, 16_000, 64_000, 256_000, 1_000_000)
COUNTS = (100, 300, 1_000, 3_000, 10_000)
FIRST = "v1"


class Bench:
    """The link, the L2 and the address that the measurements share."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.link = ValkeyLink(url)
        self.l2 = RemoteTier(self.link)

    def cache(self, name: str = "bench", *, persist: bool = True) -> Cache:
        """A cache with an empty L1."""
        return Cache(
            name, LocalTier(2_000_000_000), self.l2 if persist else None, fingerprint="1.0"
        )


async def no_loader() -> Loaded:
    """A loader that must not be called."""
    raise AssertionError("this was to come from the cache")


# L1 ------------------------------------------------------------------------------------------


async def l1_hits(bench: Bench) -> AsyncIterator[Row]:
    """Hits in L1, against a dict behind a function and against cashews' two layers."""
    cache = bench.cache(persist=False)
    entry = encode(rows(SIZE), FIRST, "1.0")
    cache.hydrate("north", entry)
    bare = {"north": entry}
    look_up = lambda uniqueness: bare[uniqueness]  # noqa: E731  (the peer of the target)
    peek, get_or_load = cache.peek, cache.get_or_load

    names = {"look_up": look_up, "peek": peek, "bare": bare}
    statements = ("look_up('north')", "peek('north', 'v1')", "bare['north']")
    reference, sync, subscript = fastest(statements, names)
    print(f"  (a dict subscript without a function: {seconds(subscript)})")

    async def awaited() -> None:
        for _ in range(20_000):
            await get_or_load("north", FIRST, no_loader)

    async def empty() -> None:
        for _ in range(20_000):
            pass

    ours, loop = await medians(awaited, empty, rounds=40, middle=min)
    ours = (ours - loop) / 20_000
    two_layers = await cashews_two_layers(bench, entry.json())
    yield Row("L1 hit, synchronous / dict look-up", sync, reference, 3.5)
    yield Row("L1 hit, awaited / dict look-up", ours, reference, 6)
    yield Row("cashews two-layer hit / L1 hit awaited", ours, two_layers, 20, faster=True)


def fastest(statements: tuple[str, ...], names: dict[str, object]) -> list[float]:
    """Measure each statement in many rounds. The least time counts, because the rest is noise."""
    timers = [timeit.Timer(statement, globals=names) for statement in statements]
    rounds = [[timer.timeit(20_000) / 20_000 for timer in timers] for _ in range(60)]
    return [min(times) for times in zip(*rounds, strict=True)]


async def cashews_two_layers(bench: Bench, value: bytes) -> float:
    """Measure a hit in cashews' memory layer above Redis, in seconds."""
    layered = cashews.Cache()
    layered.setup(bench.url, client_side=True)
    await layered.set("north", value)
    await layered.get("north")
    work = repeated(lambda: layered.get("north"), 1000)
    (taken,) = await medians(work, rounds=20, middle=min)
    await layered.close()
    return taken / 1000


# Flight --------------------------------------------------------------------------------------


async def flights(bench: Bench) -> None:
    """Measure one load with 10,000 callers. There is no peer to compare with."""
    cache = bench.cache(persist=False)
    loads = 0

    async def load() -> Loaded:
        nonlocal loads
        loads += 1
        await asyncio.sleep(0.05)
        return Loaded(rows(SIZE), FIRST)

    started = time.perf_counter()
    await asyncio.gather(*(cache.get_or_load("x", FIRST, load) for _ in range(CALLERS)))
    taken = time.perf_counter() - started
    print(f"flight: {CALLERS} callers, {loads} load of 50 ms, {seconds(taken)} in all")


# L2 hit --------------------------------------------------------------------------------------


async def l2_hits(bench: Bench) -> AsyncIterator[Row]:
    """A hit in L2 to bytes, against a client's bare GET, aiocache and cashews."""
    for size in (SIZE, 500_000):
        async for row in l2_hit(bench, size):
            yield row


async def l2_hit(bench: Bench, size: int) -> AsyncIterator[Row]:
    """Measure one size."""
    data = rows(size)
    entry = encode(data, FIRST, "1.0")
    wire, plain = entry.wire(), entry.json()
    client = Valkey.from_url(bench.url)
    await client.mset({"cache:bench:one": wire, "bench:plain": plain})
    cache = bench.cache()
    peer = aiocache.RedisCache(**aiocache_address(bench.url))
    await peer.set("bench:aiocache", data)
    other = cashews.Cache()
    other.setup(bench.url)
    await other.set("bench:cashews", data)

    async def ours() -> None:
        found = await cache.get_or_load("one", FIRST, no_loader)
        assert len(found.body) == len(entry.body)
        cache._shelf.clear()

    works = [
        ours,
        lambda: client.get("cache:bench:one"),
        lambda: client.get("bench:plain"),
        lambda: peer.get("bench:aiocache"),
        lambda: other.get("bench:cashews"),
    ]
    # They take turns, and the least time of each counts, as other work on the machine adds time.
    count = 100 if size == SIZE else 30
    runs = [repeated(work, count) for work in works]
    taken = [t / count for t in await medians(*runs, rounds=21, middle=min)]
    label = f"L2 hit, {size // 1000} KB"
    yield Row(f"{label} / bare GET of the same bytes", taken[0], taken[1], 1.15)
    yield Row(f"{label} / bare GET of the JSON", taken[0], taken[2], 1.15)
    yield Row(f"aiocache / {label}", taken[0], taken[3], 2, faster=True)
    yield Row(f"cashews / {label}", taken[0], taken[4], 2, faster=True)
    await peer.close()
    await other.close()
    await client.aclose()


def aiocache_address(url: str) -> dict[str, object]:
    """The URL as aiocache needs it."""
    host, _, port = url.removeprefix("redis://").partition(":")
    return {
        "endpoint": host,
        "port": int(port or 6379),
        "serializer": aiocache.serializers.JsonSerializer(),
    }


# Warm-up -------------------------------------------------------------------------------------


async def warm_up(bench: Bench) -> AsyncIterator[Row]:
    """L1 filled from L2, against MGET of the same bytes and against one GET after another."""
    client = Valkey.from_url(bench.url)
    wanted = {str(n): FIRST for n in range(OBJECTS)}
    keys = [f"cache:bench:{n}" for n in range(OBJECTS)]
    wires = [encode(rows(SIZE, seed), FIRST, "1.0").wire() for seed in range(50)]
    await client.mset({key: wires[n % 50] for n, key in enumerate(keys)})

    async def ours() -> None:
        result = await bench.cache().hydrate_many(wanted)
        assert len(result.hydrated) == OBJECTS

    async def mget() -> None:
        for start in range(0, OBJECTS, 100):
            await client.mget(keys[start : start + 100])

    async def one_by_one() -> None:
        for key in keys:
            orjson.loads(await client.get(key + ":plain"))

    async with LoopLag() as lag:
        await ours()
    await client.mset({f"{key}:plain": orjson.dumps(rows(SIZE)) for key in keys})
    taken = await medians(ours, mget, one_by_one, rounds=9, middle=min)
    yield Row(f"warm-up of {OBJECTS} / MGET of the same bytes", taken[0], taken[1], 1.5)
    yield Row(
        f"GET and decode one by one / warm-up of {OBJECTS}", taken[0], taken[2], 10, faster=True
    )
    yield Row("worst loop lag of a warm-up / 20 ms", lag.worst, 0.02, 1)
    await client.aclose()


# Write-behind --------------------------------------------------------------------------------


async def write_behind(bench: Bench) -> AsyncIterator[Row]:
    """3,000 stores of 20 KB in one go, until all have arrived."""
    data = rows(SIZE)
    entry = encode(data, FIRST, "1.0")
    plain = encode_plain(data)
    order = 0

    async def ours() -> None:
        nonlocal order
        assert await bench.link.wait_ready(within=5)
        order += 1
        for n in range(OBJECTS):
            bench.l2.write(b"bench:w:%d" % n, entry, order)
        assert await bench.l2.flush(within=60) == 0

    async def fire_and_forget(value: bytes) -> None:
        # Its own default of 5 s is not always enough for 3,000 connections.
        client = Valkey.from_url(bench.url, socket_timeout=60)
        await asyncio.gather(*(client.set(f"bench:f:{n}", value) for n in range(OBJECTS)))
        await client.aclose()

    taken = await medians(
        ours,
        lambda: fire_and_forget(plain),
        lambda: fire_and_forget(entry.wire()),
        rounds=3,
    )
    yield Row("fire-and-forget of JSON / write-behind", taken[0], taken[1], 15, faster=True)
    yield Row("fire-and-forget of same bytes / write-behind", taken[0], taken[2], 15, faster=True)


def encode_plain(data: object) -> bytes:
    """The envelope that the plan wrote: JSON, uncompressed."""
    return orjson.dumps({"versionHash": FIRST, "fingerprint": "1.0", "data": data})


STORES = 2000


async def full_queue(_: Bench) -> AsyncIterator[Row]:
    """A store while the queue is full, against a store while it has room."""
    for size in (60, 400, 4_000):
        with_room, full = WriteQueue(2_000_000_000), WriteQueue(64 * 1024 * 1024)
        works = stores(full, size), stores(with_room, size)
        while not full.dropped[Drop.OVERFLOW]:
            await works[0]()
        ours, peer = await medians(*works, rounds=15, middle=min)
        yield Row(f"store of {size} B, queue full / with room", ours / STORES, peer / STORES, 3)


def stores(queue: WriteQueue, size: int) -> Work:
    """Make a number of stores, each under a new key."""
    entry = Entry(FIRST, "1.0", b"x" * size, Encoding.IDENTITY)
    names = itertools.count()

    async def run() -> None:
        for _ in range(STORES):
            queue.offer(Write(b"bench:q:%d" % next(names), entry, 1))

    return run


async def shutdown(bench: Bench) -> AsyncIterator[Row]:
    """Flush a full queue."""
    filler = encode("x", FIRST, "1.0")
    filler.body = b'"' + b"x" * 100_000 + b'"'
    for n in range(600):
        bench.l2.write(b"bench:s:%d" % n, filler, 1)
    assert await bench.link.wait_ready(within=10)
    started = time.perf_counter()
    left = await bench.l2.flush()
    taken = time.perf_counter() - started
    print(f"shutdown: 60 MB in the queue, {left} writes left after {seconds(taken)}")
    yield Row("shutdown with a full queue / 2 s", taken, 2, 1)


# Growth --------------------------------------------------------------------------------------


async def growth_with_bytes(bench: Bench) -> None:
    """Note what a hit costs, and what its peers cost, from small bodies to large ones."""
    client = Valkey.from_url(bench.url)
    cache, l1 = bench.cache("g"), bench.cache(persist=False)
    for size in BODIES:
        data = rows(size)
        entry = encode(data, FIRST, "1.0")
        l1.hydrate("one", entry)
        await client.mset({"cache:g:one": entry.wire(), "bench:json": orjson.dumps(data)})

        async def from_valkey() -> None:
            await cache.get_or_load("one", FIRST, no_loader)
            cache._shelf.clear()

        async def decoded() -> None:
            orjson.loads(await client.get("bench:json"))

        lines: dict[str, Work] = {
            "hit in memory": lambda: l1.get_or_load("one", FIRST, no_loader),
            "hit in Valkey": from_valkey,
            "a bare GET of the same bytes": lambda: client.get("cache:g:one"),
            "a GET of the JSON, decoded": decoded,
        }
        works = [repeated(work, 20) for work in lines.values()]
        for line, taken in zip(lines, await medians(*works, rounds=9, middle=min), strict=True):
            tell(Point("bytes", line, size, taken / 20))
    await client.aclose()


async def growth_with_objects(bench: Bench) -> None:
    """Note what a warm-up costs, and an MGET of the same bytes, from few objects to many."""
    client = Valkey.from_url(bench.url)
    wire = encode(rows(SIZE), FIRST, "1.0").wire()
    for count in COUNTS:
        keys = [f"cache:grow:{n}" for n in range(count)]
        await client.mset(dict.fromkeys(keys, wire))
        wanted = {str(n): FIRST for n in range(count)}

        async def ours(wanted: dict[str, str] = wanted) -> None:
            await bench.cache("grow").hydrate_many(wanted)

        async def mget(keys: list[str] = keys) -> None:
            for start in range(0, len(keys), 100):
                await client.mget(keys[start : start + 100])

        lines: dict[str, Work] = {"warm-up from Valkey": ours, "MGET of the same bytes": mget}
        taken = await medians(*lines.values(), rounds=5, middle=min)
        for line, value in zip(lines, taken, strict=True):
            tell(Point("objects", line, count, value))
    await client.aclose()


@asynccontextmanager
async def running(url: str) -> AsyncIterator[Bench]:
    """A connected bench. It leaves Valkey empty."""
    bench = Bench(url)
    bench.link.start()
    bench.l2.start()
    if not await bench.link.wait_ready(within=5):
        raise SystemExit(f"no Valkey at {url}")
    if await bench.link._writer.call(("DBSIZE",)):
        raise SystemExit(f"{url} holds keys; this needs an empty Valkey, and leaves it empty")
    try:
        yield bench
    finally:
        await bench.link._writer.call(("FLUSHALL",))
        await bench.l2.close()
        await bench.link.close()


async def main(url: str) -> None:
    """Show every measurement as a table."""
    async with running(url) as bench:
        await flights(bench)
        print(HEADER)
        for measurement in (l1_hits, l2_hits, warm_up, write_behind, full_queue, shutdown):
            async for row in measurement(bench):
                tell(row)
        await growth_with_bytes(bench)
        await growth_with_objects(bench)


def with_own_valkey() -> None:
    """Measure on a Valkey that exists for this alone."""
    services = Services(docker.from_env(), {"wb.benchmark": "cache"})
    try:
        asyncio.run(main(services.new_valkey().url))
    finally:
        services.close()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(main(sys.argv[1]))
    else:
        with_own_valkey()
