"""L1 and L2 with one small interface, for the tests that both must pass."""

from typing import Protocol

from server.cache.stores import MemoryStore, no_pause

from wb_cli.server.cache.entry import Entry
from wb_cli.server.cache.local import LocalTier
from wb_cli.server.cache.remote import RemoteTier
from wb_cli.server.cache.store import Store


class Tier(Protocol):
    """The interface of a tier."""

    async def put(self, key: str, entry: Entry, order: int) -> bool: ...
    async def get(self, key: str) -> Entry | None: ...
    async def delete(self, key: str, order: int) -> None: ...


class L1:
    """The tier in the process."""

    def __init__(self) -> None:
        self._shelf = LocalTier(100_000_000).shelf()

    async def put(self, key: str, entry: Entry, order: int) -> bool:
        return self._shelf.put(key, entry, order)

    async def get(self, key: str) -> Entry | None:
        node = self._shelf.nodes.get(key)
        return node.entry if node else None

    async def delete(self, key: str, order: int) -> None:  # noqa: ARG002
        self._shelf.discard(key)


class L2:
    """The tier behind it. A step waits until Valkey has the write, so none comes from the queue."""

    def __init__(self, store: Store | None = None) -> None:
        self.tier = RemoteTier(store or MemoryStore(), pause=no_pause)
        self.tier.start()

    async def put(self, key: str, entry: Entry, order: int) -> bool:
        is_newest = self.tier.write(key.encode(), entry, order)
        assert await self.tier.flush() == 0
        return is_newest

    async def get(self, key: str) -> Entry | None:
        found = await self.tier.read(key.encode())
        return found if isinstance(found, Entry) else None

    async def delete(self, key: str, order: int) -> None:
        self.tier.delete(key.encode(), order)
        assert await self.tier.flush() == 0
