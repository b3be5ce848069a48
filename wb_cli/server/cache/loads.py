"""What happens when L1 lacks a thing: one flight for all callers, to L2 or the loader and back.

The first caller looks into L2. If L2 lacks the thing too, a task loads it, and stores it in both
tiers. Where several processes share L2, one of them takes a lease, and leads the load.
"""

import logging
from collections.abc import Callable
from functools import partial

from wb_cli.server.cache.counts import Counts
from wb_cli.server.cache.encoding import encode_beside_the_loop
from wb_cli.server.cache.entry import Entry
from wb_cli.server.cache.entry import key as key_of
from wb_cli.server.cache.flights import Flight, Flights, Loaded, Loader
from wb_cli.server.cache.hydration import LOOKED, Miss
from wb_cli.server.cache.load_times import LoadTimes
from wb_cli.server.cache.local import Shelf
from wb_cli.server.cache.remote import Absence, RemoteTier
from wb_cli.server.cache.validity import Validity

log = logging.getLogger(__name__)


class Loads:
    """The loads of one cache.

    Args:
        cache: the name of the cache.
        shelf: its place in L1.
        l2: the tier behind it, if it has one.
        validity: which entries may be served.
        counts: counts what happens.
        order: gives the next number of the order.
        clock: in seconds.
    """

    def __init__(  # noqa: PLR0913  (the parts of a cache that a load touches)
        self,
        cache: str,
        shelf: Shelf,
        l2: RemoteTier | None,
        *,
        validity: Validity,
        counts: Counts,
        order: Callable[[], int],
        clock: Callable[[], float],
    ) -> None:
        self._cache = cache
        self._shelf = shelf
        self._l2 = l2
        self._validity = validity
        self._counts = counts
        self._order = order
        self._clock = clock
        self._times = LoadTimes(cache, counts, l2) if l2 else None
        self._flights = Flights()
        # Versions that L2 has just lacked. The load that follows does not ask L2 again.
        self._not_in_l2: dict[str, tuple[str, Absence | Miss]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def are_under_way(self, uniqueness: str, version: str) -> bool:
        """Whether there is a flight for this version that a caller can join."""
        return self._flights.find(uniqueness, version) is not None

    async def get(
        self, uniqueness: str, version: str | None, loader: Loader, order: int | None
    ) -> Entry:
        """The entry, which L1 lacks. Joins the flight for it, or begins one."""
        self._flights.check_for_loop(uniqueness, version)
        flight = self._flights.find(uniqueness, version)
        if flight is not None:
            self._counts.joined += 1
            return await self._flights.wait_for(flight)
        flight = Flight(uniqueness, version, self._order() if order is None else order)
        self._flights.board(flight)
        if self._l2 is not None and version is not None:
            return await self._find_or_take_off(flight, version, loader)
        reason = Miss.UNSETTLED if version is None else Miss.NOT_PERSISTED
        return await self._take_off(flight, loader, reason)

    def note_absence(self, uniqueness: str, version: str, reason: Absence | Miss) -> None:
        """Note that L2 has just been asked for this version, and why it gave none."""
        self._not_in_l2[uniqueness] = version, reason

    async def recall_times(self) -> None:
        """Learn from L2 how long the loads of earlier processes took."""
        if self._times is not None:
            await self._times.recall()

    def void(self, concerns: Callable[[str], bool] = lambda _: True) -> None:
        """Let the loads of these things (or all) store nothing. The next caller starts anew."""
        self._flights.void(concerns)

    async def close(self) -> None:
        """End the loads in progress."""
        await self._flights.close()

    # A flight --------------------------------------------------------------------------------

    async def _find_or_take_off(self, flight: Flight, version: str, loader: Loader) -> Entry:
        """Look into L2 here. To wait for a task that does it would take half as long again."""
        try:
            found = await self._find_in_l2(flight.uniqueness, version)
        except BaseException:
            # This caller was cancelled. The flight goes on for the others.
            again = self._find_or_load
            self._flights.take_off(flight, lambda flight: again(flight, version, loader))
            raise
        if not isinstance(found, Entry):
            return await self._take_off(flight, loader, found)
        self._keep_found(flight, found)
        self._flights.land(flight, found)
        return found

    async def _take_off(self, flight: Flight, loader: Loader, reason: Absence | Miss) -> Entry:
        self._flights.take_off(flight, lambda flight: self._load_once(flight, loader, reason))
        return await self._flights.wait_for(flight)

    async def _find_or_load(self, flight: Flight, version: str, loader: Loader) -> Entry:
        found = await self._find_in_l2(flight.uniqueness, version)
        if not isinstance(found, Entry):
            return await self._load_once(flight, loader, found)
        self._keep_found(flight, found)
        return found

    async def _load_once(self, flight: Flight, loader: Loader, reason: Absence | Miss) -> Entry:
        """Load, unless another process does, and its result appears in L2."""
        version, l2 = flight.version, self._l2
        if version is None or l2 is None or l2.leases is None or reason not in LOOKED:
            return await self._load(flight, loader, reason)
        key = key_of(self._cache, flight.uniqueness)
        fingerprint = self._validity.fingerprint_of(flight.uniqueness)
        load = partial(self._load, flight, loader, reason)

        async def look() -> Entry | None:
            if (await l2.versions([key])) != [(version, fingerprint)]:
                return None
            found = self._validity.judge(flight.uniqueness, await l2.read(key), version)
            if not isinstance(found, Entry):
                return None
            self._keep_found(flight, found)
            return found

        return await l2.leases.load_once(key, f"{version} {fingerprint}", look, load, l2.flush)

    # Looking into L2 -------------------------------------------------------------------------

    async def _find_in_l2(self, uniqueness: str, version: str) -> Entry | Absence | Miss:
        if self._l2 is None:
            return Miss.NOT_PERSISTED
        not_found, reason = self._not_in_l2.pop(uniqueness, (None, Absence.NONE))
        if not_found == version:
            return reason
        found = await self._l2.read(key_of(self._cache, uniqueness))
        return self._validity.judge(uniqueness, found, version)

    def _keep_found(self, flight: Flight, found: Entry) -> None:
        """Note an entry that L2 had."""
        self._counts.l2_hits += 1
        if not flight.is_void:
            self._shelf.put(flight.uniqueness, found, flight.order)

    # Loading ---------------------------------------------------------------------------------

    async def _load(self, flight: Flight, loader: Loader, reason: Absence | Miss) -> Entry:
        self._counts.misses[reason] += 1
        started = self._clock()
        try:
            loaded = await loader()
            fingerprint = self._validity.fingerprint_of(flight.uniqueness)
            entry = await encode_beside_the_loop(loaded, fingerprint)
        except Exception as error:
            self._counts.failures += 1
            log.warning("[Cache] %s: could not load %s: %s", self._cache, flight.uniqueness, error)
            raise
        self._counts.load_durations.observe(self._clock() - started)
        self._store(flight, loaded, entry)
        return entry

    def _store(self, flight: Flight, loaded: Loaded, entry: Entry) -> None:
        reason = _why_not_stored(flight, loaded)
        if reason is None and not self._shelf.put(flight.uniqueness, entry, flight.order):
            reason = "superseded"
        if reason is not None:
            self._counts.unstored[reason] += 1
        elif self._l2 is not None and self._times is not None:
            self._l2.write(key_of(self._cache, flight.uniqueness), entry, flight.order)
            self._times.note(self._order())


def _why_not_stored(flight: Flight, loaded: Loaded) -> str | None:
    if flight.version is None or loaded.version is None:
        return "unsettled"
    if loaded.version != flight.version:
        return "other_version"
    if loaded.is_error:
        return "error"
    return "cleared" if flight.is_void else None
