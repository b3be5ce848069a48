"""The writes that wait for L2: one for each key, the newest, within a bound of bytes."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum

from wb_cli.server.cache.entry import Entry

# So many written keys keep their latest order, so that an older load that ends late is refused.
REMEMBERED_KEYS = 100_000
# What a write costs besides its key and its body: the write, its entry, the version and the order,
# and a place in each of the two ordered tables. `tests/benchmarks/bench_memory.py` measures it.
OVERHEAD_BYTES = 768


class Drop(StrEnum):
    """Why an entry was given up. The metrics show the value as a label."""

    OVERFLOW = "overflow"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(slots=True)
class Write:
    """An entry to store under a key. An entry of None deletes the key."""

    key: bytes
    entry: Entry | None
    order: int
    attempts: int = 0
    cost: int = field(init=False)  # bytes that count towards the queue's bound

    def __post_init__(self) -> None:
        body = len(self.entry.body) if self.entry else 0
        self.cost = OVERHEAD_BYTES + len(self.key) + body


class WriteQueue:
    """Writes, one for each key. `take` some, then `settle` them or `put_back`.

    Deletions go first. Stores follow in the order in which they came. Only stores may be dropped;
    ``on_drop`` is then called with the reason as a text.
    """

    def __init__(
        self, max_bytes: int, on_drop: Callable[[Write, str], None] = lambda _write, _why: None
    ) -> None:
        self.max_bytes = max_bytes
        self._on_drop = on_drop
        self.bytes = 0
        self.dropped: Counter[str] = Counter()
        self._deletions: OrderedDict[bytes, Write] = OrderedDict()
        self._stores: OrderedDict[bytes, Write] = OrderedDict()
        self._sending: dict[bytes, Write] = {}
        self._latest: OrderedDict[bytes, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._deletions) + len(self._stores) + len(self._sending)

    def offer(self, write: Write) -> bool:
        """Queue a write in place of an older write of its key; False if this write is the older."""
        if write.order < self._latest.get(write.key, write.order):
            return False
        self._remember(write)
        self._discard(write.key)
        self._line_of(write)[write.key] = write
        self.bytes += write.cost
        self._shrink()
        return True

    def find(self, key: bytes) -> Write | None:
        """The write of this key that still waits, or is on its way."""
        return self._find_waiting(key) or self._sending.get(key)

    def take(self, max_writes: int, max_bytes: int) -> list[Write]:
        """The next writes, at least one if there is any. They count as waiting until settled."""
        room = max_bytes
        while len(self._sending) < max_writes:
            line = self._deletions or self._stores
            if not line:
                break
            key, write = next(iter(line.items()))
            if self._sending and write.cost > room:
                break
            room -= write.cost
            self._sending[key] = line.pop(key)
        return list(self._sending.values())

    def put_back(self, max_attempts: int, why: str) -> None:
        """Queue the taken writes again, because L2 may not have them.

        A write is left out if a newer write of its key waits, or if it was tried too often.
        """
        for write in reversed(self._take_back()):
            if self._may_try_again(write, max_attempts, Drop.FAILED, why):
                line = self._line_of(write)
                line[write.key] = write
                line.move_to_end(write.key, last=False)
        self._shrink()

    def settle(self, refused: Collection[Write], max_attempts: int, why: str) -> None:
        """Note that the taken writes are done, except for those that L2 refused.

        The refused writes are tried again after all others, because L2 may accept the others.
        """
        keys = {write.key for write in refused}
        for write in self._take_back():
            if write.key not in keys:
                self.bytes -= write.cost
            elif self._may_try_again(write, max_attempts, Drop.REFUSED, why):
                self._line_of(write)[write.key] = write
        self._shrink()

    def _take_back(self) -> list[Write]:
        sent, self._sending = list(self._sending.values()), {}
        return sent

    def _may_try_again(self, write: Write, max_attempts: int, drop: Drop, why: str) -> bool:
        write.attempts += 1
        is_superseded = self._find_waiting(write.key) is not None
        if not is_superseded and (write.entry is None or write.attempts < max_attempts):
            return True
        self.bytes -= write.cost
        if not is_superseded:
            self._drop(write, drop, why)
        return False

    def _drop(self, write: Write, drop: Drop, why: str) -> None:
        self.dropped[drop] += 1
        self._on_drop(write, why)

    def _line_of(self, write: Write) -> OrderedDict[bytes, Write]:
        return self._deletions if write.entry is None else self._stores

    def _find_waiting(self, key: bytes) -> Write | None:
        return self._stores.get(key) or self._deletions.get(key)

    def _discard(self, key: bytes) -> None:
        write = self._stores.pop(key, None) or self._deletions.pop(key, None)
        if write is not None:
            self.bytes -= write.cost

    def _shrink(self) -> None:
        """Drop the oldest stores until the bound holds. A deletion stays."""
        while self.bytes > self.max_bytes and self._stores:
            _, write = self._stores.popitem(last=False)
            self.bytes -= write.cost
            self._drop(write, Drop.OVERFLOW, "the queue of writes is full")

    def _remember(self, write: Write) -> None:
        self._latest[write.key] = write.order
        self._latest.move_to_end(write.key)
        if len(self._latest) > REMEMBERED_KEYS:
            self._latest.popitem(last=False)
