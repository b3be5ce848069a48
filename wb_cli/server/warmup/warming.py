"""The warm-up: it reads versions, one query for each project, then asks L2, then the database.

The server answers meanwhile. A request gets its entry at once, and the warm-up later finds the
entry in L1.
"""

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from itertools import islice

from wb_cli.server.cache import Hydration, LinkState, ValkeyLink
from wb_cli.server.db.errors import DatabaseUnavailableError
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_projects import Project, list_projects
from wb_cli.server.db.queries_versions import (
    RUN_ENDS_WITHIN_H,
    ObjectVersion,
    read_dataset_versions,
    read_object_versions,
)
from wb_cli.server.process.collector import keep_for_good, uncollected, young_alone
from wb_cli.server.results.caches import Caches
from wb_cli.server.warmup.jobs import Batch, Job, Planner, most_recent_first
from wb_cli.server.warmup.loading import Loading
from wb_cli.server.warmup.progress import DATASETS, Phase, Progress, Tally

log = logging.getLogger(__name__)

DATABASE_WITHIN_S = 60.0
AGAIN_AFTER_S = 1.0
AGAIN_AFTER_FAILURE_S = 10.0
# A healthy Valkey answers at once. A Valkey that reads a large snapshot is worth the wait.
VALKEY_WITHIN_S = 1.0
SNAPSHOT_WITHIN_S = 60.0
ENTRIES_AT_ONCE = 512
JOBS_AT_ONCE = 256


class WarmUp:
    """Fills L1 once with all known entries."""

    def __init__(
        self, databases: Databases, valkey: ValkeyLink, caches: Caches, concurrency: int
    ) -> None:
        self.progress = Progress()
        self._databases = databases
        self._valkey = valkey
        self._caches = caches
        self._concurrency = concurrency
        self._planner = Planner(databases, list(caches.declared.values()))

    async def run(self) -> None:
        """Warm up. If the database goes away, begin again and keep the entries that are there."""
        while True:
            await self._wait_for_database()
            try:
                return await self._warm()
            except DatabaseUnavailableError as error:
                log.warning("[Warm-up] Begins again: %s", error.message)
                await self._pause(error.message, AGAIN_AFTER_S)
            except Exception as error:
                log.exception("[Warm-up] Failed, and begins again in %d s", AGAIN_AFTER_FAILURE_S)
                await self._pause(f"{type(error).__name__}: {error}", AGAIN_AFTER_FAILURE_S)

    async def _pause(self, problem: str, seconds: float) -> None:
        self.progress.problem = problem
        self.progress.enter(Phase.WAITING)
        await asyncio.sleep(seconds)

    async def _warm(self) -> None:
        progress = self.progress
        progress.enter(Phase.VERSIONS)
        # Taken before the versions are read, so that entries of later requests are newer.
        order = self._caches.order()
        with uncollected():
            batches = await self._read_versions()
            progress.enter(Phase.L2)
            await self._wait_for_valkey()
            missing = [job for batch in batches for job in await self._hydrate(batch, order)]
        progress.enter(Phase.DATABASE)
        log.info("[Warm-up] Ready: %s", progress.summary())
        with young_alone():
            await Loading(self._caches, order).run(most_recent_first(missing), self._concurrency)
        keep_for_good()
        progress.enter(Phase.DONE)
        progress.problem = ""
        log.info("[Warm-up] Done: %s", progress.summary())

    async def _wait_for_database(self) -> None:
        while True:
            try:
                return await self._databases.wait_until_ready(DATABASE_WITHIN_S)
            except DatabaseUnavailableError as error:
                log.warning("[Warm-up] Waits: %s", error.message)

    async def _wait_for_valkey(self) -> None:
        """Wait for Valkey only as long as it may still become ready."""
        if await self._valkey.wait_ready(VALKEY_WITHIN_S) or not self._is_loading():
            return
        log.info("[Warm-up] Waits for Valkey to read its snapshot")
        deadline = time.monotonic() + SNAPSHOT_WITHIN_S
        while self._is_loading() and time.monotonic() < deadline:
            await self._valkey.wait_ready(VALKEY_WITHIN_S)

    def _is_loading(self) -> bool:
        return self._valkey.state is LinkState.LOADING

    async def _read_versions(self) -> list[Batch]:
        self.progress.tallies.clear()
        projects = await list_projects(self._databases)
        batches = [await self._project(project) for project in projects]
        datasets = self._batch(DATASETS, "Datasets")
        await self._datasets(datasets)
        return [*batches, datasets]

    async def _project(self, project: Project) -> Batch:
        """The jobs of a project. If it cannot be read, log it and go on with the others."""
        batch = self._batch(project.id, project.label)
        try:
            known = await read_object_versions(self._databases, project.id)
        except DatabaseUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001  (any error concerns this project alone)
            batch.fail()
            log.error("[%s] Cannot be warmed: %s", project.label, error)  # noqa: TRY400
            return batch
        note_unfinished_runs(known, batch)
        await self._planner.add_objects(project, known, batch)
        return batch

    async def _datasets(self, batch: Batch) -> None:
        try:
            self._planner.add_datasets(await read_dataset_versions(self._databases), batch)
        except DatabaseUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001  (the projects are warmed all the same)
            batch.fail()
            log.error("[Datasets] Cannot be warmed: %s", error)  # noqa: TRY400

    def _batch(self, name: str, label: str) -> Batch:
        return Batch(self.progress.tallies.setdefault(name, Tally(label)))

    async def _hydrate(self, batch: Batch, order: int) -> list[Job]:
        """Fill L1 with the entries of a batch that L2 has. Returns the jobs that lack entries."""
        began = time.perf_counter()
        missing: set[tuple[str, str]] = set()
        for name, versions in batch.versions.items():
            for part in parts_of(versions):
                found = await self._hydrate_one(batch.tally, name, part, order)
                missing.update((name, uniqueness) for uniqueness in found.missing)
        left = await jobs_left(batch.jobs, missing)
        log_hydrated(batch, left, time.perf_counter() - began)
        return left

    async def _hydrate_one(
        self, tally: Tally, name: str, versions: dict[str, str], order: int
    ) -> Hydration:
        result = await self._caches[name].hydrate_many(versions, order=order)
        tally.from_l2 += len(result.hydrated)
        tally.held += len(result.held)
        return result


