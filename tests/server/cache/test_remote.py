"""L2: it never raises, its queue is bounded, and its writes are in order."""

import asyncio
import logging
from contextlib import aclosing

import pytest
from server.cache.stores import Clock, MemoryStore, expect_entry, no_pause, settle

from wb_cli.server.cache.breaker import BreakerState
from wb_cli.server.cache.entry import Entry, encode
from wb_cli.server.cache.errors import BusyError, LoadingError, LostError, RefusedError
from wb_cli.server.cache.remote import READ_BATCH_KEYS, Absence, RemoteTier
from wb_cli.server.cache.write_behind import MAX_QUEUE_BYTES

LOST = LostError("no answer within 0.15 s")


def entry(version: str = "v1", data: object = 1) -> Entry:
    return encode(data, version, "f")


class L2:
    """A remote tier on a store in memory, with its clock."""

    def __init__(self, max_queue_bytes: int = MAX_QUEUE_BYTES) -> None:
        self.store = MemoryStore()
        self.clock = Clock()
        self.tier = RemoteTier(
            self.store, clock=self.clock, pause=no_pause, max_queue_bytes=max_queue_bytes
        )


@pytest.fixture
async def l2():
    made = L2()
    made.tier.start()
    yield made
    made.store.fault, made.store.gate = None, None
    await made.tier.close()


async def test_an_entry_that_is_written_behind_is_read_back(l2: L2) -> None:
    assert l2.tier.write(b"k", entry(), 1)
    assert await l2.tier.flush() == 0
    assert l2.store.data[b"k"] == entry().wire()
    assert await l2.tier.read(b"k") == entry()


async def test_a_write_that_waits_is_read_from_the_queue(l2: L2) -> None:
    l2.store.lose()
    l2.tier.write(b"k", entry(), 1)
    assert await l2.tier.read(b"k") == entry()
    assert l2.store.gets == 0


@pytest.mark.parametrize(("wire", "absence"), [(None, Absence.NONE), (b"rubbish", Absence.GARBAGE)])
async def test_an_absent_entry_and_rubbish_have_different_reasons(
    l2: L2, wire, absence: Absence
) -> None:
    if wire:
        l2.store.data[b"k"] = wire
    assert await l2.tier.read(b"k") is absence


@pytest.mark.parametrize(
    ("fault", "absence"),
    [
        (LOST, Absence.FAILED),
        (LoadingError("LOADING"), Absence.FAILED),
        (BusyError("no connection"), Absence.BUSY),
        (RefusedError("WRONGTYPE"), Absence.GARBAGE),
        (ZeroDivisionError("a bug"), Absence.FAILED),
    ],
)
async def test_no_fault_of_the_store_is_raised(l2: L2, fault, absence: Absence) -> None:
    l2.store.fault = fault
    assert await l2.tier.read(b"k") is absence


async def test_a_store_that_is_not_ready_is_not_asked(l2: L2) -> None:
    l2.store.lose()
    assert await l2.tier.read(b"k") is Absence.NOT_READY
    assert l2.store.gets == 0


async def test_failures_open_the_breaker_and_alert_the_supervisor(l2: L2) -> None:
    l2.store.fault = LOST
    for _ in range(10):
        await l2.tier.read(b"k")
    assert await l2.tier.read(b"k") is Absence.BREAKER_OPEN
    assert (l2.store.gets, l2.store.suspicions) == (3, 3)


async def test_a_busy_pool_does_not_open_the_breaker(l2: L2) -> None:
    l2.store.fault = BusyError("no connection")
    for _ in range(10):
        await l2.tier.read(b"k")
    assert l2.tier.breaker.state is BreakerState.CLOSED


async def test_one_probe_closes_the_breaker(l2: L2) -> None:
    l2.store.fault = LOST
    for _ in range(3):
        await l2.tier.read(b"k")
    l2.store.fault = None
    l2.clock.now += 1
    l2.store.gate = asyncio.Event()
    reads = [asyncio.create_task(l2.tier.read(b"k")) for _ in range(5)]
    await settle()
    l2.store.gate.set()
    found = [await read for read in reads]
    assert found == [Absence.NONE] + [Absence.BREAKER_OPEN] * 4
    assert l2.tier.breaker.state is BreakerState.CLOSED


async def test_a_server_that_is_back_is_probed_without_waiting(l2: L2) -> None:
    l2.store.fault = LOST
    for _ in range(3):
        await l2.tier.read(b"k")
    l2.store.come_back()
    assert await l2.tier.read(b"k") is Absence.NONE


