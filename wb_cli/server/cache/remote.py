"""L2: never raises, never makes a request wait longer than one deadline, writes behind."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from enum import StrEnum

from wb_cli.server.cache.breaker import Breaker
from wb_cli.server.cache.entry import Entry, GarbageError, decode, peek_version
from wb_cli.server.cache.errors import BusyError, L2Error, RefusedError
from wb_cli.server.cache.store import Store
from wb_cli.server.cache.write_behind import MAX_QUEUE_BYTES, WriteBehind
from wb_cli.server.cache.writes import Write

log = logging.getLogger(__name__)

READ_BATCH_KEYS = 128
READ_BATCH_BYTES = 2 * 1024 * 1024
PREFIX_BYTES = 1024  # holds the head of every envelope whose hashes are of sane length


class Absence(StrEnum):
    """Why L2 gave nothing."""

    NONE = "absent"
    GARBAGE = "garbage"
    CLEARED = "cleared"
    NOT_READY = "l2_not_ready"
    BREAKER_OPEN = "l2_breaker_open"
    BUSY = "l2_busy"
    FAILED = "l2_failed"


class RemoteTier:
    """The L2 of a process: reads with a breaker in front, writes from a queue behind.

    `start` it once; from then on it follows its store through every outage. `close` flushes.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        max_queue_bytes: int = MAX_QUEUE_BYTES,
    ) -> None:
        self.breaker = Breaker(clock)
        self._store = store
        self._behind = WriteBehind(store, clock, pause, max_queue_bytes)
        self.queue = self._behind.queue
        self._purges = self._behind.purges
        store.on_ready(self._on_ready)

    @property
    def written(self) -> int:
        """Writes done since the process began."""
        return self._behind.written

    def start(self) -> None:
        """Begin to write behind."""
        self._behind.start()

    # Reading ---------------------------------------------------------------------------------

    async def read(self, key: bytes) -> Entry | Absence:
        """What L2 holds under the key, whatever its version."""
        waiting = self._unwritten(key)
        if waiting is not None:
            return waiting
        if not self._store.is_ready:
            return Absence.NOT_READY
        if not self.breaker.allows():
            return Absence.BREAKER_OPEN
        wire = await self._get(key)
        return wire if isinstance(wire, Absence) else _entry(wire)

    async def read_many(self, keys: Sequence[bytes]) -> AsyncIterator[list[Entry | Absence]]:
        """What L2 holds under each key, in order, in batches bounded by bytes; decodes no data.

        Sizes are not known beforehand: each batch is sized by what the one before it brought.
        """
        start, count = 0, READ_BATCH_KEYS // 8
        while start < len(keys):
            batch = keys[start : start + count]
            start += count
            wires = await self._get_many(batch)
            brought = sum(len(wire) for wire in wires if isinstance(wire, bytes))
            count = max(1, min(READ_BATCH_KEYS, READ_BATCH_BYTES * len(batch) // (brought or 1)))
            found = [wire if isinstance(wire, Absence) else _entry(wire) for wire in wires]
            if self.queue or self._purges:
                pairs = zip(batch, found, strict=True)
                found = [self._unwritten(key) or stored for key, stored in pairs]
            yield found

    async def versions(self, keys: Sequence[bytes]) -> list[tuple[str, str] | None]:
        """Version and fingerprint under each key, without fetching the data."""
        if not self._store.is_ready:
            return [None] * len(keys)
        try:
            prefixes = await self._store.prefixes(keys, PREFIX_BYTES)
        except L2Error:
            self._store.suspect()
            return [None] * len(keys)
        return [
            self._unwritten_version(key) or peek_version(prefix)
            for key, prefix in zip(keys, prefixes, strict=True)
        ]

    async def _get(self, key: bytes) -> bytes | Absence | None:
        try:
            wire = await self._store.get(key)
        except BusyError:
            self.breaker.proved_nothing()
            return Absence.BUSY
        except RefusedError:
            self.breaker.succeeded()
            return Absence.GARBAGE
        except L2Error:
            return self._get_failed()
        except Exception:
            log.exception("[Cache] reading from Valkey")
            return self._get_failed()
        except BaseException:
            self.breaker.proved_nothing()
            raise
        self.breaker.succeeded()
        return wire

    def _get_failed(self) -> Absence:
        self.breaker.failed()
        self._store.suspect()
        return Absence.FAILED

    async def _get_many(self, keys: Sequence[bytes]) -> Sequence[bytes | Absence | None]:
        if not self._store.is_ready:
            return [Absence.NOT_READY] * len(keys)
        try:
            return await self._store.get_many(keys)
        except L2Error:
            self._store.suspect()
            return [Absence.FAILED] * len(keys)

    def _unwritten(self, key: bytes) -> Entry | Absence | None:
        """What the queue will make of this key, where it still has to."""
        write = self.queue.find(key)
        if write is not None:
            return write.entry or Absence.CLEARED
        return Absence.CLEARED if self._purges.covers(key) else None

    def _unwritten_version(self, key: bytes) -> tuple[str, str] | None:
        entry = self._unwritten(key)
        if isinstance(entry, Entry) and entry.version is not None:
            return entry.version, entry.fingerprint
        return None

    # Writing ---------------------------------------------------------------------------------

    def write(self, key: bytes, entry: Entry, order: int) -> bool:
        """Store behind; returns at once, and tells whether nothing newer was there."""
        return self._behind.offer(Write(key, entry, order))

    def delete(self, key: bytes, order: int) -> None:
        """Delete behind; from now on, the key reads as absent."""
        self._behind.offer(Write(key, None, order))

    def purge(self, prefix: bytes) -> None:
        """Delete behind every key that begins so; from now on, they read as absent."""
        self._behind.purge(prefix)

    async def purged(self, within: float) -> list[str]:
        """Wait for the purges, so many seconds at most; the prefixes that L2 still holds.

        They are deleted as soon as the server is back, while this process lives.
        """
        return await self._behind.purged(within)

    async def flush(self, within: float = 2.0) -> int:
        """Write what waits, for so many seconds at most; how many writes are left.

        A server that is away gets the time of one reconnection, not all of it.
        """
        return await self._behind.flush(within)

    async def close(self, within: float = 2.0) -> None:
        """Flush, then stop writing; the log names what was not done."""
        await self._behind.close(within)

    def _on_ready(self) -> None:
        self.breaker.probe_now()
        self._behind.wake()


def _entry(wire: bytes | None) -> Entry | Absence:
    if wire is None:
        return Absence.NONE
    try:
        return decode(wire)
    except GarbageError:
        return Absence.GARBAGE
