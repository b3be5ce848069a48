"""The listener's loop: it wakes for the time, and for being told to stop."""

import asyncio

from wb_cli.server import listener
from wb_cli.server.listener import Listener

WITHIN_S = 10


async def nothing(*_: object) -> None:
    """An application that is never asked."""


def dates(serving: Listener) -> set[bytes]:
    """The ``Date`` headers that answers get now."""
    return {value for name, value in serving.server_state.default_headers if name == b"date"}


async def test_it_ends_when_told_to_and_not_at_its_next_look(monkeypatch):
    monkeypatch.setattr(listener, "DATE_CHANGES_EVERY_S", 1000)
    serving = Listener(nothing)
    loop = asyncio.create_task(serving.main_loop())
    await asyncio.sleep(0)

    serving.stop()
    await asyncio.wait_for(loop, WITHIN_S)


async def test_told_before_it_began_it_ends_at_once():
    serving = Listener(nothing)
    serving.stop()
    await asyncio.wait_for(serving.main_loop(), WITHIN_S)


async def test_the_time_in_its_answers_goes_on(monkeypatch):
    monkeypatch.setattr(listener, "DATE_CHANGES_EVERY_S", 0.001)
    serving = Listener(nothing)
    loop = asyncio.create_task(serving.main_loop())
    seen: set[bytes] = set()
    async with asyncio.timeout(WITHIN_S):
        while len(seen) < 2:
            seen |= dates(serving)
            await asyncio.sleep(0.001)
    serving.stop()
    await loop
