"""Requests go first: the warm-up begins no load while a request waits for a load."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Even if requests never end, the warm-up must go on.
YIELDS_AT_MOST_S = 0.5


class Precedence:
    """Counts the requests that wait for a load."""

    def __init__(self) -> None:
        self._waiting = 0
        self._none_waits = asyncio.Event()
        self._none_waits.set()

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request as waiting, for the block."""
        self._waiting += 1
        self._none_waits.clear()
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._none_waits.set()

    async def turn(self) -> None:
        """Return when no request waits, or when the caller has waited long enough."""
        with suppress(TimeoutError):
            async with asyncio.timeout(YIELDS_AT_MOST_S):
                await self._none_waits.wait()
