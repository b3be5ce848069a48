"""The cache as callers see it: two tiers, the right version, and no harm from faults."""

import asyncio
import doctest
import logging

import pytest
from server.cache.one_process import Loader, Process
from server.cache.stores import MemoryStore, expect_entry, settle

import wb_cli.server.cache
from wb_cli.server.cache import (
    Cache,
    Loaded,
    LocalTier,
    Status,
)
from wb_cli.server.cache.entry import encode
from wb_cli.server.cache.entry import key as key_of
from wb_cli.server.cache.errors import LostError

KEY = b"cache:reports:north"


# L2 ------------------------------------------------------------------------------------------


async def test_after_a_restart_the_same_bytes_come_from_l2_without_a_load(
    process: Process, store: MemoryStore
) -> None:
    before = await process.get("v1", Loader({"rows": list(range(3000))}))
    await process.end()
    again, loader = Process(store), Loader()
    after = await again.get("v1", loader)
    assert (after.body, after.encoding) == (before.body, before.encoding)
    assert loader.calls == 0
    assert again.cache.counts.l2_hits == 1
    await again.end()


async def test_entries_from_l2_are_not_written_back(process: Process) -> None:
    process.store.data[KEY] = encode("stored", "v1", "1.0").wire()
    assert (await process.get("v1", Loader())).value() == "stored"
    assert await process.l2.flush() == 0
    assert process.store.history == []


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (encode("x", "v0", "1.0").wire(), "stale"),
        (encode("x", "v1", "2.0").wire(), "foreign_fingerprint"),
        (b"rubbish", "garbage"),
        (None, "absent"),
    ],
)
async def test_an_unusable_entry_in_l2_is_loaded_and_replaced(
    process: Process, wire, reason: str
) -> None:
    if wire:
        process.store.data[KEY] = wire
    assert (await process.get("v1", Loader())).value() == "data"
    await process.l2.flush()
    assert (await process.l2.read(KEY)) == encode("data", "v1", "1.0")
    assert process.cache.counts.misses == {reason: 1}


@pytest.mark.parametrize("fault", [LostError("gone"), ZeroDivisionError("a bug")])
async def test_no_request_fails_because_of_l2(process: Process, fault: Exception) -> None:
    process.store.fault = fault
    for n in range(20):
        entry = await process.cache.get_or_load(f"{n}", "v1", Loader(n))
        assert entry.value() == n
    assert process.store.gets == 3
    assert process.cache.counts.misses == {"l2_failed": 3, "l2_breaker_open": 17}
    process.store.fault = None


async def test_a_cache_without_l2_never_touches_it(process: Process) -> None:
    loader = Loader()
    await process.memory_only.get_or_load("a", "v1", loader)
    process.memory_only.clear("a")
    process.memory_only.begin_epoch("1")
    assert await process.memory_only.status("a", "v1") is Status.ABSENT
    assert (await process.memory_only.hydrate_many({"a": "v1"})).missing == {"a": "not_persisted"}
    await process.l2.flush()
    assert (process.store.gets, process.store.history) == (0, [])


async def test_an_entry_that_l1_evicted_comes_back_from_l2(store: MemoryStore) -> None:
    process = Process(store, l1=2000)
    for n in range(10):
        await process.cache.get_or_load(f"{n}", "v1", Loader(n))
    loader = Loader("again")
    assert (await process.cache.get_or_load("0", "v1", loader)).value() == 0
    assert loader.calls == 0
    assert process.l1.evictions > 0
    await process.end()


# Hydration -----------------------------------------------------------------------------------


def fill(store: MemoryStore, count: int, version: str = "v1", fingerprint: str = "1.0") -> None:
    for n in range(count):
        entry = encode(n, version, fingerprint)
        store.data[b"cache:reports:%d" % n] = entry.wire()


async def test_hydration_fills_l1_and_says_what_is_missing(process: Process) -> None:
    fill(process.store, 500)
    process.store.data[b"cache:reports:7"] = encode(7, "v0", "1.0").wire()
    process.store.data[b"cache:reports:8"] = encode(8, "v1", "2.0").wire()
    process.store.data[b"cache:reports:9"] = b"rubbish"
    await process.cache.get_or_load("0", "v1", Loader())
    wanted = {str(n): "v1" for n in range(510)}
    result = await process.cache.hydrate_many(wanted)
    assert result.held == ["0"]
    assert len(result.hydrated) == 496
    assert result.missing == {
        "7": "stale",
        "8": "foreign_fingerprint",
        "9": "garbage",
    } | {str(n): "absent" for n in range(500, 510)}
    assert process.cache.peek("499", "v1").value() == 499
    assert await process.l2.flush() == 0
    assert [key for key, _ in process.store.history if key.startswith(b"cache:")] == []


