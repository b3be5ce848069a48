"""Load a sample into an instance's databases, over an older sample but never over real data."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from wb_cli.errors import UsageError
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_projects import (
    Project,
    create_project,
    list_projects,
    remove_project,
)
from wb_cli.server.db.writes_datasets import (
    Rows,
    has_datasets,
    read_sample_mark,
    replace_datasets,
    write_sample_mark,
)
from wb_cli.server.db.writes_project import Contents, analyze, count_objects, write_contents
from wb_cli.server.db.writes_runs import begin_module_run, complete_module_run, replace_results
from wb_cli.server.sample.country import COMMON_INDICATORS, HFA_INDICATORS, Country
from wb_cli.server.sample.modules import MODULES, rows_of
from wb_cli.server.sample.objects import objects
from wb_cli.server.sample.size import Size

log = logging.getLogger(__name__)

FACILITY_COLUMNS = ("facility_type", "ownership")


async def load(databases: Databases, size: Size, *, replace: bool = False) -> bool:
    """Make the instance hold this sample; whether it had to be loaded.

    Args:
        databases: where to load it. They are ready.
        size: how much data, and from which seed.
        replace: whether to replace datasets and projects that no sample made.

    Raises:
        UsageError: there is data that no sample made.
    """
    if await is_loaded(databases, size):
        log.info("[Sample] Already there: %s", size)
        return False
    if not replace:
        await refuse_real_data(databases, size)
    await write_sample_mark(databases, {"complete": False})
    await remove_old_sample(databases, size)
    country = Country(size)
    await load_datasets(databases, country)
    for number, project_id in enumerate(size.project_ids()):
        await load_project(databases, country, number, project_id)
    await write_sample_mark(databases, complete(size))
    log.info("[Sample] Loaded: %s", size)
    return True


async def is_loaded(databases: Databases, size: Size) -> bool:
    """Whether this sample was loaded to its end and has all its objects."""
    if await read_sample_mark(databases) != complete(size):
        return False
    known = {project.id for project in await list_projects(databases)}
    if not known >= set(size.project_ids()):
        return False
    counts = [await count_objects(databases, project_id) for project_id in size.project_ids()]
    return sum(counts) == size.objects


async def refuse_real_data(databases: Databases, size: Size) -> None:
    """Raise if loading would overwrite data that no sample made."""
    taken = [
        project.id
        for project in await list_projects(databases)
        if not project.is_sample and project.id in size.project_ids()
    ]
    if taken:
        raise UsageError(f"not a sample's: project {', '.join(taken)}", "--replace removes it")
    if await read_sample_mark(databases) is None and await has_datasets(databases):
        raise UsageError(
            "this instance holds datasets that no sample made",
            "--replace puts the sample's in their place; there is no way back but a backup",
        )


async def remove_old_sample(databases: Databases, size: Size) -> None:
    """Remove the projects that a sample made, and projects whose ids this sample needs."""
    for project in await list_projects(databases):
        if project.is_sample or project.id in size.project_ids():
            await remove_project(databases, project.id)
            log.info("[Sample] Removed project %s", project.id)


async def load_datasets(databases: Databases, country: Country) -> None:
    """Facilities, indicators, HMIS and HFA."""
    mappings = [
        (common, raw) for common in COMMON_INDICATORS for raw, _ in country.raw_indicators
        if raw.rpartition("_")[0] == common
    ]  # fmt: skip
    hmis = list(country.hmis())
    rows: dict[str, Rows] = {
        "facilities": country.facilities,
        "raw_indicators": country.raw_indicators,
        "common_indicators": list(COMMON_INDICATORS.items()),
        "indicator_mappings": mappings,
        "hfa_indicators": list(HFA_INDICATORS.items()),
        "dataset_hmis": hmis,
        "dataset_hfa": country.hfa(),
    }
    await replace_datasets(databases, rows, FACILITY_COLUMNS)
    log.info("[Sample] %d facilities, %d HMIS rows", len(country.facilities), len(hmis))


async def load_project(
    databases: Databases, country: Country, number: int, project_id: str
) -> None:
    """One project: definitions, objects, and a run of each module that has run."""
    size = country.size
    await create_project(
        databases, Project(project_id, f"Sample project {number + 1}", is_sample=True)
    )
    await write_contents(databases, project_id, contents(size, number, project_id))
    for module in filter(lambda module: module.has_run, MODULES):
        results = module.metrics[0].results
        await begin_module_run(databases, project_id, module.id)
        rows = list(rows_of(results, country, size.chance(project_id, results.id)))
        await replace_results(databases, project_id, results.id, rows)
        await complete_module_run(databases, project_id, module.id)
        log.info("[Sample] %s: %d rows of %s", project_id, len(rows), results.label.lower())
    await analyze(databases, project_id)
    log.info("[Sample] %s: %d objects", project_id, size.objects_of(number))


def contents(size: Size, number: int, project_id: str) -> Contents:
    """A project's definitions and objects."""
    return Contents(
        modules=[(module.id, module.label) for module in MODULES],
        results_objects=[module.metrics[0].results for module in MODULES],
        metrics=[
            (
                metric.id,
                module.id,
                metric.label,
                metric.results.id,
                metric.value_props,
                metric.value_func,
            )
            for module in MODULES
            for metric in module.metrics
        ],
        objects=list(object_rows(size, number, project_id)),
    )


def object_rows(size: Size, number: int, project_id: str) -> Iterator[tuple[Any, ...]]:
    """The rows of objects that were last changed within the year before now.

    Versions count from now and not from a fixed day. Otherwise cached entries of an older sample
    would pass for entries of this sample.
    """
    chance = size.chance(project_id, "objects")
    now = datetime.now(UTC)
    for made in objects(size.objects_of(number), chance):
        age = timedelta(days=chance.uniform(0, 365))
        yield made.id, made.label, made.metric_id, made.config, now - age


def complete(size: Size) -> dict[str, Any]:
    """The mark of a sample that was loaded to its end."""
    return {**size.mark(), "complete": True}
