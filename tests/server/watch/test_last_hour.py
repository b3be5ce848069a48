"""What each endpoint answered in each minute of the last hour."""

import asyncio

import pytest

from wb_cli.server.watch import last_hour
from wb_cli.server.watch.last_hour import KEPT, LastHour, add_up
from wb_cli.server.watch.traffic import Traffic


def test_a_minute_has_what_was_answered_since_the_last_look() -> None:
    traffic, hour = Traffic(), LastHour()
    traffic.observe("projects", 200, 5.0)
    hour.look(traffic)
    assert hour.describe() == []
    traffic.observe("object_items", 200, 0.25)
    traffic.observe("object_items", 503, 0.5)
    hour.look(traffic)
    hour.look(traffic)
    answered = {"requests": 2, "errors": 1, "answers": 2, "seconds": 0.75}
    assert hour.describe() == [{"object_items": answered}, {}]


def test_no_more_than_an_hour_is_kept() -> None:
    traffic, hour = Traffic(), LastHour()
    for _ in range(KEPT + 50):
        traffic.observe("projects", 200, 0.1)
        hour.look(traffic)
    assert len(hour.describe()) == KEPT
    assert {minute["projects"]["requests"] for minute in hour.describe()} == {1}


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
    assert [minute["projects"]["requests"] for minute in hour.describe()] == [1]


def test_the_workers_of_one_server_are_added_up_minute_by_minute() -> None:
    few = {"projects": {"requests": 1, "errors": 0, "answers": 1, "seconds": 0.5}}
    more = {"projects": {"requests": 3, "errors": 1, "answers": 2, "seconds": 0.25}}
    other = {"objects": {"requests": 1, "errors": 0, "answers": 1, "seconds": 1.0}}
    both = {"requests": 4, "errors": 1, "answers": 3, "seconds": 0.75}
    assert add_up([[few]]) == [few]
    assert add_up([[other, few], [more]]) == [other, {"projects": both}]
    assert add_up([[few], [other]]) == [few | other]
    assert add_up([[], []]) == []
