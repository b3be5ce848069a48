"""The small project that the tests of the database work on."""

from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_projects import Project, create_project
from wb_cli.server.db.results import ResultsObject
from wb_cli.server.db.writes_runs import copy_results, create_results_object

PROJECT = "malaria"
VISITS = ResultsObject(
    "visits", "m1", "Visits", ("indicator_id", "admin_area_2"), ("count", "rate")
)
ROWS = [
    (indicator, area, period, count, count / 10)
    for indicator, weight in (("anc1", 1), ("opd", 10))
    for area, size in (("North", 1), ("South", 2))
    for period, count in ((202311, weight * size), (202312, 2 * weight * size), (202401, 4.0))
]


async def fill(databases: Databases) -> None:
    """Make a project: a module that has run, a module that has not, and a missing module."""
    await create_project(databases, Project(PROJECT, "Malaria"))
    async with databases.connect(PROJECT) as connection:
        await connection.execute("INSERT INTO modules VALUES ('m1', 'Counts', now())")
        await connection.execute("INSERT INTO modules VALUES ('m2', 'Never ran')")
        await create_results_object(connection, VISITS)
        await copy_results(connection, VISITS, ROWS)
        for results_object, module in (("idle", "m2"), ("ghost", "nowhere")):
            empty = ResultsObject(results_object, module, "Empty", ("indicator_id",), ("count",))
            await create_results_object(connection, empty)
        await connection.execute(
            """INSERT INTO metrics VALUES
            ('visits', 'm1', 'Visits', 'visits', '{count,rate}', 'sum'),
            ('idle', 'm2', 'Idle', 'idle', '{count}', 'avg'),
            ('ghost', 'nowhere', 'Ghost', 'ghost', '{count}', 'sum')"""
        )
        await connection.executemany(
            "INSERT INTO presentation_objects (id, label, metric_id, config) VALUES ($1,$2,$3,$4)",
            [
                ("table", "A table", "visits", {"disaggregateBy": ["indicator_id", "period_id"]}),
                ("copy", "Same data", "visits", {"disaggregateBy": ["period_id", "indicator_id"]}),
                ("idle", "Of an idle module", "idle", {"disaggregateBy": ["indicator_id"]}),
                ("ghost", "Of a missing module", "ghost", {}),
            ],
        )
