"""How late the event loop runs: what a request waits for although its data is there."""

import asyncio
from dataclasses import dataclass

EVERY_S = 0.01


@dataclass
class LoopLag:
    """The longest delay since somebody last asked, and since the process began."""

    recent_s: float = 0.0
    worst_s: float = 0.0

    async def watch(self) -> None:
        """Measure for ever."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY_S
            await asyncio.sleep(EVERY_S)
            self.note(loop.time() - due)

    def note(self, late_s: float) -> None:
        """Keep a delay if it is the longest."""
        self.recent_s = max(self.recent_s, late_s)
        self.worst_s = max(self.worst_s, late_s)

    def take_recent(self) -> float:
        """The longest delay since the last call."""
        recent, self.recent_s = self.recent_s, 0.0
        return recent
