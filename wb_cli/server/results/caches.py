"""The caches of this server: one for each declaration, over the same two tiers."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from wb_cli.server.cache import Cache, Entry, Loaded, LocalTier, RemoteTier
from wb_cli.server.results.declared import DECLARED
from wb_cli.server.results.precedence import Precedence
from wb_cli.server.results.wants import CachedQuery, Declaration
from wb_cli.server.watch.history import Origins


class Caches:
    """Get what is wanted from its cache, by the one way in.

    Args:
        l1: the bytes that all of them share.
        l2: the tier behind those that are persistent.
        fingerprint: the code's.
        declared: what each cache is.
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
        self.declared = {each.name: each for each in declared}
        self.precedence = Precedence()
        self._caches = {
            each.name: Cache(
                each.name, l1, l2 if each.is_persistent else None, fingerprint=fingerprint
            )
            for each in declared
        }

    def __getitem__(self, name: str) -> Cache:
        return self._caches[name]

    def __iter__(self) -> Iterator[Cache]:
        return iter(self._caches.values())

    def order(self) -> int:
        """The next place in the order by which newer versions win; all caches share it."""
        return self.l1.order()

    async def get(
        self,
        query: CachedQuery,
        *,
        order: int | None = None,
        on_load: Callable[[Loaded], None] = lambda _: None,
    ) -> Entry:
        """The entry, for the warm-up; ``on_load`` hears of it where the database gave it."""

        async def load() -> Loaded:
            got = await query.load()
            loaded = Loaded(got.data, got.version)
            on_load(loaded)
            return loaded

        key = query.key
        return await self[key.cache].get_or_load(key.uniqueness, key.version, load, order=order)

    async def get_first(self, query: CachedQuery) -> Entry:
        """The entry, for a request, which goes ahead of the warm-up's loads."""
        entry = self[query.key.cache].peek(query.key.uniqueness, query.key.version)
        if entry is not None:
            return entry
        with self.precedence.request():
            return await self.get(query)

    def origins(self) -> Origins:
        """How many answers came from where, since the process began."""
        return Origins(
            sum(cache.counts.l1_hits for cache in self),
            sum(cache.counts.l2_hits for cache in self),
            sum(cache.counts.loads for cache in self),
        )

    def seconds_saved(self) -> float:
        """What loads would have taken that were not needed."""
        return sum(sum(cache.counts.seconds_saved().values()) for cache in self)

    async def close(self) -> None:
        """End the loads in progress."""
        for cache in self:
            await cache.close()
