"""What was cleared and may still be in L2: read as absent until L2 has deleted it."""

import asyncio
import contextlib
from itertools import count


class Purges:
    """Prefixes whose keys are to be deleted from L2, the oldest first."""

    def __init__(self) -> None:
        self._wanted: dict[bytes, int] = {}
        self._numbers = count()
        self._done = asyncio.Event()
        self._done.set()

    def __len__(self) -> int:
        return len(self._wanted)

    def add(self, prefix: bytes) -> None:
        """Everything under the prefix is cleared from now on."""
        self._wanted[prefix] = next(self._numbers)
        self._done.clear()

    def covers(self, key: bytes) -> bool:
        """Whether what L2 holds under the key was cleared."""
        return bool(self._wanted) and key.startswith(tuple(self._wanted))

    def next(self) -> tuple[bytes, int]:
        """The prefix to delete next, and the number to finish it with."""
        return next(iter(self._wanted.items()))

    def finish(self, prefix: bytes, number: int) -> None:
        """L2 has deleted it, unless the prefix was cleared once more since that began."""
        if self._wanted.get(prefix) == number:
            del self._wanted[prefix]
        if not self._wanted:
            self._done.set()

    def left(self) -> list[str]:
        """The prefixes that L2 has not deleted yet."""
        return [prefix.decode(errors="backslashreplace") for prefix in self._wanted]

    async def wait(self, within: float) -> None:
        """Until L2 has deleted everything, for so many seconds at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._done.wait()
