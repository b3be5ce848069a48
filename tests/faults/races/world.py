"""The instance that is written and read at once. Each value names the write that it belongs to."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from faults.races.facts import Fact, Rising

from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_projects import Project, create_project
from wb_cli.server.db.results import ResultsObject
from wb_cli.server.db.writes_runs import copy_results, create_results_object

PROJECT = "races"
HALVES = ("a", "b")
# A module's results object and metric bear its name. Items of so many months are compressed or not.
RUNS, EDITS, MORTAL, STILL = MODULES = ("runs", "edits", "mortal", "still")
MONTHS = {RUNS: 6, EDITS: 60, MORTAL: 6, STILL: 6}
YEARS = [str(year) for year in range(2020, 2026)]
# A metric of one module over another one's results; one that no object refers to.
CROSSED, LONE = "crossed", "lone"
METRICS = {**{module: module for module in MODULES}, CROSSED: EDITS, LONE: EDITS}
RESULTS = {**{module: module for module in MODULES}, CROSSED: RUNS, LONE: EDITS}
# An object that is deleted and inserted.
PASSING = "passing"
OBJECTS = {
    **{f"{metric}-{n}": metric for metric in (*MODULES, CROSSED) for n in range(2)},
    PASSING: EDITS,
}
# These change out of the sight of versions: only a clear makes the servers look again.
STILL_OBJECTS = [object_id for object_id, metric in OBJECTS.items() if metric == STILL]
DATASET_LABELS = ("raw", "common", "HFA")
FIRST_COLUMNS = ("ownership",)


def config(n: int) -> dict[str, Any]:
    """Make a config that fetches everything and contains its number."""
    years = {"dimension": "year", "values": [*YEARS, f"config {n}"]}
    return {"disaggregateBy": ["half", "period_id"], "filters": [years]}


def months(module: str) -> list[int]:
    """The months of a module's results."""
    return [(2020 + n // 12) * 100 + n % 12 + 1 for n in range(MONTHS[module])]


def rows(module: str, n: int) -> Iterator[tuple[Any, ...]]:
    """A module's results in their n-th state."""
    for half in HALVES:
        for month in months(module):
            yield half, f"{half}{n}", month, float(n)


def results_object(module: str) -> ResultsObject:
    """A module's results object."""
    return ResultsObject(module, module, f"Results of {module} 0", ("half", "zone"), ("count",))


@dataclass(eq=False)
class World:
    """Everything that is known of the written values."""

    facts: dict[str, Fact] = field(default_factory=dict)
    versions: dict[str, Rising] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in first_values():
            self[name].begin(value).known_at = 0
        for name in (*still_values(0), *still_labels(0)):
            self[name].is_hidden = True

    def __getitem__(self, name: str) -> Fact:
        return self.facts.setdefault(name, Fact(name))

    def version(self, name: str) -> Rising:
        """The version of that name."""
        return self.versions.setdefault(name, Rising(name))


def first_values() -> Iterator[tuple[str, Any]]:
    """Every fact, and its first value in the new instance."""
    for module in MODULES:
        yield f"module {module}", f"Module {module} 0"
        yield f"results object {module}", f"Results of {module} 0"
        yield from ((f"results {module} {half}", 0) for half in HALVES)
    for metric in METRICS:
        yield f"metric {metric}", f"Metric {metric} 0"
    for object_id in OBJECTS:
        yield f"label {object_id}", f"Object {object_id} 0"
        yield f"config {object_id}", 0
    for name in ("counts", "raw label", "common label", "ownership", "HFA values", "HFA label"):
        yield name, 0
    yield "facility columns", FIRST_COLUMNS
    yield from still_labels(0).items()


def still_values(n: int) -> dict[str, Any]:
    """The facts of the still module in their n-th state."""
    return {
        f"module {STILL}": f"Module {STILL} {n}",
        f"metric {STILL}": f"Metric {STILL} {n}",
        f"results object {STILL}": f"Results of {STILL} {n}",
        **{f"results {STILL} {half}": n for half in HALVES},
        **{f"label {object_id}": f"Object {object_id} {n}" for object_id in STILL_OBJECTS},
    }


def still_labels(n: int) -> dict[str, Any]:
    """The labels of the datasets' still indicators in their n-th state."""
    return {f"{kind} label of {STILL}": n for kind in DATASET_LABELS}


async def fill(databases: Databases) -> None:
    """Make the instance."""
    await create_project(databases, Project(PROJECT, "Races"))
    async with databases.connect(PROJECT) as connection:
        await fill_project(connection)
    async with databases.connect(MAIN_DATABASE) as connection:
        await connection.execute(DATASETS)


async def fill_project(connection: Any) -> None:
    """Modules, their results, metrics and objects."""
    for module in MODULES:
        await connection.execute(
            "INSERT INTO modules VALUES ($1, $2, now())", module, f"Module {module} 0"
        )
        results = results_object(module)
        await create_results_object(connection, results)
        await copy_results(connection, results, rows(module, 0))
    await connection.executemany(
        "INSERT INTO metrics VALUES ($1, $2, $3, $4, '{count}', 'avg')",
        [(metric, METRICS[metric], f"Metric {metric} 0", RESULTS[metric]) for metric in METRICS],
    )
    await connection.executemany(
        "INSERT INTO presentation_objects (id, label, metric_id, config) VALUES ($1, $2, $3, $4)",
        [(name, f"Object {name} 0", metric, config(0)) for name, metric in OBJECTS.items()],
    )


MAIN_DATABASE = "main"
DATASETS = """
    INSERT INTO raw_indicators VALUES ('raw', '0'), ('still', '0');
    INSERT INTO common_indicators VALUES ('common', '0'), ('still', '0');
    INSERT INTO indicator_mappings (common_id, raw_id) VALUES ('common', 'raw');
    INSERT INTO facilities (id, label, admin_area_1, admin_area_2, ownership, residence)
        VALUES ('f1', 'One', 'Here', 'Coast', '0', 'rural'),
               ('f2', 'Two', 'Here', 'Hills', '0', 'urban');
    INSERT INTO dataset_hmis SELECT f.id, 'raw', 202300 + month, 0
        FROM facilities f, generate_series(1, 12) month;
    INSERT INTO hfa_indicators VALUES ('power', '0'), ('still', '0');
    INSERT INTO dataset_hfa SELECT f.id, f.admin_area_2, 'power', '2023', 0 FROM facilities f;
    UPDATE instance_config SET facility_columns = '{ownership}';
"""
