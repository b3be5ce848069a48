"""The two tiers as one cache, asked in this order: L1, flight, L2, loader. Then it stores."""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from functools import partial
from itertools import islice

from wb_cli.server.cache.counts import Counts
from wb_cli.server.cache.entry import Entry, encode, finish
from wb_cli.server.cache.entry import key as key_of
from wb_cli.server.cache.flights import Flight, Flights, Loaded, Loader
from wb_cli.server.cache.hydration import LOOKED, Hydration, Miss, Status
from wb_cli.server.cache.load_times import LoadTimes
from wb_cli.server.cache.local import LocalTier
from wb_cli.server.cache.lossless import is_large, to_json
from wb_cli.server.cache.remote import Absence, RemoteTier

log = logging.getLogger(__name__)

NAME = re.compile(r"[a-z][a-z0-9_]*")
# Larger JSON is checked and compressed in a thread, to leave the event loop free. Long lists are
# encoded there, too.
THREAD_FROM_BYTES = 256 * 1024


class Cache:
    """One named cache. Without an ``l2`` it lives in memory alone and never touches Valkey.

    The caller has read the version from the database just before. A version of None says that the
    data is unsettled. Then the cache is neither read nor written, and the caller joins no load that
    has already begun.

    *Groups*: with a ``group_of``, which gives the group of a uniqueness, the things of one group
    can be forgotten together.

    *order*: the warm-up reads versions long before it uses them. It takes an :meth:`order` before
    it reads them, and passes it on. So a version that a request asked for later counts as newer.
    """

    def __init__(  # noqa: PLR0913  (its name, its tiers, and what its entries are known by)
        self,
        name: str,
        l1: LocalTier,
        l2: RemoteTier | None = None,
        *,
        fingerprint: str,
        group_of: Callable[[str], str] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        if not NAME.fullmatch(name):
            raise ValueError(f"a cache's name is lower case letters, digits and _, not {name!r}")
        self.name = name
        self.fingerprint = self._code = fingerprint
        self._group_of = group_of
        self._group_epochs: dict[str, str] = {}
        self._l1 = l1
        self._l2 = l2
        self._shelf = l1.shelf()
        self.counts = Counts(self._shelf)
        self._load_times = LoadTimes(name, self.counts, l2) if l2 else None
        self._nodes = self._shelf.nodes
        self._flights = Flights()
        self._hydrations: set[Hydration] = set()
        # Versions that L2 has just lacked. The load that follows does not ask L2 again.
        self._not_in_l2: dict[str, tuple[str, Absence | Miss]] = {}
        self._clock = clock

    def __repr__(self) -> str:
        return f"<Cache {self.name}, {len(self)} in L1, {len(self._flights)} in flight>"

    def __len__(self) -> int:
        return len(self._nodes)

    def order(self) -> int:
        """The next number of the order. An entry with a higher number is newer."""
        return self._l1.order()

    def peek(self, uniqueness: str, version: str | None) -> Entry | None:
        """The entry of this version, if L1 has it. Synchronous; this is the fastest way."""
        try:
            node = self._nodes[uniqueness]
        except KeyError:
            return None
        if node.version != version:
            return None
        node.hits += 1
        return node.entry

    async def get_or_load(
        self, uniqueness: str, version: str | None, loader: Loader, *, order: int | None = None
    ) -> Entry:
        """The entry of this version, from L1, L2 or the loader. Callers at one time share one load.

        The entry has the version that the loader returns. An error of the loader reaches every
        waiting caller. A loader that asks for its own result gets `LoadLoopError`.
        """
        try:  # the same as `peek`, without the cost of a call
            node = self._nodes[uniqueness]
            if node.version == version:
                node.hits += 1
                return node.entry
        except KeyError:
            pass
        return await self._join_or_take_off(uniqueness, version, loader, order)

    def hydrate(self, uniqueness: str, entry: Entry, *, order: int | None = None) -> bool:
        """Put an entry into L1 without writing it to L2; False if L1 holds a newer entry.

        The library offers this for entries from other sources. This server does not use it: all
        its entries come from L2 or from a loader.
        """
        if entry.version is None or entry.fingerprint != self.fingerprint_of(uniqueness):
            return False
        return self._shelf.put(uniqueness, entry, self._order_or_next(order))

    async def hydrate_many(
        self, wanted: Mapping[str, str], *, order: int | None = None
    ) -> Hydration:
        """Fill L1 from L2 with these versions, given by uniqueness. Decodes no data."""
        order = self._order_or_next(order)
        result = Hydration()
        todo: list[str] = []
        for uniqueness, version in wanted.items():
            (result.held if self.holds(uniqueness, version) else todo).append(uniqueness)
        if self._l2 is None or self._load_times is None:
            result.missing.update(dict.fromkeys(todo, Miss.NOT_PERSISTED))
            return result
        self._hydrations.add(result)
        try:
            names = iter(todo)
            keys = [key_of(self.name, uniqueness) for uniqueness in todo]
            async with aclosing(self._l2.read_many(keys)) as batches:
                async for batch in batches:
                    for uniqueness, found in zip(islice(names, len(batch)), batch, strict=True):
                        self._hydrate_found(result, uniqueness, wanted[uniqueness], found, order)
                    await asyncio.sleep(0)  # let requests go first
            await self._load_times.recall()
        finally:
            self._hydrations.discard(result)
        return result

    def holds(self, uniqueness: str, version: str) -> bool:
        """Whether L1 has this version. This is not counted as a hit."""
        node = self._nodes.get(uniqueness)
        return node is not None and node.version == version

    async def status(self, uniqueness: str, version: str) -> Status:
        """Where this version of a thing is stored. Asks L2 for the version alone."""
        return (await self.status_many({uniqueness: version}))[uniqueness]

    async def status_many(self, wanted: Mapping[str, str]) -> dict[str, Status]:
        """Where these versions are stored, by uniqueness."""
        result = {u: self._status_here(u, version) for u, version in wanted.items()}
        unsure = [u for u, status in result.items() if status in (Status.STALE, Status.ABSENT)]
        if self._l2 is None or not unsure:
            return result
        found = await self._l2.versions([key_of(self.name, u) for u in unsure])
        for uniqueness, names in zip(unsure, found, strict=True):
            if names == (wanted[uniqueness], self.fingerprint_of(uniqueness)):
                result[uniqueness] = Status.L2
            elif names is not None:
                result[uniqueness] = Status.STALE
        return result

    def clear(self, uniqueness: str) -> None:
        """Forget one thing in both tiers. A load in progress still answers, but stores nothing."""
        self._flights.void(lambda other: other == uniqueness)
        for hydration in self._hydrations:
            hydration.cleared.add(uniqueness)
        self._shelf.discard(uniqueness)
        if self._l2 is not None:
            self._l2.delete(key_of(self.name, uniqueness), self.order())

    def begin_epoch(self, epoch: str) -> int:
        """Go on in an epoch; how many entries L1 had, if that is another than before.

        No entry of another epoch is served any more, from either tier: those in L2 count as made
        by other code. So a cache is cleared at once, also while L2 cannot be reached, and by each
        process that is told. Loads in progress still answer, but store nothing.
        """
        fingerprint = f"{self._code}~{epoch}"
        if fingerprint == self.fingerprint:
            return 0
        self.fingerprint = fingerprint
        self._flights.void()
        return self._shelf.clear()

    def begin_group_epoch(self, group: str, epoch: str) -> int:
        """The same for the things of one group; how many entries of it L1 had."""
        group_of = self._group_of
        if group_of is None or self._group_epochs.get(group) == epoch:
            return 0
        self._group_epochs[group] = epoch
        self._flights.void(lambda uniqueness: group_of(uniqueness) == group)
        concerned = [uniqueness for uniqueness in self._nodes if group_of(uniqueness) == group]
        for uniqueness in concerned:
            self._shelf.discard(uniqueness)
        return len(concerned)

    def fingerprint_of(self, uniqueness: str) -> str:
        """The fingerprint of the code and the epochs that an entry of this thing must have."""
        if not self._group_epochs or self._group_of is None:
            return self.fingerprint
        epoch = self._group_epochs.get(self._group_of(uniqueness))
        return self.fingerprint if epoch is None else f"{self.fingerprint}~{epoch}"

    async def close(self) -> None:
        """End the loads in progress. Callers that wait for them get `LoadAbandonedError`."""
        await self._flights.close()

    # A flight --------------------------------------------------------------------------------

    async def _join_or_take_off(
        self, uniqueness: str, version: str | None, loader: Loader, order: int | None
    ) -> Entry:
        self._flights.check_for_loop(uniqueness, version)
        flight = self._flights.find(uniqueness, version)
        if flight is not None:
            self.counts.joined += 1
            return await self._flights.wait_for(flight)
        flight = Flight(uniqueness, version, self._order_or_next(order))
        self._flights.board(flight)
        if self._l2 is not None and version is not None:
            return await self._find_or_take_off(flight, version, loader)
        reason = Miss.UNSETTLED if version is None else Miss.NOT_PERSISTED
        return await self._take_off(flight, loader, reason)

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

    def _keep_found(self, flight: Flight, found: Entry) -> None:
        """Note an entry that L2 had."""
        self.counts.l2_hits += 1
        if not flight.is_void:
            self._shelf.put(flight.uniqueness, found, flight.order)

    async def _load_once(self, flight: Flight, loader: Loader, reason: Absence | Miss) -> Entry:
        """Load, unless another process does, and its result appears in L2."""
        version, l2 = flight.version, self._l2
        if version is None or l2 is None or l2.leases is None or reason not in LOOKED:
            return await self._load(flight, loader, reason)
        key = key_of(self.name, flight.uniqueness)
        fingerprint = self.fingerprint_of(flight.uniqueness)
        load = partial(self._load, flight, loader, reason)

        async def look() -> Entry | None:
            if (await l2.versions([key])) != [(version, fingerprint)]:
                return None
            found = self._judge(flight.uniqueness, await l2.read(key), version)
            if not isinstance(found, Entry):
                return None
            self._keep_found(flight, found)
            return found

        return await l2.leases.load_once(key, f"{version} {fingerprint}", look, load, l2.flush)

    async def _find_in_l2(self, uniqueness: str, version: str) -> Entry | Absence | Miss:
        if self._l2 is None:
            return Miss.NOT_PERSISTED
        not_found, reason = self._not_in_l2.pop(uniqueness, (None, Absence.NONE))
        if not_found == version:
            return reason
        return self._judge(uniqueness, await self._l2.read(key_of(self.name, uniqueness)), version)

    def _judge(
        self, uniqueness: str, found: Entry | Absence, version: str
    ) -> Entry | Absence | Miss:
        """The entry, if it has this version and was made by this code; otherwise the reason."""
        if not isinstance(found, Entry):
            return found
        if found.fingerprint != self.fingerprint_of(uniqueness):
            return Miss.FOREIGN
        return found if found.version == version else Miss.STALE

    async def _load(self, flight: Flight, loader: Loader, reason: Absence | Miss) -> Entry:
        self.counts.misses[reason] += 1
        started = self._clock()
        try:
            loaded = await loader()
            entry = await self._encode(loaded, self.fingerprint_of(flight.uniqueness))
        except Exception as error:
            self.counts.failures += 1
            log.warning("[Cache] %s: could not load %s: %s", self.name, flight.uniqueness, error)
            raise
        self.counts.load_durations.observe(self._clock() - started)
        self._store(flight, loaded, entry)
        return entry

    async def _encode(self, loaded: Loaded, fingerprint: str) -> Entry:
        if is_large(loaded.data):
            return await asyncio.to_thread(encode, loaded.data, loaded.version, fingerprint)
        encoded = to_json(loaded.data)
        arguments = loaded.data, encoded, loaded.version, fingerprint
        if len(encoded) < THREAD_FROM_BYTES:
            return finish(*arguments)
        return await asyncio.to_thread(finish, *arguments)

    def _store(self, flight: Flight, loaded: Loaded, entry: Entry) -> None:
        reason = self._why_not_stored(flight, loaded)
        if reason is None and not self._shelf.put(flight.uniqueness, entry, flight.order):
            reason = "superseded"
        if reason is not None:
            self.counts.unstored[reason] += 1
        elif self._l2 is not None and self._load_times is not None:
            self._l2.write(key_of(self.name, flight.uniqueness), entry, flight.order)
            self._load_times.note(self.order())

    def _why_not_stored(self, flight: Flight, loaded: Loaded) -> str | None:
        if flight.version is None or loaded.version is None:
            return "unsettled"
        if loaded.version != flight.version:
            return "other_version"
        if loaded.is_error:
            return "error"
        return "cleared" if flight.is_void else None

    # Small parts -----------------------------------------------------------------------------

    def _order_or_next(self, order: int | None) -> int:
        return self.order() if order is None else order

    def _hydrate_found(
        self, result: Hydration, uniqueness: str, version: str, found: Entry | Absence, order: int
    ) -> None:
        if uniqueness in result.cleared:
            found = Absence.CLEARED
        judged = self._judge(uniqueness, found, version)
        if not isinstance(judged, Entry):
            result.missing[uniqueness] = judged
            if judged in LOOKED:
                self._not_in_l2[uniqueness] = version, judged
        elif self._shelf.put(uniqueness, judged, order):
            self.counts.hydrated += 1
            result.hydrated.append(uniqueness)
        else:
            result.missing[uniqueness] = Miss.STALE

    def _status_here(self, uniqueness: str, version: str) -> Status:
        if self.holds(uniqueness, version):
            return Status.L1
        if self._flights.find(uniqueness, version) is not None:
            return Status.LOADING
        return Status.STALE if uniqueness in self._nodes else Status.ABSENT
