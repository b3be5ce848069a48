"""L1: bounded in bytes, synchronous, without I/O. It evicts by SIEVE.

SIEVE (Zhang et al., NSDI 2024) keeps entries in the order in which they came. A hit is counted on
its entry and moves nothing, so it is cheap. A hand walks from the oldest entry to the newest. It
spares an entry that was hit since the hand last passed, and evicts the first entry that was not.
So the warm-up cannot flush the entries that are in use.
"""

from itertools import count

from wb_cli.server.cache.entry import Entry

# What an entry costs besides its body: node, dict slot, key and version strings.
OVERHEAD_BYTES = 512


class Node:
    """An entry's place in the list of entries."""

    __slots__ = (
        "cost",
        "entry",
        "hits",
        "newer",
        "older",
        "order",
        "shelf",
        "uniqueness",
        "version",
    )

    def __init__(self, shelf: "Shelf", uniqueness: str, entry: Entry, order: int) -> None:
        self.shelf = shelf
        self.uniqueness = uniqueness
        self.entry = entry
        self.version = entry.version
        self.order = order
        self.cost = len(entry.body) + OVERHEAD_BYTES
        self.hits = 0  # since the hand last passed; if there are any, the hand spares the entry
        self.newer: Node | None = None
        self.older: Node | None = None

    def count_hits(self) -> None:
        """Move the hits to the shelf's count. The entry is no longer spared, and no hit is lost."""
        self.shelf.past_hits += self.hits
        self.hits = 0


class LocalTier:
    """The bytes that all caches of a process share. Each cache has a `Shelf` of its own in it."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self.evictions = 0
        self.shelves: list[Shelf] = []
        self._orders = count(1)
        self._newest: Node | None = None
        self._oldest: Node | None = None
        self._hand: Node | None = None

    def shelf(self) -> "Shelf":
        """A new, empty shelf."""
        self.shelves.append(Shelf(self))
        return self.shelves[-1]

    def order(self) -> int:
        """The next number of the order. All caches over this tier share it."""
        return next(self._orders)

    def __len__(self) -> int:
        return sum(len(shelf.nodes) for shelf in self.shelves)

    def add(self, node: Node) -> None:
        """Take a node in as the newest, and evict until there is room."""
        self.bytes += node.cost
        while self.bytes > self.max_bytes:
            self._evict()
        node.older, self._newest = self._newest, node
        if node.older is None:
            self._oldest = node
        else:
            node.older.newer = node

    def remove(self, node: Node) -> None:
        """Take a node out."""
        node.count_hits()
        self.bytes -= node.cost
        if self._hand is node:
            self._hand = node.newer
        if node.newer is None:
            self._newest = node.older
        else:
            node.newer.older = node.older
        if node.older is None:
            self._oldest = node.newer
        else:
            node.older.newer = node.newer

    def _evict(self) -> None:
        node = self._hand or self._oldest
        while node is not None and node.hits:
            node.count_hits()
            node = node.newer or self._oldest
        if node is None:  # pragma: no cover  (only nodes hold bytes)
            raise AssertionError("L1 is empty and full")
        self._hand = node
        self.evictions += 1
        node.shelf.discard(node.uniqueness)


class Shelf:
    """One cache's entries in L1, by uniqueness."""

    def __init__(self, tier: LocalTier) -> None:
        self.nodes: dict[str, Node] = {}
        self.past_hits = 0
        self._tier = tier

    @property
    def hits(self) -> int:
        """Hits since the process began."""
        return self.past_hits + sum(node.hits for node in self.nodes.values())

    def put(self, uniqueness: str, entry: Entry, order: int) -> bool:
        """Store the entry unless a newer one is held; whether it was stored.

        ``order`` says when the entry's version was asked for, not when the entry arrived. An entry
        that is larger than the whole tier removes the older entry, and is not kept itself.
        """
        held = self.nodes.get(uniqueness)
        if held is not None:
            if held.order > order:
                return False
            self.discard(uniqueness)
        node = Node(self, uniqueness, entry, order)
        if node.cost <= self._tier.max_bytes:
            self._tier.add(node)
            self.nodes[uniqueness] = node
        return True

    def discard(self, uniqueness: str) -> bool:
        """Remove an entry; whether there was one."""
        node = self.nodes.pop(uniqueness, None)
        if node is not None:
            self._tier.remove(node)
        return node is not None

    def clear(self) -> int:
        """Remove every entry; how many entries there were."""
        count = len(self.nodes)
        for uniqueness in list(self.nodes):
            self.discard(uniqueness)
        return count