async def test_hydration_does_not_replace_an_entry_that_was_asked_for_later(
    process: Process,
) -> None:
    order = process.cache.order()
    fill(process.store, 1)
    await process.cache.get_or_load("0", "v2", Loader("new", "v2"))
    process.store.data[b"cache:reports:0"] = encode(0, "v1", "1.0").wire()
    await process.l2.flush()
    process.store.data[b"cache:reports:0"] = encode(0, "v1", "1.0").wire()
    result = await process.cache.hydrate_many({"0": "v1"}, order=order)
    assert result.missing == {"0": "stale"}
    assert process.cache.peek("0", "v2").value() == "new"


async def test_an_entry_that_a_hydration_missed_is_loaded_without_asking_l2_again(
    process: Process,
) -> None:
    await process.cache.hydrate_many({"north": "v1"})
    gets = process.store.gets
    await process.get("v1", Loader())
    assert process.store.gets == gets
    process.cache._shelf.clear()
    await process.l2.flush()
    await process.get("v1", Loader())  # from now on as ever
    assert process.store.gets == gets + 1
    assert process.cache.counts.misses == {"absent": 1}


async def test_after_an_outage_a_load_asks_l2_again(process: Process) -> None:
    process.store.data[KEY] = encode("stored", "v1", "1.0").wire()
    process.store.lose()
    await process.cache.hydrate_many({"north": "v1"})
    process.store.come_back()
    assert (await process.get("v1", Loader())).value() == "stored"


async def test_a_version_that_the_hydration_did_not_ask_for_is_looked_up(process: Process) -> None:
    await process.cache.hydrate_many({"north": "v1"})
    process.store.data[KEY] = encode("stored", "v2", "1.0").wire()
    assert (await process.get("v2", Loader())).value() == "stored"


async def test_hydrating_one_entry_does_not_write_it(process: Process) -> None:
    assert process.cache.hydrate("a", encode(1, "v1", "1.0"))
    assert process.cache.peek("a", "v1").value() == 1
    assert not process.cache.hydrate("b", encode(1, None, "1.0"))
    assert not process.cache.hydrate("c", encode(1, "v1", "2.0"))
    assert await process.l2.flush() == 0
    assert process.store.history == []


async def test_an_entry_that_is_cleared_during_a_hydration_stays_cleared(process: Process) -> None:
    fill(process.store, 3)
    process.store.gate = asyncio.Event()
    wanted = {str(n): "v1" for n in range(3)}
    hydration = asyncio.create_task(process.cache.hydrate_many(wanted))
    await settle()
    process.cache.clear("1")
    process.store.gate.set()
    result = await hydration
    assert result.missing == {"1": "cleared"}
    assert not process.cache.holds("1", "v1")


# Clearing and status -------------------------------------------------------------------------


async def test_clearing_a_thing_removes_it_from_both_tiers(process: Process) -> None:
    await process.get("v1", Loader())
    await process.l2.flush()
    process.cache.clear("north")
    assert (await process.get("v1", Loader("fresh"))).value() == "fresh"
    await process.l2.flush()
    assert expect_entry(await process.l2.read(KEY)).value() == "fresh"


async def test_a_new_epoch_serves_nothing_of_an_earlier_one_from_either_tier(
    process: Process,
) -> None:
    for n in range(5):
        await process.cache.get_or_load(f"{n}", "v1", Loader(n))
    await process.l2.flush()
    assert process.cache.begin_epoch("1") == 5
    loader = Loader("fresh")
    assert (await process.cache.get_or_load("0", "v1", loader)).value() == "fresh"
    assert (loader.calls, process.cache.counts.misses["foreign_fingerprint"]) == (1, 1)
    assert await process.cache.status("1", "v1") is Status.STALE


async def test_a_new_epoch_holds_while_l2_is_away_and_over_a_restart(store: MemoryStore) -> None:
    process = Process(store)
    await process.get("v1", Loader("old"))
    await process.l2.flush()
    store.lose()
    process.cache.begin_epoch("1")
    store.come_back()
    await process.end()
    again = Process(store)
    again.cache.begin_epoch("1")
    assert (await again.get("v1", Loader("fresh"))).value() == "fresh"
    await again.end()


