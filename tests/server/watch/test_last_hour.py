"""What each endpoint answered in each minute of the last hour."""

import asyncio
from mmap import mmap
from typing import Any

import pytest

from wb_cli.server.watch import last_hour
from wb_cli.server.watch.last_hour import KEPT, LastHour, add_up
from wb_cli.server.watch.traffic import Traffic

SIZE = 64 * 2**20


def answered(minutes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [minute["answered"] for minute in minutes]


def test_a_minute_has_what_was_answered_since_the_last_look() -> None:
    traffic, hour = Traffic(), LastHour()
    traffic.observe("projects", 200, 5.0)
    hour.look(traffic)
    assert hour.describe() == []
    traffic.observe("object_items", 200, 0.25)
    traffic.observe("object_items", 503, 0.5)
    hour.look(traffic)
    hour.look(traffic)
    items = {"requests": 2, "errors": 1, "answers": 2, "seconds": 0.75}
    assert answered(hour.describe()) == [{"object_items": items}, {}]


def test_a_minute_has_the_memory_at_its_end() -> None:
    traffic, hour = Traffic(), LastHour()
    hour.look(traffic)
    hour.look(traffic)
    with mmap(-1, SIZE) as held:  # an allocator might take what the process has already
        held.write(bytes(SIZE))
        hour.look(traffic)
    before, after = (minute["memoryBytes"] for minute in hour.describe())
    assert after - before > 0.9 * SIZE


def test_no_more_than_an_hour_is_kept() -> None:
    traffic, hour = Traffic(), LastHour()
    for _ in range(KEPT + 50):
        traffic.observe("projects", 200, 0.1)
        hour.look(traffic)
    assert len(hour.describe()) == KEPT
    assert {minute["projects"]["requests"] for minute in answered(hour.describe())} == {1}


async def test_what_was_answered_before_all_was_warm_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(last_hour, "EVERY_S", 0.0)
    traffic, hour, warm = Traffic(), LastHour(), iter([False, False, True, True])
    ended = asyncio.Event()

    def is_warm() -> bool:
        traffic.observe("projects", 200, 1.0)
        found = next(warm, None)
        if found is None:
            ended.set()
        return bool(found)

    keeping = asyncio.create_task(hour.keep(traffic, is_warm))
    await ended.wait()
    keeping.cancel()
    assert [minute["projects"]["requests"] for minute in answered(hour.describe())] == [1]


def test_the_workers_of_one_server_are_added_up_minute_by_minute() -> None:
    few = {"projects": {"requests": 1, "errors": 0, "answers": 1, "seconds": 0.5}}
    more = {"projects": {"requests": 3, "errors": 1, "answers": 2, "seconds": 0.25}}
    other = {"objects": {"requests": 1, "errors": 0, "answers": 1, "seconds": 1.0}}
    both = {"requests": 4, "errors": 1, "answers": 3, "seconds": 0.75}

    def hour(*minutes: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"answered": each, "memoryBytes": None} for each in minutes]

    assert add_up([hour(few)]) == hour(few)
    assert add_up([hour(other, few), hour(more)]) == hour(other, {"projects": both})
    assert add_up([hour(few), hour(other)]) == hour(few | other)
    assert add_up([[], []]) == []


def test_a_worker_that_does_not_know_a_minute_makes_its_memory_no_less() -> None:
    def hour(*memory: int | None) -> list[dict[str, Any]]:
        return [{"answered": {}, "memoryBytes": each} for each in memory]

    assert add_up([hour(600, 600), hour(400)]) == hour(600, 500)
    assert add_up([hour(600), hour(None)]) == hour(600)
