"""Cleared keys that L2 may still hold. They read as absent until L2 has deleted them."""

import asyncio
import contextlib
from itertools import count


class Purges:
    """Prefixes of the keys that L2 has to delete, the oldest first."""

    def __init__(self) -> None:
        self._wanted: dict[bytes, int] = {}
        self._numbers = count()
        self._done = asyncio.Event()
        self._done.set()

    def __len__(self) -> int:
        return len(self._wanted)

    def add(self, prefix: bytes) -> None:
        """From now on every key with this prefix is cleared."""
        self._wanted[prefix] = next(self._numbers)
        self._done.clear()

    def covers(self, key: bytes) -> bool:
        """Whether the value that L2 holds under the key was cleared."""
        return bool(self._wanted) and key.startswith(tuple(self._wanted))

    def next(self) -> tuple[bytes, int]:
        """The prefix to delete next, and the number to finish it with."""
        return next(iter(self._wanted.items()))

    def finish(self, prefix: bytes, number: int) -> None:
        """Forget a prefix that L2 has deleted, unless it was cleared again meanwhile."""
        if self._wanted.get(prefix) == number:
            del self._wanted[prefix]
        if not self._wanted:
            self._done.set()

    def left(self) -> list[str]:
        """The prefixes that L2 has not deleted yet."""
        return [prefix.decode(errors="backslashreplace") for prefix in self._wanted]

    async def wait(self, within: float) -> None:
        """Wait until L2 has deleted everything, for so many seconds at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._done.wait()
