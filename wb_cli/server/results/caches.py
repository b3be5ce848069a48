"""The caches of this server: one for each declaration, over the same two tiers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from secrets import token_hex
from typing import Any

from wb_cli.server.cache import Cache, Entry, Loaded, LocalTier, RemoteTier
from wb_cli.server.db.epochs import Epochs
from wb_cli.server.results.declared import DECLARED
from wb_cli.server.results.names import head, part
from wb_cli.server.results.precedence import Precedence
from wb_cli.server.results.wants import CachedQuery, Declaration
from wb_cli.server.watch.history import Origins


class Caches:
    """All caches, and the functions that get an entry from them.

    Args:
        l1: the tier that all caches share.
        l2: the tier behind the persistent caches.
        fingerprint: the fingerprint of the code.
        declared: the declarations of the caches.
    """

    def __init__(
        self,
        l1: LocalTier,
        l2: RemoteTier,
        fingerprint: str,
        declared: Sequence[Declaration[Any]] = DECLARED,
    ) -> None:
        self.l1 = l1
        self.l2 = l2
        self.declared = {declaration.name: declaration for declaration in declared}
        self.precedence = Precedence()
        self._epochs: dict[str, int] = {}
        self._project_epochs: dict[str, int] = {}
        self._caches = {
            declaration.name: Cache(
                declaration.name,
                l1,
                l2 if declaration.is_persistent else None,
                fingerprint=fingerprint,
                group_of=head if declaration.is_of_projects else None,
            )
            for declaration in declared
        }

    def __getitem__(self, name: str) -> Cache:
        return self._caches[name]

    def __iter__(self) -> Iterator[Cache]:
        return iter(self._caches.values())

    def begin_unknown_epoch(self) -> None:
        """Serve nothing of L2 until the epochs are known."""
        for cache in self:
            cache.begin_epoch(token_hex())

    def begin_epochs(self, epochs: Epochs) -> dict[str, int]:
        """Go on in these epochs. Entries of others are not served any more.

        An epoch that is older than the known one is passed over: it was read before the later one,
        and arrives after it. Returns how many entries of an ended epoch each cache had in memory.
        """
        count = {cache.name: self._begin_epoch(cache, epochs.caches) for cache in self}
        for project_id, epoch in epochs.projects.items():
            if epoch > self._project_epochs.get(project_id, 0):
                self._project_epochs[project_id] = epoch
                for cache in self:
                    count[cache.name] += cache.begin_group_epoch(part(project_id), str(epoch))
        return count

    def _begin_epoch(self, cache: Cache, epochs: Mapping[str, int]) -> int:
        known = self._epochs.get(cache.name, 0)
        self._epochs[cache.name] = max(known, epochs.get(cache.name, 0))
        return cache.begin_epoch(str(self._epochs[cache.name]))

    def order(self) -> int:
        """The next number of the order, by which newer versions win. All caches share it."""
        return self.l1.order()

    async def get(
        self,
        query: CachedQuery,
        *,
        order: int | None = None,
        on_load: Callable[[Loaded], None] = lambda _: None,
    ) -> Entry:
        """The entry, for the warm-up. ``on_load`` is called if the database was asked."""

        async def load() -> Loaded:
            got = await query.load()
            loaded = Loaded(got.data, got.version)
            on_load(loaded)
            return loaded

        key = query.key
        return await self[key.cache].get_or_load(key.uniqueness, key.version, load, order=order)

    async def get_first(self, query: CachedQuery) -> Entry:
        """The entry, for a request. Its load goes ahead of the warm-up's loads."""
        entry = self[query.key.cache].peek(query.key.uniqueness, query.key.version)
        if entry is not None:
            return entry
        with self.precedence.request():
            return await self.get(query)

    def origins(self) -> Origins:
        """The number of answers from each origin, since the process began."""
        return Origins(
            sum(cache.counts.l1_hits for cache in self),
            sum(cache.counts.l2_hits for cache in self),
            sum(cache.counts.loads for cache in self),
        )

    def seconds_saved(self) -> float:
        """The seconds that needless loads would have taken."""
        return sum(sum(cache.counts.seconds_saved().values()) for cache in self)

    async def close(self) -> None:
        """End the loads in progress."""
        for cache in self:
            await cache.close()
