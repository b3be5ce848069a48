"""One load for all callers, in the version that was asked for."""

import asyncio

import pytest
from server.cache.one_process import Loader, Process
from server.cache.stores import expect_entry, settle

from wb_cli.server.cache import LoadAbandonedError, UnfaithfulValueError
from wb_cli.server.cache.entry import encode

KEY = b"cache:reports:north"

# One load ------------------------------------------------------------------------------------


async def test_ten_requests_in_one_tick_make_one_load(process: Process) -> None:
    loader = Loader()
    entries = await asyncio.gather(*(process.get("v1", loader) for _ in range(10)))
    assert loader.calls == 1
    assert {entry.value() for entry in entries} == {"data"}
    assert process.cache.counts.joined == 9


async def test_ten_thousand_callers_make_one_load(process: Process) -> None:
    loader = Loader()
    entries = await asyncio.gather(*(process.get("v1", loader) for _ in range(10_000)))
    assert loader.calls == 1
    assert len({id(entry) for entry in entries}) == 1


async def test_ten_thousand_staggered_callers_make_one_load(process: Process) -> None:
    loader = Loader().hold()
    callers = []
    for n in range(10_000):
        callers.append(asyncio.create_task(process.get("v1", loader)))
        if n % 100 == 0:
            await asyncio.sleep(0)
        if n == 9_000:
            loader.gate.set()
    await asyncio.gather(*callers)
    assert loader.calls == 1


async def test_a_cancelled_first_of_ten_thousand_callers_does_not_end_the_load(
    process: Process,
) -> None:
    loader = Loader().hold()
    callers = [asyncio.create_task(process.get("v1", loader)) for _ in range(10_000)]
    await settle()
    callers[0].cancel()
    await settle()
    loader.gate.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert {expect_entry(result).value() for result in results[1:]} == {"data"}
    assert loader.calls == 1


