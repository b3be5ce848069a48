"""The warm-up's jobs: one for each object or dataset. No two jobs have the same entry."""

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

# An object takes about 80 us, half of it for its fetch config. Then the loop gets a turn.
OBJECTS_IN_A_ROW = 50
SKIPS_TOLD = 100  # for each project


@dataclass(slots=True)
class Job:
    """The entries of one object or dataset, which the log reports in one line."""

    tally: Tally
    label: str
    updated: str
    queries: list[CachedQuery]
    metric_id: str = ""

    def __str__(self) -> str:
        return f"[{self.tally.label}] {self.label}"

    @property
    def is_dataset(self) -> bool:
        """Whether the job is for a dataset, which has no metric."""
        return not self.metric_id

    def warmed(self, what: str) -> str:
        """The line that an operator looks for. It says that the database was asked."""
        if self.is_dataset:
            return f"Warmed {_dataset_line(self.label, '')}"
        label = self.tally.label
        return f"[{label}] Warmed cache for PO: {self.label} (RV: {self.metric_id}) - {what}"

    def hydrated(self) -> str:
        """The same line for a job whose entries came from Valkey."""
        if self.is_dataset:
            return f"Warmed {_dataset_line(self.label, ' from Valkey')}"
        return f"{self}: from Valkey"


def _dataset_line(label: str, origin: str) -> str:
    name, _, kind = label.partition(", ")
    return f"{name} dataset cache{origin}" + (f" ({kind})" if kind else "")


class Skips:
    """Logs the objects that are skipped: each object once, and the first of a project alone."""

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
    """The jobs of one project or of the datasets, and their versions by cache and uniqueness."""

    tally: Tally
    jobs: list[Job] = field(default_factory=list)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(
        self, label: str, updated: str, queries: Iterable[CachedQuery], metric_id: str = ""
    ) -> None:
        """Add a job for the entries that no earlier job has."""
        new = [query for query in queries if self._is_new(query.key)]
        self.jobs.append(Job(self.tally, label, updated, new, metric_id))
        self.tally.objects += 1
        self.tally.entries += len(new)

    def fail(self) -> None:
        """Count an entry that could not be prepared."""
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
    """Makes the jobs. A job has an entry of each cache that declares one for its object."""

    databases: Databases
    declared: Sequence[Declaration[Any]]
    skips: Skips = field(default_factory=Skips)

    async def add_objects(
        self, project: Project, known: Sequence[ObjectVersion], batch: Batch
    ) -> None:
        """Fill a batch with a project's objects. Log the objects that have nothing to show yet."""
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
        """Add an object's entries. An entry that cannot be prepared is logged and left out."""
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
        """Fill a batch with the datasets, if there are any."""
        for cache in self.declared:
            for label, subject in cache.of_datasets(known).items():
                batch.add(label, "", [cache.query(self.databases, subject)])


def reason_to_skip(known: ObjectVersion) -> str | None:
    """Why an object cannot be warmed now; None if it can."""
    if known.run.is_running:
        return "module is running"
    return None if known.run.last_run else "module has not run yet"


def most_recent_first(jobs: Iterable[Job]) -> list[Job]:
    """The jobs, the last updated object first, because users look at it next. Datasets are last."""
    return sorted(jobs, key=lambda job: job.updated, reverse=True)
