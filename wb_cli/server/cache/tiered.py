"""The two tiers as one cache, asked in this order: L1, flight, L2, loader."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from itertools import islice

from wb_cli.server.cache.counts import Counts
from wb_cli.server.cache.entry import Entry
from wb_cli.server.cache.entry import key as key_of
from wb_cli.server.cache.flights import Loader
from wb_cli.server.cache.hydration import LOOKED, Hydration, Miss, Status
from wb_cli.server.cache.loads import Loads
from wb_cli.server.cache.local import LocalTier
from wb_cli.server.cache.remote import Absence, RemoteTier
from wb_cli.server.cache.validity import Validity

NAME = re.compile(r"[a-z][a-z0-9_]*")


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
        self._l1 = l1
        self._l2 = l2
        self._shelf = l1.shelf()
        self._nodes = self._shelf.nodes
        self._validity = Validity(fingerprint, group_of)
        self.counts = Counts(self._shelf)
        self._loads = Loads(
            name,
            self._shelf,
            l2,
            validity=self._validity,
            counts=self.counts,
            clock=clock,
            order=l1.order,
        )
        self._hydrations: set[Hydration] = set()

    def __repr__(self) -> str:
        return f"<Cache {self.name}, {len(self)} in L1, {len(self._loads)} in flight>"

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
        return await self._loads.get(uniqueness, version, loader, order)

    async def close(self) -> None:
        """End the loads in progress. Callers that wait for them get `LoadAbandonedError`."""
        await self._loads.close()

    # Filling ---------------------------------------------------------------------------------

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
        if self._l2 is None:
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
            await self._loads.recall_times()
        finally:
            self._hydrations.discard(result)
        return result

    def _hydrate_found(
        self, result: Hydration, uniqueness: str, version: str, found: Entry | Absence, order: int
    ) -> None:
        if uniqueness in result.cleared:
            found = Absence.CLEARED
        judged = self._validity.judge(uniqueness, found, version)
        if not isinstance(judged, Entry):
            result.missing[uniqueness] = judged
            if judged in LOOKED:
                self._loads.note_absence(uniqueness, version, judged)
        elif self._shelf.put(uniqueness, judged, order):
            self.counts.hydrated += 1
            result.hydrated.append(uniqueness)
        else:
            result.missing[uniqueness] = Miss.STALE

    def _order_or_next(self, order: int | None) -> int:
        return self.order() if order is None else order

    # Where a thing is stored -----------------------------------------------------------------

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

    def _status_here(self, uniqueness: str, version: str) -> Status:
        if self.holds(uniqueness, version):
            return Status.L1
        if self._loads.are_under_way(uniqueness, version):
            return Status.LOADING
        return Status.STALE if uniqueness in self._nodes else Status.ABSENT

    # Forgetting ------------------------------------------------------------------------------

    def clear(self, uniqueness: str) -> None:
        """Forget one thing in both tiers. A load in progress still answers, but stores nothing."""
        self._loads.void(lambda other: other == uniqueness)
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
        if not self._validity.begin_epoch(epoch):
            return 0
        self._loads.void()
        return self._shelf.clear()

    def begin_group_epoch(self, group: str, epoch: str) -> int:
        """The same for the things of one group; how many entries of it L1 had."""
        if not self._validity.begin_group_epoch(group, epoch):
            return 0
        is_of_group = self._validity.is_of(group)
        self._loads.void(is_of_group)
        concerned = [uniqueness for uniqueness in self._nodes if is_of_group(uniqueness)]
        for uniqueness in concerned:
            self._shelf.discard(uniqueness)
        return len(concerned)

    def fingerprint_of(self, uniqueness: str) -> str:
        """The fingerprint of the code and the epochs that an entry of this thing must have."""
        return self._validity.fingerprint_of(uniqueness)
