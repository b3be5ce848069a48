"""What waits to be written to L2: one write per key, bounded in bytes, the older never wins."""

from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from wb_cli.server.cache.entry import Entry

# Keys whose latest order is remembered after they were written: what a late older load must beat.
REMEMBERED_KEYS = 100_000


@dataclass(slots=True)
class Write:
    """An entry to store under a key, or None to delete what is there."""

    key: bytes
    entry: Entry | None
    order: int
    attempts: int = 0

    @property
    def cost(self) -> int:
        """Bytes that count towards the queue's bound."""
        return len(self.key) + (len(self.entry.body) if self.entry else 0)


class WriteQueue:
    """Writes in the order they came, each key once; `take` some, then `settle` or `put_back`."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self.dropped: Counter[str] = Counter()
        self._waiting: OrderedDict[bytes, Write] = OrderedDict()
        self._sending: dict[bytes, Write] = {}
        self._latest: OrderedDict[bytes, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._sending)

    def offer(self, write: Write) -> bool:
        """Queue a write in place of an older one of its key; tells whether it was not the older."""
        if write.order < self._latest.get(write.key, write.order):
            return False
        self._remember(write)
        self._discard(write.key)
        self._waiting[write.key] = write
        self.bytes += write.cost
        self._shrink()
        return True

    def find(self, key: bytes) -> Write | None:
        """What will be in L2 under this key once all is written, if that is still to be written."""
        return self._waiting.get(key) or self._sending.get(key)

    def take(self, max_writes: int, max_bytes: int) -> list[Write]:
        """The next writes, at least one if there is any; they count as waiting until settled."""
        room = max_bytes
        while self._waiting and len(self._sending) < max_writes:
            key, write = next(iter(self._waiting.items()))
            if self._sending and write.cost > room:
                break
            room -= write.cost
            self._sending[key] = self._waiting.pop(key)
        return list(self._sending.values())

    def settle(self) -> None:
        """What was taken is done with."""
        self.bytes -= sum(write.cost for write in self._sending.values())
        self._sending.clear()

    def put_back(self, max_attempts: int) -> None:
        """What was taken may not have arrived: again, unless superseded or tried too often."""
        sent, self._sending = list(self._sending.values()), {}
        for write in reversed(sent):
            write.attempts += 1
            is_superseded = write.key in self._waiting
            if is_superseded or write.attempts >= max_attempts:
                self.bytes -= write.cost
                self.dropped["failed"] += not is_superseded
                continue
            self._waiting[write.key] = write
            self._waiting.move_to_end(write.key, last=False)
        self._shrink()

    def forget(self, prefix: bytes) -> None:
        """Let go of every write whose key begins so; what is on its way is not put back."""
        for key in [key for key in self._waiting if key.startswith(prefix)]:
            self._discard(key)
        for key in [key for key in self._sending if key.startswith(prefix)]:
            self.bytes -= self._sending.pop(key).cost

    def drop(self, reason: str, writes: Sequence[Write]) -> None:
        """Count writes that will never arrive."""
        self.dropped[reason] += len(writes)

    def _discard(self, key: bytes) -> None:
        write = self._waiting.pop(key, None)
        if write is not None:
            self.bytes -= write.cost

    def _shrink(self) -> None:
        """Drop the oldest until the bound holds. A deletion stays: it costs its key alone."""
        if self.bytes <= self.max_bytes:
            return
        for key, write in list(self._waiting.items()):
            if write.entry is not None:
                self._discard(key)
                self.dropped["overflow"] += 1
            if self.bytes <= self.max_bytes:
                return

    def _remember(self, write: Write) -> None:
        self._latest[write.key] = write.order
        self._latest.move_to_end(write.key)
        if len(self._latest) > REMEMBERED_KEYS:
            self._latest.popitem(last=False)
