"""The duration of loads, kept in L2. After a warm restart nothing is loaded that could tell it."""

from contextlib import suppress

import msgspec

from wb_cli.server.cache.counts import Counts
from wb_cli.server.cache.entry import Entry, encode
from wb_cli.server.cache.remote import Absence, RemoteTier

# Write again when the number of loads has grown by this much.
GROWTH = 1.25
# What L2 says if it was asked, and holds nothing of ours.
ANSWERED = frozenset((Absence.NONE, Absence.GARBAGE))


class LoadTimes:
    """The number of one cache's loads and their seconds, over all processes so far."""

    def __init__(self, cache: str, counts: Counts, l2: RemoteTier) -> None:
        self._key = f"load-times:{cache}".encode()
        self._counts = counts
        self._l2 = l2
        self._is_recalled = False
        self._noted = 0

    async def recall(self) -> None:
        """Read what earlier processes knew. This is done once, as soon as L2 answers."""
        if self._is_recalled:
            return
        found = await self._l2.read(self._key)
        self._is_recalled = isinstance(found, Entry) or found in ANSWERED
        if isinstance(found, Entry):
            with suppress(msgspec.MsgspecError):  # the value under our key is not ours
                past = msgspec.json.decode(found.json(), type=_Totals)
                self._counts.past_loads, self._counts.past_seconds = past.loads, past.seconds

    def note(self, order: int) -> None:
        """Write what this process knows, if the number of loads has grown enough."""
        counts = self._counts
        loads = counts.past_loads + counts.loads
        if loads < self._noted * GROWTH:
            return
        self._noted = loads
        totals = {"loads": loads, "seconds": counts.past_seconds + counts.load_durations.total_s}
        self._l2.write(self._key, encode(totals, "1", ""), order)


class _Totals(msgspec.Struct):
    loads: int
    seconds: float