async def test_the_same_epoch_again_clears_nothing(process: Process) -> None:
    process.cache.begin_epoch("1")
    await process.get("v1", Loader())
    assert process.cache.begin_epoch("1") == 0
    assert process.cache.peek("north", "v1")


async def test_an_epoch_of_one_cache_leaves_the_others(process: Process) -> None:
    await process.memory_only.get_or_load("a", "v1", Loader())
    process.cache.begin_epoch("1")
    assert process.memory_only.peek("a", "v1")


async def test_nothing_of_an_earlier_epoch_comes_from_a_hydration_in_progress(
    process: Process,
) -> None:
    fill(process.store, 3)
    process.store.gate = asyncio.Event()
    wanted = {str(n): "v1" for n in range(3)}
    hydration = asyncio.create_task(process.cache.hydrate_many(wanted))
    await settle()
    process.cache.begin_epoch("1")
    process.store.gate.set()
    assert set((await hydration).missing) == set(wanted)
    assert len(process.cache) == 0


# Groups ---------------------------------------------------------------------------------------


def grouped(store: MemoryStore) -> Process:
    """A process whose things are grouped by what stands before a bar."""
    process = Process(store)
    head_of = lambda uniqueness: uniqueness.partition("|")[0]  # noqa: E731
    process.cache = Cache("reports", process.l1, process.l2, fingerprint="1.0", group_of=head_of)
    return process


async def read(process: Process, *things: str) -> list[object]:
    """The values of things, of which those that no tier has are "fresh"."""
    get = process.cache.get_or_load
    return [(await get(thing, "v1", Loader("fresh"))).value() for thing in things]


THINGS = ("north|1", "north|2", "northern|1", "south|1")


async def test_a_new_epoch_of_a_group_serves_nothing_of_it_and_leaves_the_others(
    store: MemoryStore,
) -> None:
    process = grouped(store)
    for thing in THINGS:
        await process.cache.get_or_load(thing, "v1", Loader("old"))
    await process.l2.flush()

    assert process.cache.begin_group_epoch("north", "1") == 2
    assert process.cache.begin_group_epoch("north", "1") == 0

    assert await process.cache.status("north|1", "v1") is Status.STALE
    assert await read(process, *THINGS) == ["fresh", "fresh", "old", "old"]
    assert await process.cache.status("north|1", "v1") is Status.L1
    await process.end()


async def test_a_group_s_epoch_holds_while_l2_is_away_and_over_a_restart(
    store: MemoryStore,
) -> None:
    process = grouped(store)
    for thing in THINGS:
        await process.cache.get_or_load(thing, "v1", Loader("old"))
    await process.l2.flush()
    store.lose()
    process.cache.begin_group_epoch("north", "1")
    store.come_back()
    await process.end()

    again = grouped(store)
    again.cache.begin_group_epoch("north", "1")
    found = await again.cache.hydrate_many(dict.fromkeys(THINGS, "v1"))

    assert set(found.missing) == {"north|1", "north|2"}
    assert await read(again, *THINGS) == ["fresh", "fresh", "old", "old"]
    await again.end()


async def test_what_a_group_s_epoch_made_is_served_after_a_restart(store: MemoryStore) -> None:
    process = grouped(store)
    process.cache.begin_group_epoch("north", "1")
    await process.cache.get_or_load("north|1", "v1", Loader("kept"))
    await process.l2.flush()
    await process.end()

    again = grouped(store)
    again.cache.begin_group_epoch("north", "1")

    assert await read(again, "north|1") == ["kept"]
    await again.end()


async def test_loads_and_hydrations_in_progress_at_a_group_s_epoch_store_nothing_of_it(
    store: MemoryStore,
) -> None:
    process = grouped(store)
    fill = {key_of("reports", thing): encode("old", "v1", "1.0").wire() for thing in THINGS}
    held = [Loader("before").hold() for _ in range(2)]
    loads = [
        asyncio.create_task(process.cache.get_or_load(thing, "v1", loader))
        for thing, loader in zip(("north|9", "south|9"), held, strict=True)
    ]
    await settle()
    store.data |= fill
    store.gate = asyncio.Event()
    hydration = asyncio.create_task(process.cache.hydrate_many(dict.fromkeys(THINGS, "v1")))
    await settle()

    process.cache.begin_group_epoch("north", "1")
    store.gate.set()
    for loader in held:
        loader.gate.set()

    assert set((await hydration).missing) == {"north|1", "north|2"}
    assert [(await load).value() for load in loads] == ["before", "before"]
    assert process.cache.peek("north|9", "v1") is None
    assert process.cache.peek("south|9", "v1")
    await process.end()


