"""How late the event loop runs. A request waits so long even if its data is in L1."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

# Measure often while the warm-up works, and seldom later, so that forty idle instances stay idle.
CLOSELY_S = 0.01
LOOSELY_S = 0.1


@dataclass
class LoopLag:
    """The longest delay since the last reading, and since the process began."""

    recent_s: float = 0.0
    worst_s: float = 0.0

    async def watch(self, is_calm: Callable[[], bool]) -> None:
        """Measure without end."""
        loop = asyncio.get_running_loop()
        while True:
            pause = LOOSELY_S if is_calm() else CLOSELY_S
            due = loop.time() + pause
            await asyncio.sleep(pause)
            self.note(loop.time() - due)

    def note(self, late_s: float) -> None:
        """Keep a delay if it is the longest."""
        self.recent_s = max(self.recent_s, late_s)
        self.worst_s = max(self.worst_s, late_s)

    def take_recent(self) -> float:
        """The longest delay since the last call."""
        recent, self.recent_s = self.recent_s, 0.0
        return recent
