"""The lag of the event loop."""

import asyncio
import time

from wb_cli.server.watch.loop_lag import CLOSELY_S, LoopLag


async def test_a_loop_that_is_held_up_is_noticed():
    lag = LoopLag()
    watch = asyncio.create_task(lag.watch(lambda: False))
    await asyncio.sleep(CLOSELY_S)

    time.sleep(0.1)  # noqa: ASYNC251  (what must not happen, and is to be noticed)
    await asyncio.sleep(2 * CLOSELY_S)
    watch.cancel()

    assert lag.worst_s > 0.05


def test_the_longest_recent_delay_is_read_once_and_the_longest_of_all_stays():
    lag = LoopLag()
    for late in (0.01, 0.03, 0.02):
        lag.note(late)

    assert (lag.take_recent(), lag.take_recent(), lag.worst_s) == (0.03, 0.0, 0.03)