async def test_a_failing_load_reaches_all_ten_thousand_callers_and_is_logged_once(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    loader = Loader()
    loader.error = OSError("the database is gone")
    callers = (process.get("v1", loader) for _ in range(10_000))
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert set(map(str, results)) == {"the database is gone"}
    assert loader.calls == 1
    assert caplog.messages == ["[Cache] reports: could not load north: the database is gone"]


async def test_after_a_failure_the_next_call_tries_again(process: Process) -> None:
    loader = Loader()
    loader.error = OSError("gone")
    with pytest.raises(OSError, match="gone"):
        await process.get("v1", loader)
    loader.error = None
    assert (await process.get("v1", loader)).value() == "data"
    assert loader.calls == 2
    assert process.cache.counts.failures == 1


async def test_a_failed_load_without_callers_logs_no_unhandled_error(process: Process) -> None:
    loader = Loader().hold()
    loader.error = OSError()
    caller = asyncio.create_task(process.get("v1", loader))
    await settle()
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    loader.gate.set()
    unhandled = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    await settle()
    assert unhandled == []
    assert len(process.cache._loads) == 0


async def test_a_load_without_callers_is_still_stored(process: Process) -> None:
    loader = Loader().hold()
    caller = asyncio.create_task(process.get("v1", loader))
    await settle()
    caller.cancel()
    loader.gate.set()
    await settle()
    assert process.cache.peek("north", "v1").value() == "data"


async def test_a_load_that_is_cancelled_from_within_does_not_cancel_its_callers(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    loader = Loader()
    loader.error = asyncio.CancelledError()
    with pytest.raises(LoadAbandonedError, match="north"):
        await process.get("v1", loader)
    assert "The load of north was cancelled from within" in caplog.text


async def test_closing_is_no_cancellation_from_within(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    running = asyncio.create_task(process.get("v1", Loader().hold()))
    await settle()
    await process.cache.close()
    with pytest.raises(LoadAbandonedError):
        await running
    assert "from within" not in caplog.text


async def test_closing_ends_loads_with_an_error_that_says_so(process: Process) -> None:
    running = asyncio.create_task(process.get("v1", Loader().hold()))
    await settle()
    just_begun = asyncio.create_task(process.get("v2", Loader()))
    await asyncio.sleep(0)
    await process.cache.close()
    for caller in (running, just_begun):
        with pytest.raises((LoadAbandonedError, asyncio.CancelledError)):
            await caller


# Versions ------------------------------------------------------------------------------------


async def test_another_version_is_a_miss(process: Process) -> None:
    await process.get("v1", Loader())
    newer = Loader("new", "v2")
    assert (await process.get("v2", newer)).value() == "new"
    assert newer.calls == 1
    assert process.cache.counts.misses == {"absent": 1, "stale": 1}


async def test_two_versions_in_flight_are_two_loads(process: Process) -> None:
    old, new = Loader("old", "v1").hold(), Loader("new", "v2").hold()
    asks_old = asyncio.create_task(process.get("v1", old))
    asks_new = asyncio.create_task(process.get("v2", new))
    await settle()
    new.gate.set()
    await asks_new
    also_old = asyncio.create_task(process.get("v1", old))
    await settle()
    old.gate.set()
    assert {(await asks_old).value(), (await also_old).value()} == {"old"}
    assert (old.calls, new.calls) == (1, 1)


async def test_an_older_load_that_ends_late_replaces_no_entry(process: Process) -> None:
    old = Loader("old", "v1").hold()
    asks_old = asyncio.create_task(process.get("v1", old))
    await settle()
    await process.get("v2", Loader("new", "v2"))
    old.gate.set()
    assert (await asks_old).version == "v1"
    await process.l2.flush()
    assert process.cache.peek("north", "v2").value() == "new"
    assert expect_entry(await process.l2.read(KEY)).version == "v2"
    assert process.cache.counts.unstored == {"superseded": 1}


async def test_data_of_another_version_goes_out_under_its_own_and_is_not_stored(
    process: Process,
) -> None:
    entry = await process.get("v1", Loader("newer", "v2"))
    assert (entry.version, entry.value()) == ("v2", "newer")
    await process.l2.flush()
    assert len(process.cache) == 0
    assert process.store.data == {}


async def test_an_unsettled_version_is_neither_read_nor_written(process: Process) -> None:
    await process.get("v1", Loader())
    await process.l2.flush()
    gets, writes = process.store.gets, len(process.store.history)
    loader = Loader("changing", None)
    assert (await process.get(None, loader)).value() == "changing"
    assert (await process.get(None, loader)).version is None
    await process.l2.flush()
    assert loader.calls == 2
    assert (process.store.gets, len(process.store.history)) == (gets, writes)
    assert process.cache.peek("north", "v1").value() == "data"
    assert process.cache.peek("north", None) is None


async def test_data_that_was_unsettled_when_it_was_read_is_not_stored(process: Process) -> None:
    assert (await process.get("v1", Loader("half", None))).version is None
    await process.l2.flush()
    assert (len(process.cache), process.store.data) == (0, {})


async def test_settled_data_for_an_unsettled_question_is_not_stored(process: Process) -> None:
    assert (await process.get(None, Loader("data", "v1"))).version == "v1"
    assert len(process.cache) == 0


async def test_an_error_in_the_form_of_an_answer_is_not_stored(process: Process) -> None:
    loader = Loader({"error": "no such column"}, "v1", is_error=True)
    await process.get("v1", loader)
    await process.get("v1", loader)
    await process.l2.flush()
    assert loader.calls == 2
    assert process.store.data == {}


async def test_data_that_json_cannot_carry_is_refused_at_the_first_load(process: Process) -> None:
    with pytest.raises(UnfaithfulValueError, match=r"\$\.when is of type object"):
        await process.get("v1", Loader({"when": object()}))
    assert len(process.cache) == 0


async def test_large_values_are_checked_and_stored_too(process: Process) -> None:
    rows = [{"facility": f"Facility {n}", "value": n} for n in range(20_000)]
    assert (await process.get("v1", Loader(rows))).value() == rows
    with pytest.raises(UnfaithfulValueError, match=r"\$\[20000\] is of type tuple"):
        await process.get("v2", Loader([*rows, ()], "v2"))


async def test_an_older_order_makes_an_older_entry(process: Process) -> None:
    order = process.cache.order()
    await process.get("v2", Loader("new", "v2"))
    await process.get("v1", Loader("old", "v1"), order=order)
    assert process.cache.peek("north", "v2").value() == "new"


async def test_a_long_list_is_encoded_beside_the_loop(process: Process) -> None:
    rows = [{"value": n} for n in range(5_000)]
    with_thread = await process.get("v1", Loader({"items": rows}))
    assert with_thread == encode({"items": rows}, "v1", "1.0")
    with pytest.raises(UnfaithfulValueError, match=r"items\[5000\]"):
        await process.get("v2", Loader({"items": [*rows, float("nan")]}))