def note_unfinished_runs(known: Sequence[ObjectVersion], batch: Batch) -> None:
    """Log the modules whose last run began long ago and was never completed."""
    modules = sorted({version.module_id for version in known if version.run.is_unfinished})
    batch.tally.unfinished_runs = len(modules)
    for module_id in modules:
        log.warning(
            "[%s] Module %s: a run that began over %d h ago was never completed. Its results are "
            "shown as they are; complete the run, or run the module again",
            batch.tally.label,
            module_id,
            RUN_ENDS_WITHIN_H,
        )


def parts_of(versions: dict[str, str]) -> Iterator[dict[str, str]]:
    """Split the versions into parts of a few hundred, so that a part does not delay the loop."""
    rest = iter(versions.items())
    while part := dict(islice(rest, ENTRIES_AT_ONCE)):
        yield part


async def jobs_left(jobs: Sequence[Job], missing: set[tuple[str, str]]) -> list[Job]:
    """The jobs that still lack entries. Their other queries are dropped.

    Queries are dropped a few at a time, even if nothing is missing. To free thousands of them at
    once would delay the loop.
    """
    left: list[Job] = []
    for start in range(0, len(jobs), JOBS_AT_ONCE):
        left += [job for job in jobs[start : start + JOBS_AT_ONCE] if drop_found(job, missing)]
        await asyncio.sleep(0)
    return left


def drop_found(job: Job, missing: set[tuple[str, str]]) -> bool:
    """Leave a job only the queries of missing entries; whether there are any."""
    job.queries = [
        query for query in job.queries if (query.key.cache, query.key.uniqueness) in missing
    ]
    return bool(job.queries)


def log_hydrated(batch: Batch, left: Sequence[Job], seconds: float) -> None:
    """Log a summary of a batch. At the level debug, log a line for each object too."""
    unfinished = set(map(id, left))
    told = [job for job in batch.jobs if job.is_dataset or log.isEnabledFor(logging.DEBUG)]
    for job in told:
        if id(job) not in unfinished:
            log.log(logging.INFO if job.is_dataset else logging.DEBUG, "%s", job.hydrated())
    if batch.jobs:
        found = len(batch.jobs) - len(left)
        log.info(
            "[%s] %d of %d objects from Valkey in %.2f s, %d to load",
            batch.tally.label,
            found,
            len(batch.jobs),
            seconds,
            len(left),
        )
