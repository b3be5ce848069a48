"""L2: never raises, never makes a request wait longer than one deadline, writes behind."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Protocol

from wb_cli.server.cache.breaker import Breaker
from wb_cli.server.cache.entry import Entry, GarbageError, decode, peek_version
from wb_cli.server.cache.errors import BusyError, L2Error, RefusedError
from wb_cli.server.cache.writes import Write, WriteQueue

log = logging.getLogger(__name__)

MAX_QUEUE_BYTES = 64 * 1024 * 1024
PIPELINE_WRITES = 64
PIPELINE_BYTES = 4 * 1024 * 1024
READ_BATCH_KEYS = 128
READ_BATCH_BYTES = 2 * 1024 * 1024
PREFIX_BYTES = 1024  # holds the head of every envelope whose hashes are of sane length
WRITE_ATTEMPTS = 5
RETRY_AFTER_S = 0.25
RECONNECTION_S = 0.6  # more than a link pauses between two attempts


class Absence(StrEnum):
    """Why L2 gave nothing."""

    NONE = "absent"
    GARBAGE = "garbage"
    CLEARED = "cleared"
    NOT_READY = "l2_not_ready"
    BREAKER_OPEN = "l2_breaker_open"
    BUSY = "l2_busy"
    FAILED = "l2_failed"


class Store(Protocol):
    """What L2 asks of a server's client; raises `L2Error` alone. `ValkeyLink` is one."""

    @property
    def is_ready(self) -> bool:
        """Whether calls make sense now."""

    def on_ready(self, callback: Callable[[], None]) -> None:
        """Call back each time it becomes ready."""

    def suspect(self) -> None:
        """A call failed: have a look."""

    async def get(self, key: bytes) -> bytes | None:
        """One value, within the request deadline."""

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Values in one round trip."""

    async def prefixes(self, keys: Sequence[bytes], length: int) -> list[bytes]:
        """The first bytes of each value."""

    async def apply(
        self, changes: Sequence[tuple[bytes, bytes | None]]
    ) -> list[RefusedError | None]:
        """Store values, or delete keys for None, in order; for each, why it was refused."""

    def keys(self, prefix: bytes) -> AsyncIterator[list[bytes]]:
        """Every key that begins so, a batch at a time."""


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
        self.queue = WriteQueue(max_queue_bytes)
        self.written = 0
        self._store = store
        self._pause = pause
        self._purges: list[bytes] = []
        self._is_refusing = False
        self._wake = asyncio.Event()
        self._drained = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        store.on_ready(self._on_ready)

    def start(self) -> None:
        """Begin to write behind."""
        self._task = self._task or asyncio.create_task(self._write_behind(), name="l2-writer")

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
        if self._purges and key.startswith(tuple(self._purges)):
            return Absence.CLEARED
        return None

    def _unwritten_version(self, key: bytes) -> tuple[str, str] | None:
        entry = self._unwritten(key)
        if isinstance(entry, Entry) and entry.version is not None:
            return entry.version, entry.fingerprint
        return None

    # Writing ---------------------------------------------------------------------------------

    def write(self, key: bytes, entry: Entry, order: int) -> bool:
        """Store behind; returns at once, and tells whether nothing newer was there."""
        return self._offer(Write(key, entry, order))

    def delete(self, key: bytes, order: int) -> None:
        """Delete behind; from now on, the key reads as absent."""
        self._offer(Write(key, None, order))

    def purge(self, prefix: bytes) -> None:
        """Delete behind every key that begins so; from now on, they read as absent."""
        self.queue.forget(prefix)
        self._purges.append(prefix)
        self._has_work()

    async def flush(self, within: float = 2.0) -> int:
        """Write what waits, for so many seconds at most; how many writes are left.

        A server that is away gets the time of one reconnection, not all of it.
        """
        budget = within if self._store.is_ready else min(within, RECONNECTION_S)
        if self._task is not None and (self.queue or self._purges):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(budget):
                    await self._drained.wait()
        return len(self.queue)

    async def close(self, within: float = 2.0) -> None:
        """Flush, then stop writing."""
        left = await self.flush(within)
        if left:
            log.warning("[Cache] %d entries were not written to Valkey", left)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _offer(self, write: Write) -> bool:
        is_newest = self.queue.offer(write)
        self._has_work()
        return is_newest

    def _has_work(self) -> None:
        self._drained.clear()
        self._wake.set()

    def _on_ready(self) -> None:
        self.breaker.probe_now()
        self._wake.set()

    async def _write_behind(self) -> None:
        while True:
            self._wake.clear()
            await self._write_all()
            if not self.queue and not self._purges:
                self._drained.set()
            await self._wake.wait()

    async def _write_all(self) -> None:
        while (self.queue or self._purges) and self._store.is_ready:
            try:
                await (self._purge_next() if self._purges else self._write_next())
            except Exception as error:
                is_expected = isinstance(error, L2Error)
                log.log(
                    logging.DEBUG if is_expected else logging.ERROR,
                    "[Cache] write-behind: %s",
                    error,
                    exc_info=not is_expected,
                )
                self._store.suspect()
                await self._pause(RETRY_AFTER_S)

    async def _write_next(self) -> None:
        batch = self.queue.take(PIPELINE_WRITES, PIPELINE_BYTES)
        try:
            refusals = await self._store.apply(
                [(write.key, write.entry.wire() if write.entry else None) for write in batch]
            )
        except BaseException:
            self.queue.put_back(WRITE_ATTEMPTS)
            raise
        self.queue.settle()
        refused = [write for write, no in zip(batch, refusals, strict=True) if no is not None]
        self.written += len(batch) - len(refused)
        if refused:
            self.queue.drop("refused", refused)
        self._note_refusal(next(filter(None, refusals), None))

    def _note_refusal(self, refusal: RefusedError | None) -> None:
        """Say once that Valkey refuses writes, and once that it takes them again."""
        if refusal is not None and not self._is_refusing:
            log.warning("[Cache] Valkey refuses writes: %s", refusal)
        elif refusal is None and self._is_refusing:
            log.info("[Cache] Valkey takes writes again")
        self._is_refusing = refusal is not None

    async def _purge_next(self) -> None:
        prefix = self._purges[0]
        async for keys in self._store.keys(prefix):
            if keys:
                await self._store.apply([(key, None) for key in keys])
        self._purges.remove(prefix)


def _entry(wire: bytes | None) -> Entry | Absence:
    if wire is None:
        return Absence.NONE
    try:
        return decode(wire)
    except GarbageError:
        return Absence.GARBAGE
