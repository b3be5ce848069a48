"""Which load a caller may share, and loads that would wait for themselves."""

import asyncio

import pytest
from server.cache.one_process import Loader, Process
from server.cache.stores import settle

from wb_cli.server.cache import Entry, LoadAbandonedError, Loaded, LoadLoopError

WITHIN_S = 5


async def test_without_a_version_no_caller_joins_a_load_that_has_begun(
    process: Process,
) -> None:
    earlier = Loader("x=1", None).hold()
    first = asyncio.create_task(process.get(None, earlier))
    await settle()  # its snapshot is taken
    later = await process.get(None, Loader("x=2", None))
    earlier.gate.set()
    assert (await first).value() == "x=1"
    assert later.value() == "x=2"


async def test_without_a_version_a_load_that_has_not_begun_is_shared(
    process: Process,
) -> None:
    loader = Loader("data", None)
    await asyncio.gather(*(process.get(None, loader) for _ in range(1000)))
    assert loader.calls == 1


async def test_closing_ends_loads_that_callers_can_no_longer_join(
    process: Process,
) -> None:
    calls = [asyncio.create_task(process.get(version, Loader().hold())) for version in (None, "v1")]
    await settle()
    calls.append(asyncio.create_task(process.get(None, Loader().hold())))
    process.cache.clear("north")
    await settle()
    async with asyncio.timeout(WITHIN_S):
        await process.cache.close()
    assert len(process.cache._loads) == 0
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(end).__name__ for end in ends} == {"LoadAbandonedError"}


@pytest.mark.parametrize("version", ["v1", None])
async def test_a_load_that_asks_for_itself_gets_an_error(
    process: Process,
    version: str | None,
) -> None:
    async def load() -> Loaded:
        return Loaded((await process.get(version, load)).value(), version)

    async with asyncio.timeout(WITHIN_S):
        with pytest.raises(LoadLoopError, match="the load of north asks for north"):
            await process.get(version, load)
    assert (await process.get(version, Loader())).value() == "data"


async def test_two_loads_that_wait_for_each_other_get_an_error(
    process: Process,
) -> None:
    """Two callers began the loads, so neither load began within the other."""
    both_run = asyncio.Barrier(2)

    def loader_of(this: str, other: str):
        async def load() -> Loaded:
            await both_run.wait()
            entry = await process.cache.get_or_load(other, "v1", loader_of(other, this))
            return Loaded([this, entry.value()], "v1")

        return load

    async with asyncio.timeout(WITHIN_S):
        ends = await asyncio.gather(
            process.cache.get_or_load("a", "v1", loader_of("a", "b")),
            process.cache.get_or_load("b", "v1", loader_of("b", "a")),
            return_exceptions=True,
        )
    assert [type(end) for end in ends] == [LoadLoopError, LoadLoopError]


async def test_a_load_may_ask_for_another_thing_and_another_cache(
    process: Process,
) -> None:
    async def load() -> Loaded:
        parts = await asyncio.gather(
            process.cache.get_or_load("a", "v1", Loader("a")),
            process.cache.get_or_load("a", "v1", Loader("a")),
            process.memory_only.get_or_load("north", "v1", Loader("b")),
        )
        return Loaded([part.value() for part in parts], "v1")

    assert (await process.get("v1", load)).value() == ["a", "a", "b"]


async def found_by_others(process: Process, end: str) -> list[object]:
    """Three callers ask for what L2 has. While the first looks there, something happens."""
    entry = await process.get("v1", Loader())
    await process.l2.flush()
    process.cache._shelf.clear()
    process.store.gate = asyncio.Event()
    callers = [asyncio.create_task(process.get("v1", Loader("anew"))) for _ in range(3)]
    await settle()
    if end == "cancelled":
        callers[0].cancel()
    else:
        await process.cache.close()
    process.store.gate.set()
    ends = await asyncio.gather(*callers, return_exceptions=True)
    assert len(process.cache._loads) == 0
    return [found == entry if isinstance(found, Entry) else type(found) for found in ends]


async def test_a_caller_that_goes_away_while_it_looks_into_l2_leaves_the_flight_to_the_others(
    process: Process,
) -> None:
    assert await found_by_others(process, "cancelled") == [asyncio.CancelledError, True, True]
    assert process.cache.counts.l2_hits == 1


async def test_closing_ends_the_wait_for_a_look_into_l2(process: Process) -> None:
    ends = await found_by_others(process, "closed")
    assert ends == [True, LoadAbandonedError, LoadAbandonedError]


async def test_no_load_begins_after_a_close_during_a_look_into_l2(
    process: Process,
) -> None:
    process.store.gate = asyncio.Event()
    loader = Loader()
    caller = asyncio.create_task(process.get("v1", loader))
    await settle()
    await process.cache.close()
    process.store.gate.set()

    with pytest.raises(LoadAbandonedError):
        await caller
    assert loader.calls == 0
