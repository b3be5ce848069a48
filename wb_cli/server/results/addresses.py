"""What the addresses of requests mean, for as long as nothing has changed that this was read from.

An address is the path of a request. It means a key: a thing, and its version. Both were read from
the database by the first request. While the notices of that database arrive, and none of them is
about the thing, later requests need not ask again.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from wb_cli.server.results.names import CacheKey
from wb_cli.server.results.wants import CachedQuery

MOST_ADDRESSES = 50_000
# After this time without a request, the notices of a database are no longer listened to.
WANTED_FOR_S = 60.0

Find = Callable[[], Awaitable[CachedQuery]]


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the order of a database's notices, taken before something is read from it."""

    notebook: "Notebook"
    changes: int


class Address:
    """One path of requests, and what it means.

    Args:
        path: the path, as it was sent.
        key: the thing and its version.
        find: reads from the database what the path means now.
        endpoint: who answers it, for the metrics.
        object_id: the object whose changes concern it; None if any change does.
    """

    __slots__ = ("endpoint", "find", "hits", "is_current", "key", "notebook", "object_id", "path")

    def __init__(
        self, path: bytes, key: CacheKey, find: Find, endpoint: Any, object_id: str | None
    ) -> None:
        self.path = path
        self.key = key
        self.find = find
        self.endpoint = endpoint
        self.object_id = object_id
        self.hits = 0  # answers from memory, the older ones halved at each change
        self.is_current = False
        self.notebook: Notebook | None = None

    def with_key(self, key: CacheKey) -> "Address":
        """The same path with a later meaning."""
        return Address(self.path, key, self.find, self.endpoint, self.object_id)


class Notebook:
    """What was read from one database, and whether it may be trusted still.

    Args:
        clock: the event loop's clock, in seconds.
        on_stale: is called with the addresses in use whose things may have changed.
    """

    def __init__(
        self, clock: Callable[[], float], on_stale: Callable[[Sequence[Address]], None]
    ) -> None:
        self.until = float("-inf")  # so long all changes are heard of
        self.asked_at = clock()
        self.changes = 0
        self._clock = clock
        self._on_stale = on_stale
        self._all: dict[Address, None] = {}
        self._of_object: dict[str, dict[Address, None]] = {}

    def mark(self) -> Mark | None:
        """The place of now; None while it is not known whether all changes are heard of."""
        return Mark(self, self.changes) if self._clock() < self.until else None

    def note(self, address: Address, mark: Mark) -> bool:
        """Note what an address means, unless something has changed since the mark.

        Returns whether it was noted.
        """
        if mark.changes != self.changes:
            return False
        address.notebook, address.is_current = self, True
        self._all[address] = None
        if address.object_id is not None:
            self._of_object.setdefault(address.object_id, {})[address] = None
        return True

    def drop(self, address: Address) -> None:
        """Forget an address altogether."""
        address.is_current = False
        self._all.pop(address, None)
        if address.object_id is not None and (of := self._of_object.get(address.object_id)):
            of.pop(address, None)
            if not of:
                del self._of_object[address.object_id]

    # What is heard ---------------------------------------------------------------------------

    def hears_until(self, moment: float) -> None:
        """Trust what is noted until this moment of the loop's clock."""
        if self.until == float("-inf"):
            self.heard(None)  # what changed before is not known
        self.until = moment

    def heard(self, object_id: str | None) -> None:
        """Trust nothing any more that this change concerns."""
        self.changes += 1
        concerned: Iterable[Address] = self._all
        if object_id is not None:
            concerned = self._of_object.get(object_id, {})
        hot = [address for address in concerned if address.hits]
        for address in concerned:
            address.is_current = False
            address.hits //= 2
        if hot:
            self._on_stale(hot)

    def is_wanted(self) -> bool:
        """Whether anybody has asked for this database lately."""
        return self._clock() - self.asked_at < WANTED_FOR_S

    def doubt(self) -> None:
        """Trust nothing that is noted, though none of it is known to have changed."""
        self.changes += 1
        for address in self._all:
            address.is_current = False

    def went_deaf(self) -> None:
        """Trust nothing, as changes are no longer heard of."""
        self.until = float("-inf")
        self.doubt()


class Addresses:
    """The addresses of all databases, by path."""

    def __init__(self, clock: Callable[[], float], most: int = MOST_ADDRESSES) -> None:
        self._clock = clock
        self._most = most
        self._by_path: dict[bytes, Address] = {}

    def __len__(self) -> int:
        return len(self._by_path)

    def find(self, path: bytes) -> Address | None:
        """What a path means, if that is known to be so still. Counts an answer from memory."""
        address = self._by_path.get(path)
        if address is None or not address.is_current:
            return None
        notebook, now = address.notebook, self._clock()
        if notebook is None or now >= notebook.until:
            return None
        notebook.asked_at = now
        address.hits += 1
        return address

    def remember(self, address: Address, mark: Mark) -> None:
        """Remember what a path means, if nothing has changed since the mark."""
        if (old := self._by_path.pop(address.path, None)) is not None:
            address.hits = old.hits
            self._drop(old)
        if not mark.notebook.note(address, mark):
            return
        self._by_path[address.path] = address
        if len(self._by_path) > self._most:
            self._drop(self._by_path.pop(next(iter(self._by_path))))

    def _drop(self, address: Address) -> None:
        if address.notebook is not None:
            address.notebook.drop(address)
