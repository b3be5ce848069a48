"""Deadlines that tell a silent server from an event loop that was too busy to listen."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from wb_cli.server.cache.errors import BusyError, LostError

# If a timer fires so late, the loop was blocked. It says nothing about the server.
OUR_OWN_DELAY_S = 0.05
ATTEMPTS = 3


async def within(deadline: float, ask: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """The answer; `LostError` if none came, `BusyError` if our loop was late three times."""
    for _ in range(ATTEMPTS):
        clock = asyncio.get_running_loop().time
        due = clock() + deadline
        try:
            async with asyncio.timeout_at(due):
                return await ask()
        except TimeoutError as error:
            if clock() - due < OUR_OWN_DELAY_S:
                raise LostError(f"no answer within {deadline:g} s") from error
    raise BusyError(f"too busy to hear an answer within {deadline:g} s")
