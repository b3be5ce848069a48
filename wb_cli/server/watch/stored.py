"""How much Valkey holds. It is asked now and then, so that a view of the page asks nothing."""

import asyncio

from wb_cli.server.cache import L2Error, Usage, ValkeyLink

EVERY_S = 10.0


class Stored:
    """What Valkey said at the last look; None if it did not say."""

    def __init__(self, valkey: ValkeyLink) -> None:
        self.usage: Usage | None = None
        self._valkey = valkey

    async def keep(self) -> None:
        """Look without end: at once when Valkey is ready, then every few seconds."""
        while True:
            await self._valkey.wait_ready(EVERY_S)
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Ask Valkey, if it is ready."""
        try:
            self.usage = await self._valkey.usage() if self._valkey.is_ready else None
        except L2Error:
            self.usage = None