async def test_a_cancelled_probe_leaves_the_place_to_another(l2: L2) -> None:
    l2.store.fault = LOST
    for _ in range(3):
        await l2.tier.read(b"k")
    l2.store.come_back()
    l2.store.gate = asyncio.Event()
    probe = asyncio.create_task(l2.tier.read(b"k"))
    await settle()
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    l2.store.gate = None
    assert await l2.tier.read(b"k") is Absence.NONE


async def test_many_are_read_in_batches_bounded_by_bytes(
    l2: L2, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wb_cli.server.cache.remote.READ_BATCH_BYTES", 1000)
    wanted = [b"%d" % n for n in range(300)]
    l2.store.data = {key: entry(data="x" * 400).wire() for key in wanted}
    batches = [batch async for batch in l2.tier.read_many(wanted)]
    values = [expect_entry(found).value() for batch in batches for found in batch]
    assert values == ["x" * 400] * 300
    assert all(len(batch) == 2 for batch in batches[1:])


async def test_a_store_lost_midway_ends_a_long_read_quickly(l2: L2) -> None:
    found = []
    async for batch in l2.tier.read_many([b"%d" % n for n in range(1000)]):
        found += batch
        l2.store.lose()
    asked = 16 + READ_BATCH_KEYS  # the second batch was on its way
    assert set(found[:asked]) == {Absence.NONE}
    assert set(found[asked:]) == {Absence.NOT_READY}
    assert len(found) == 1000


async def test_the_next_batch_is_on_its_way_while_the_caller_works(l2: L2) -> None:
    wanted = [b"%d" % n for n in range(100)]
    l2.store.data = {key: entry().wire() for key in wanted}
    async with aclosing(l2.tier.read_many(wanted)) as batches:
        first = await anext(batches)
        l2.store.gate = asyncio.Event()
        await settle()
        coming = [task for task in asyncio.all_tasks() if "_get_many" in repr(task)]
    await settle()

    assert (len(first), len(coming)) == (16, 1)
    assert coming[0].cancelled()


async def test_versions_are_read_without_the_data(l2: L2) -> None:
    l2.store.data = {b"a": entry("v7", "x" * 99_999).wire(), b"b": b"rubbish"}
    l2.tier.write(b"c", entry("v9"), 1)
    assert await l2.tier.versions([b"a", b"b", b"c", b"d"]) == [
        ("v7", "f"),
        None,
        ("v9", "f"),
        None,
    ]
    l2.store.fault = LOST
    assert await l2.tier.versions([b"a"]) == [None]
    l2.store.lose()
    assert await l2.tier.versions([b"a"]) == [None]


async def test_writes_go_out_in_pipelines(l2: L2) -> None:
    for n in range(1000):
        l2.tier.write(b"%d" % n, entry(), 1)
    assert await l2.tier.flush() == 0
    assert len(l2.store.data) == 1000
    assert max(l2.store.pipelines) == 64


async def test_writes_of_one_key_are_coalesced_and_the_newest_wins(l2: L2) -> None:
    for order in range(100):
        l2.tier.write(b"k", entry(f"v{order}"), order)
    await l2.tier.flush()
    assert [key for key, _ in l2.store.history] == [b"k"]
    assert expect_entry(await l2.tier.read(b"k")).version == "v99"


async def test_the_older_never_wins_in_ten_thousand_adversarial_pairs(l2: L2) -> None:
    for n in range(10_000):
        key = b"%d" % n
        first, second = ((1, 2), (2, 1))[n % 2]
        l2.tier.write(key, entry(f"v{first}"), first)
        if n % 3 == 0:
            await asyncio.sleep(0)  # the first is on its way, or there
        if n % 700 == 0:
            l2.store.fault = LOST
            await settle(5)
            l2.store.fault = None
        l2.tier.write(key, entry(f"v{second}"), second)
    await l2.tier.flush()
    found = {expect_entry(await l2.tier.read(b"%d" % n)).version for n in range(10_000)}
    assert found == {"v2"}


async def test_writes_of_an_outage_are_done_afterwards_in_their_newest_form(l2: L2) -> None:
    l2.store.lose()
    for order in range(5):
        for n in range(200):
            l2.tier.write(b"%d" % n, entry(f"v{order}"), order)
    await settle()
    assert l2.store.data == {}
    l2.store.come_back()
    assert await l2.tier.flush() == 0
    assert set(l2.store.data.values()) == {entry("v4").wire()}
    assert len(l2.store.history) == 200


async def test_an_outage_in_the_middle_of_a_batch_loses_nothing(l2: L2) -> None:
    l2.store.gate = asyncio.Event()
    for n in range(200):
        l2.tier.write(b"%d" % n, entry(), 1)
    await settle()
    l2.store.fault = LOST
    l2.store.gate.set()
    await settle(5)
    l2.store.lose()
    await settle()
    l2.store.gate = None
    l2.store.come_back()
    assert await l2.tier.flush() == 0
    assert len(l2.store.data) == 200


async def test_the_queue_is_bounded_in_an_outage() -> None:
    l2 = L2(max_queue_bytes=10_000)
    l2.store.lose()
    for n in range(1000):
        l2.tier.write(b"%d" % n, entry(data="x" * 100), 1)
    assert l2.tier.queue.bytes <= 10_000
    assert l2.tier.queue.dropped["overflow"] + len(l2.tier.queue) == 1000


async def test_refused_writes_are_tried_again_and_both_turns_are_said_once(
    l2: L2, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    l2.store.refusal = RefusedError("OOM command not allowed")
    for n in range(100):
        l2.tier.write(b"%d" % n, entry(), 1)
    await settle(3)
    assert len(l2.tier.queue) == 100
    l2.store.refusal = None
    assert await l2.tier.flush() == 0
    assert len(l2.store.data) == l2.tier.written == 100
    assert caplog.messages == [
        "[Cache] Valkey refuses writes: OOM command not allowed",
        "[Cache] Valkey takes writes again",
    ]


async def test_refusals_without_end_are_given_up_after_ever_longer_pauses_and_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pauses = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    l2 = L2()
    l2.tier = RemoteTier(l2.store, clock=l2.clock, pause=pause)
    l2.tier.start()
    l2.store.refusal = RefusedError("OOM command not allowed")
    for n in range(12):
        l2.tier.write(b"cache:po_items:%d" % n, entry(), 1)
    assert await l2.tier.flush() == 0
    assert l2.tier.queue.dropped == {"refused": 12}
    assert pauses == [0.25, 0.5, 1, 2, 4, 8, 16, *[30] * 5]
    await l2.tier.close()
    assert [line for line in caplog.messages if line.startswith("[Valkey]")] == [
        f"[Valkey] Failed to persist cache entry (po_items:{n}): OOM command not allowed"
        for n in range(5)
    ] + ["[Valkey] Failed to persist 7 more cache entries"]


async def test_writes_that_are_given_up_are_named_again_a_minute_later(
    l2: L2, caplog: pytest.LogCaptureFixture
) -> None:
    l2.tier.queue.max_bytes = 0
    for minute in range(2):
        l2.clock.now = 60.0 * minute
        for n in range(7):
            l2.tier.write(b"cache:po_items:%d-%d" % (minute, n), entry(), 1)
    assert len(caplog.messages) == 5 + 1 + 5
    assert caplog.messages[4:7] == [
        "[Valkey] Failed to persist cache entry (po_items:0-4): the queue of writes is full",
        "[Valkey] Failed to persist 2 more cache entries",
        "[Valkey] Failed to persist cache entry (po_items:1-0): the queue of writes is full",
    ]


async def test_an_entry_that_cannot_be_written_does_not_end_the_writing(l2: L2) -> None:
    l2.tier.write(b"bad", entry("\ud800"), 1)  # no JSON for half a surrogate pair
    await settle()
    l2.tier.write(b"good", entry(), 1)
    await l2.tier.flush()
    assert l2.store.data.keys() == {b"good"}
    assert l2.tier.queue.dropped["failed"] == 1


async def test_a_deleted_key_reads_as_absent_before_and_after_the_server_knows(l2: L2) -> None:
    l2.store.data[b"k"] = entry().wire()
    l2.store.lose()
    l2.tier.delete(b"k", 1)
    assert await l2.tier.read(b"k") is Absence.CLEARED
    l2.store.come_back()
    assert await l2.tier.flush() == 0
    assert await l2.tier.read(b"k") is Absence.NONE


async def test_flush_gives_up_at_its_budget_and_soon_without_a_server(
    l2: L2, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wb_cli.server.cache.write_behind.RECONNECTION_S", 0.01)
    l2.store.gate = asyncio.Event()
    l2.tier.write(b"k", entry(), 1)
    assert await l2.tier.flush(within=0.01) == 1
    l2.store.lose()
    assert await l2.tier.flush(within=60) == 1
    await l2.tier.close()
    assert "[Cache] 1 entries were not written to Valkey" in caplog.messages
