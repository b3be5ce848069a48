"""Write a project's modules, metrics and presentation objects as a whole."""

from dataclasses import dataclass, field

from wb_cli.server.db.pool import Databases
from wb_cli.server.db.results import ResultsObject
from wb_cli.server.db.writes_datasets import Rows, copy_rows
from wb_cli.server.db.writes_runs import create_results_object


@dataclass(frozen=True, slots=True)
class Contents:
    """The rows of a new project. The comments name the columns."""

    modules: Rows  # id, label
    results_objects: list[ResultsObject]
    metrics: Rows  # id, module, label, results object, value props, value function
    objects: Rows = field(repr=False)  # id, label, metric, config, last_updated


async def write_contents(databases: Databases, project_id: str, contents: Contents) -> None:
    """Fill a new project, all or nothing. Its modules have not run yet."""
    async with databases.connect(project_id) as connection, connection.transaction():
        await copy_rows(connection, "modules", contents.modules, ("id", "label"))
        for results in contents.results_objects:
            await create_results_object(connection, results)
        await copy_rows(connection, "metrics", contents.metrics)
        await copy_rows(connection, "presentation_objects", contents.objects)


async def analyze(databases: Databases, project_id: str) -> None:
    """Update the planner's statistics now, and do not wait for autovacuum."""
    async with databases.connect(project_id) as connection:
        await connection.execute("ANALYZE")


async def count_objects(databases: Databases, project_id: str) -> int:
    """How many presentation objects a project has."""
    async with databases.connect(project_id) as connection:
        return int(await connection.fetchval("SELECT count(*) FROM presentation_objects"))
