"""The warm-up's last part: load the entries that L2 lacked, a few at a time."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import Any

from wb_cli.server.db.errors import DatabaseUnavailableError
from wb_cli.server.db.queries_items import ItemsStatus
from wb_cli.server.results.caches import Caches
from wb_cli.server.results.declared import PO_ITEMS
from wb_cli.server.results.wants import CachedQuery
from wb_cli.server.warmup.jobs import Job

log = logging.getLogger(__name__)


class Loading:
    """Works through jobs, a few at a time. Requests go first.

    Args:
        caches: the caches to fill.
        order: the order that was taken before the versions were read.
    """

    def __init__(self, caches: Caches, order: int) -> None:
        self._caches = caches
        self._order = order
        self._lost: DatabaseUnavailableError | None = None

    async def run(self, jobs: Sequence[Job], concurrency: int) -> None:
        """Do all jobs.

        Raises:
            DatabaseUnavailableError: the database went away. The loaded entries stay.
        """
        queue = iter(jobs)
        async with asyncio.TaskGroup() as workers:
            for _ in range(concurrency):
                workers.create_task(self._work(queue))
        if self._lost:
            raise self._lost

    async def _work(self, queue: Iterator[Job]) -> None:
        for job in queue:
            try:
                await self._do(job)
            except DatabaseUnavailableError as error:
                self._lost = error
            if self._lost:
                return

    async def _do(self, job: Job) -> None:
        loaded: dict[str, str] = {}
        for query in job.queries:
            await self._caches.precedence.turn()
            text = await self._load(job, query)
            if text:
                loaded[query.key.cache] = text
        job.queries.clear()  # free the memory now, and not for all jobs at the end
        if loaded:
            what = loaded.get(PO_ITEMS.name) or ", ".join(loaded.values())
            log.info("%s", job.warmed(what))

    async def _load(self, job: Job, query: CachedQuery) -> str | None:
        """Fill one entry. Returns a text for the log if the database was asked."""
        label = self._caches.declared[query.key.cache].label
        heard: list[Any] = []
        try:
            await self._caches.get(
                query, order=self._order, on_load=lambda loaded: heard.append(loaded.data)
            )
        except DatabaseUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001  (the other objects are warmed all the same)
            job.tally.failed += 1
            log.warning("%s: %s failed: %s", job, label, error)
            return None
        if not heard:
            job.tally.held += 1
            return None
        job.tally.from_database += 1
        return outcome(label, heard[0])


def outcome(name: str, data: Any) -> str:
    """``120 items``, ``TOO MANY ITEMS``, ``NO DATA``, or the name alone."""
    if "items" not in data:
        return name
    match data["status"]:
        case ItemsStatus.TOO_MANY_ITEMS:
            return "TOO MANY ITEMS"
        case ItemsStatus.NO_DATA_AVAILABLE:
            return "NO DATA"
        case _:
            return f"{len(data['items'])} items"
