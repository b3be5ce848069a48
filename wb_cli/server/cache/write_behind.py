"""Writes to L2 in the background: one task does them in order, through every outage."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from wb_cli.server.cache.errors import L2Error, RefusedError
from wb_cli.server.cache.store import Store
from wb_cli.server.cache.unpersisted import Unpersisted
from wb_cli.server.cache.writes import Write, WriteQueue

log = logging.getLogger(__name__)

MAX_QUEUE_BYTES = 64 * 1024 * 1024
PIPELINE_WRITES = 64
PIPELINE_BYTES = 4 * 1024 * 1024
WRITE_ATTEMPTS = 5
RETRY_AFTER_S = 0.25
# If the server refuses all writes, the pauses between attempts grow: four minutes in all.
REFUSED_ATTEMPTS = 12
REFUSED_RETRY_S = 30.0
RECONNECTION_S = 0.6  # longer than the pause between two attempts of a link


class WriteBehind:
    """The queue of writes, and the task that does them."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float],
        pause: Callable[[float], Awaitable[None]],
        max_queue_bytes: int,
    ) -> None:
        self.queue = WriteQueue(max_queue_bytes, self._on_drop)
        self.written = 0
        self._store = store
        self._pause = pause
        self._unpersisted = Unpersisted(clock)
        self._refusals_in_a_row = 0
        self._wake = asyncio.Event()
        self._drained = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write. From now on the task follows its store through every outage."""
        self._task = self._task or asyncio.create_task(self._write_behind(), name="l2-writer")

    def offer(self, write: Write) -> bool:
        """Queue a write; whether no newer write was queued."""
        is_newest = self.queue.offer(write)
        self._has_work()
        return is_newest

    def wake(self) -> None:
        """Go on writing, because the store is ready again."""
        self._wake.set()

    async def flush(self, within: float) -> int:
        """Do the waiting writes, for so many seconds at most; how many are left."""
        budget = within if self._store.is_ready else min(within, RECONNECTION_S)
        if self._task is not None and self.queue:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(budget):
                    await self._drained.wait()
        return len(self.queue)

    async def close(self, within: float) -> None:
        """Flush, then stop writing. The log names what was not written."""
        left = await self.flush(within)
        if left:
            log.warning("[Cache] %d entries were not written to Valkey", left)
        self._unpersisted.end_episode(at_once=True)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _has_work(self) -> None:
        self._drained.clear()
        self._wake.set()

    async def _write_behind(self) -> None:
        while True:
            self._wake.clear()
            await self._write_all()
            if not self.queue:
                self._drained.set()
            await self._wake.wait()

    async def _write_all(self) -> None:
        while self.queue and self._store.is_ready:
            try:
                await self._write_next()
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
        except BaseException as error:
            self.queue.put_back(WRITE_ATTEMPTS, str(error))
            raise
        refused = [write for write, no in zip(batch, refusals, strict=True) if no is not None]
        refusal = next(filter(None, refusals), None)
        self.queue.settle(refused, REFUSED_ATTEMPTS, str(refusal))
        self.written += len(batch) - len(refused)
        self._note_refusal(refusal)
        if len(refused) == len(batch):
            await self._pause_after_refusal()
        else:
            self._unpersisted.end_episode()

    def _note_refusal(self, refusal: RefusedError | None) -> None:
        """Log once that Valkey refuses writes, and once that it accepts them again."""
        if refusal is not None and not self._refusals_in_a_row:
            log.warning("[Cache] Valkey refuses writes: %s", refusal)
        elif refusal is None and self._refusals_in_a_row:
            log.info("[Cache] Valkey takes writes again")
        self._refusals_in_a_row = self._refusals_in_a_row + 1 if refusal is not None else 0

    async def _pause_after_refusal(self) -> None:
        longer = RETRY_AFTER_S * 2.0 ** min(self._refusals_in_a_row - 1, 16)
        await self._pause(min(longer, REFUSED_RETRY_S))

    def _on_drop(self, write: Write, why: str) -> None:
        self._unpersisted.note(write.key, why)
