"""L2. It never raises, lets no request wait longer than one deadline, and writes behind."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from enum import StrEnum

from wb_cli.server.cache.breaker import Breaker
from wb_cli.server.cache.entry import Entry, GarbageError, decode, peek_version
from wb_cli.server.cache.errors import BusyError, L2Error, RefusedError
from wb_cli.server.cache.leases import Leases
from wb_cli.server.cache.store import Store
from wb_cli.server.cache.write_behind import MAX_QUEUE_BYTES, WriteBehind
from wb_cli.server.cache.writes import Write

log = logging.getLogger(__name__)

READ_BATCH_KEYS = 128
READ_BATCH_BYTES = 2 * 1024 * 1024
PREFIX_BYTES = 1024  # enough for version and fingerprint of ordinary length


class Absence(StrEnum):
    """Why L2 gave no entry."""

    NONE = "absent"
    GARBAGE = "garbage"
    CLEARED = "cleared"
    NOT_READY = "l2_not_ready"
    BREAKER_OPEN = "l2_breaker_open"
    BUSY = "l2_busy"
    FAILED = "l2_failed"


class RemoteTier:
    """The L2 of a process. A breaker guards its reads, and a queue holds its writes.

    Call `start` once. From then on it follows its store through every outage. `close` flushes.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        max_queue_bytes: int = MAX_QUEUE_BYTES,
        leases: Leases | None = None,
    ) -> None:
        self.breaker = Breaker(clock)
        self.leases = leases  # where one process of several leads a load
        self._store = store
        self._behind = WriteBehind(store, clock, pause, max_queue_bytes)
        self.queue = self._behind.queue
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
        """The entry that L2 holds under the key, of any version."""
        waiting = self._unwritten(key)
        if waiting is not None:
            return waiting
        if not self._store.is_ready:
            return Absence.NOT_READY
        if not self.breaker.allows():
            return Absence.BREAKER_OPEN
        wire = await self._get(key)
        return wire if isinstance(wire, Absence) else _entry(wire)

    async def read_many(self, keys: Sequence[bytes]) -> AsyncGenerator[list[Entry | Absence], None]:
        """The entries that L2 holds under the keys, in batches bounded by bytes. Decodes no data.

        L2 sends the next batch while the caller works on this one. Sizes are not known beforehand,
        so the size of a batch follows from the last one that has come.
        """
        start, count = 0, READ_BATCH_KEYS // 8
        coming: asyncio.Task[Sequence[bytes | Absence | None]] | None = None
        try:
            while start < len(keys):
                batch = keys[start : start + count]
                start += count
                wires = await (coming or self._get_many(batch))
                brought = sum(map(len, filter(None, wires)))
                next_count = READ_BATCH_BYTES * len(batch) // (brought or 1)
                count = max(1, min(READ_BATCH_KEYS, next_count))
                if start < len(keys):
                    coming = asyncio.create_task(self._get_many(keys[start : start + count]))
                    await asyncio.sleep(0)  # the task sends its question
                found = [wire if isinstance(wire, Absence) else _entry(wire) for wire in wires]
                if self.queue:
                    pairs = zip(batch, found, strict=True)
                    found = [self._unwritten(key) or stored for key, stored in pairs]
                yield found
        finally:
            if coming is not None:
                coming.cancel()

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
        """The value that the waiting writes will give this key; None if no write waits."""
        write = self.queue.find(key)
        return None if write is None else write.entry or Absence.CLEARED

    def _unwritten_version(self, key: bytes) -> tuple[str, str] | None:
        entry = self._unwritten(key)
        if isinstance(entry, Entry) and entry.version is not None:
            return entry.version, entry.fingerprint
        return None

    # Writing ---------------------------------------------------------------------------------

    def write(self, key: bytes, entry: Entry, order: int) -> bool:
        """Queue the entry and return at once; whether no newer write was queued."""
        return self._behind.offer(Write(key, entry, order))

    def delete(self, key: bytes, order: int) -> None:
        """Queue a deletion. From now on the key reads as absent."""
        self._behind.offer(Write(key, None, order))

    async def flush(self, within: float = 2.0) -> int:
        """Do the waiting writes, for so many seconds at most; how many are left.

        If the server is away, this waits for one reconnection only.
        """
        return await self._behind.flush(within)

    async def close(self, within: float = 2.0) -> None:
        """Flush, then stop writing. The log names what was not written."""
        await self._behind.close(within)
        if self.leases is not None:
            await self.leases.close()

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
