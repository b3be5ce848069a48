"""What the warm-up has to do: a job for each object or dataset, each distinct entry in one job."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from wb_cli.server.db.fetch_config import InvalidConfigError
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_projects import Project
from wb_cli.server.db.queries_versions import DatasetVersions, ObjectVersion
from wb_cli.server.results.names import CacheKey
from wb_cli.server.results.wants import CachedQuery, Declaration, ObjectOf
from wb_cli.server.warmup.progress import Tally

log = logging.getLogger(__name__)

# An object takes about 80 us, of which hashing its fetch config half; then the loop gets a turn.
OBJECTS_IN_A_ROW = 50
SKIPS_TOLD = 100  # for each project


@dataclass(slots=True)
class Job:
    """What is to be done for one object or dataset, told in one line of the log."""

    tally: Tally
    label: str
    updated: str
    queries: list[CachedQuery]
    metric_id: str = ""

    def __str__(self) -> str:
        return f"[{self.tally.label}] {self.label}"

    @property
    def is_dataset(self) -> bool:
        """Whether it is one of the datasets, which have no metric."""
        return not self.metric_id

    def warmed(self, what: str) -> str:
        """The line that an operator looks for: that it was loaded from the database."""
        if self.is_dataset:
            return f"Warmed {_dataset_line(self.label, '')}"
        label = self.tally.label
        return f"[{label}] Warmed cache for PO: {self.label} (RV: {self.metric_id}) - {what}"

    def hydrated(self) -> str:
        """The same, from Valkey."""
        if self.is_dataset:
            return f"Warmed {_dataset_line(self.label, ' from Valkey')}"
        return f"{self}: from Valkey"


def _dataset_line(label: str, origin: str) -> str:
    name, _, kind = label.partition(", ")
    return f"{name} dataset cache{origin}" + (f" ({kind})" if kind else "")


class Skips:
    """Tells of each object that cannot be warmed once, and of a project's first ones alone."""

    def __init__(self) -> None:
        self._told: dict[str, set[tuple[str, str]]] = {}

    def tell(self, project: Project, known: ObjectVersion, why: str) -> None:
        """Log that an object is skipped, unless an earlier attempt did."""
        told = self._told.setdefault(project.id, set())
        if len(told) > SKIPS_TOLD or (known.id, why) in told:
            return
        told.add((known.id, why))
        if len(told) <= SKIPS_TOLD:
            log.info("[%s] Skipped PO (%s): %s", project.label, known.label, why)
        else:
            log.info("[%s] Skipped more POs; /health_check counts them", project.label)


@dataclass(slots=True)
class Batch:
    """The jobs of one project, or of the datasets; its versions by cache and uniqueness."""

    tally: Tally
    jobs: list[Job] = field(default_factory=list)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(
        self, label: str, updated: str, queries: Iterable[CachedQuery], metric_id: str = ""
    ) -> None:
        """Take up what nobody before has wanted already."""
        new = [query for query in queries if self._is_new(query.key)]
        self.jobs.append(Job(self.tally, label, updated, new, metric_id))
        self.tally.objects += 1
        self.tally.entries += len(new)

    def fail(self) -> None:
        """Count something that could not even be prepared."""
        self.tally.entries += 1
        self.tally.failed += 1

    def _is_new(self, key: CacheKey) -> bool:
        known = self.versions.setdefault(key.cache, {})
        if key.version is None or key.uniqueness in known:
            return False
        known[key.uniqueness] = key.version
        return True


@dataclass(frozen=True, slots=True)
class Planner:
    """Makes the jobs: for each object or dataset, an entry in each cache that declares one."""

    databases: Databases
    declared: Sequence[Declaration[Any]]
    skips: Skips = field(default_factory=Skips)

    async def add_objects(
        self, project: Project, known: Sequence[ObjectVersion], batch: Batch
    ) -> None:
        """Fill a batch with a project's objects; those with nothing to show yet are named."""
        for count, each in enumerate(known, 1):
            why_not = reason_to_skip(each)
            if why_not:
                batch.tally.skipped += 1
                self.skips.tell(project, each, why_not)
            else:
                self.add_object(project, each, batch)
            if count % OBJECTS_IN_A_ROW == 0:
                await asyncio.sleep(0)

    def add_object(self, project: Project, known: ObjectVersion, batch: Batch) -> None:
        """An object's entries. One that cannot be prepared is named, and harms no other."""
        of, made = ObjectOf(project.id, known), []
        for cache in self.declared:
            if cache.of_object is None:
                continue
            try:
                made.append(cache.query(self.databases, cache.of_object(of)))
            except InvalidConfigError as error:
                batch.fail()
                log.warning(
                    "[%s] %s has no %s: %s", project.label, known.label, cache.label, error.message
                )
            except Exception:
                batch.fail()
                log.exception("[%s] %s cannot be prepared", project.label, known.label)
        batch.add(known.label, known.last_updated, made, known.metric_id)

    def add_datasets(self, known: DatasetVersions, batch: Batch) -> None:
        """Fill a batch with the datasets that there are."""
        for cache in self.declared:
            for label, subject in cache.of_datasets(known).items():
                batch.add(label, "", [cache.query(self.databases, subject)])


def reason_to_skip(known: ObjectVersion) -> str | None:
    """Why an object cannot be warmed now, if so."""
    if known.run.is_running:
        return "module is running"
    return None if known.run.last_run else "module has not run yet"


def most_recent_first(jobs: Iterable[Job]) -> list[Job]:
    """Those that somebody worked on lately are those that are looked at next; datasets last."""
    return sorted(jobs, key=lambda job: job.updated, reverse=True)
