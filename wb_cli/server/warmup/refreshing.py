"""After a change: load again what was in use, before anybody asks."""

import asyncio
import logging
from collections.abc import Sequence

from wb_cli.errors import WbError
from wb_cli.server.cache import LoadAbandonedError
from wb_cli.server.results.addresses import Address
from wb_cli.server.results.bus import VersionBus
from wb_cli.server.results.caches import Caches

log = logging.getLogger(__name__)

# While changes follow each other, each would make the load before it useless.
QUIET_FOR_S = 0.5
MOST_WAITING = 500


class Refreshing:
    """Loads the results of addresses that were in use and have changed. Requests go first.

    Nothing is loaded that is unsettled: at the end of its run it changes once more.
    """

    def __init__(self, caches: Caches) -> None:
        self.loaded = 0
        self._caches = caches
        self._waiting: dict[bytes, Address] = {}
        self._has_work = asyncio.Event()

    def note(self, stale: Sequence[Address]) -> None:
        """Note addresses that have changed, those in use most first."""
        for address in sorted(stale, key=lambda address: -address.hits)[:MOST_WAITING]:
            self._waiting[address.path] = address
        while len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
        self._has_work.set()

    async def run(self, bus: VersionBus) -> None:
        """Work without end."""
        while True:
            await self._has_work.wait()
            self._has_work.clear()
            await asyncio.sleep(QUIET_FOR_S)
            if self._has_work.is_set():
                continue  # there was another change meanwhile
            while self._waiting and not self._has_work.is_set():
                path = next(iter(self._waiting))
                await self._refresh(bus, self._waiting.pop(path))

    async def _refresh(self, bus: VersionBus, address: Address) -> None:
        """Load what an address means now. A request reports what fails here."""
        await self._caches.precedence.turn()
        notebook = address.notebook
        if notebook is None or address.is_current:
            return
        try:
            mark = notebook.mark()
            query = await address.find()
            if query.key.version is None:
                return
            entry = await self._caches.get(query)
        except (WbError, LoadAbandonedError) as error:
            log.debug("[Bus] %s was not loaded ahead: %s", address.path.decode("latin-1"), error)
            return
        self.loaded += 1
        if mark is not None and entry.version == query.key.version:
            bus.addresses.remember(address.with_key(query.key), mark)
