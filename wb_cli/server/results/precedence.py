"""Requests go first: the warm-up begins no load while a request waits for one."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Under requests without end, the warm-up must come on too.
YIELDS_AT_MOST_S = 0.5


class Precedence:
    """Counts the requests that wait for a load."""

    def __init__(self) -> None:
        self._waiting = 0
        self._nobody_waits = asyncio.Event()
        self._nobody_waits.set()

    @contextmanager
    def request(self) -> Iterator[None]:
        """Around a request's load."""
        self._waiting += 1
        self._nobody_waits.clear()
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._nobody_waits.set()

    async def turn(self) -> None:
        """Return when no request waits, or has made the caller wait long enough."""
        with suppress(TimeoutError):
            async with asyncio.timeout(YIELDS_AT_MOST_S):
                await self._nobody_waits.wait()