async def test_a_cache_without_groups_knows_no_epoch_of_one(process: Process) -> None:
    await process.get("v1", Loader())
    assert process.cache.begin_group_epoch("north", "1") == 0
    assert process.cache.peek("north", "v1")


@pytest.mark.parametrize("clear", [lambda c: c.clear("north"), lambda c: c.begin_epoch("1")])
async def test_a_load_in_progress_at_a_clear_answers_and_is_not_stored(
    process: Process, clear
) -> None:
    before = Loader("before").hold()
    asks_before = asyncio.create_task(process.get("v1", before))
    await settle()
    clear(process.cache)
    after = Loader("after")
    assert (await process.get("v1", after)).value() == "after"
    before.gate.set()
    assert (await asks_before).value() == "before"
    assert process.cache.peek("north", "v1").value() == "after"
    await process.l2.flush()
    assert expect_entry(await process.l2.read(KEY)).value() == "after"


async def test_a_read_of_l2_in_progress_at_a_clear_is_not_stored(process: Process) -> None:
    process.store.data[KEY] = encode("before", "v1", "1.0").wire()
    process.store.gate = asyncio.Event()
    asks = asyncio.create_task(process.get("v1", Loader()))
    await settle()
    process.cache.clear("north")
    process.store.gate.set()
    assert (await asks).value() == "before"
    assert len(process.cache) == 0


async def test_the_status_is_that_of_the_version_asked_for(process: Process) -> None:
    cache = process.cache
    await cache.get_or_load("l1", "v1", Loader())
    fill(process.store, 1)
    process.store.data[b"cache:reports:foreign"] = encode(1, "v1", "2.0").wire()
    loading = asyncio.create_task(cache.get_or_load("loading", "v1", Loader().hold()))
    await settle()
    wanted = dict.fromkeys(["l1", "0", "loading", "none", "foreign"], "v1")
    assert await cache.status_many(wanted) == {
        "l1": Status.L1,
        "0": Status.L2,
        "loading": Status.LOADING,
        "none": Status.ABSENT,
        "foreign": Status.STALE,
    }
    assert await cache.status("l1", "v2") is Status.STALE
    assert await cache.status("0", "v2") is Status.STALE
    process.store.lose()
    assert await cache.status("0", "v1") is Status.ABSENT
    loading.cancel()


# The rest ------------------------------------------------------------------------------------


async def test_minutes_saved_are_hits_times_the_mean_load(process: Process) -> None:
    async def slow() -> Loaded:
        process.clock.now += 90
        return Loaded(1, "v1")

    await process.cache.get_or_load("a", "v1", slow)
    for _ in range(4):
        await process.cache.get_or_load("a", "v1", slow)
    saved = process.cache.counts.seconds_saved()
    assert saved == {"l1": 360, "l2": 0, "warm_up": 0, "flight": 0}


async def test_the_duration_of_loads_is_known_after_a_restart(
    process: Process, store: MemoryStore
) -> None:
    async def slow() -> Loaded:
        process.clock.now += 60
        return Loaded(1, "v1")

    wanted = {str(n): "v1" for n in range(10)}
    for name in wanted:
        await process.cache.get_or_load(name, "v1", slow)
    await process.end()
    again = Process(store)
    await again.cache.hydrate_many(wanted)
    assert again.cache.counts.loads == 0
    assert again.cache.counts.seconds_saved()["warm_up"] == 600
    await again.end()


async def test_rubbish_in_place_of_load_times_is_ignored(process: Process) -> None:
    for rubbish in (b"rubbish", encode(["x"], "1", "").wire(), encode("y" * 9999, "1", "").wire()):
        process.store.data[b"load-times:reports"] = rubbish
        await process.cache.hydrate_many({"a": "v1"})
    assert process.cache.counts.mean_load_seconds == 0


@pytest.mark.parametrize("name", ["", "Po", "a:b", "a*", "1a"])
def test_a_name_that_would_confuse_keys_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Cache(name, LocalTier(1), fingerprint="f")


@pytest.mark.network
def test_the_example_in_the_documentation_runs() -> None:
    logging.disable()
    try:
        result = doctest.testmod(wb_cli.server.cache)
    finally:
        logging.disable(logging.NOTSET)
    assert (result.failed, result.attempted > 0) == (0, True)
