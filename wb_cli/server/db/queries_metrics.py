"""The query of a metric's info: what an editor of objects can ask of the metric."""

from wb_cli.server.db.loaded import VersionedData
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_items import distinct_values
from wb_cli.server.db.results import PERIOD_SQL, read_results_object, results_bounds
from wb_cli.server.db.sql import require_row


async def load_metric_info(databases: Databases, project_id: str, metric_id: str) -> VersionedData:
    """A metric's values, its disaggregations with their possible values, and its months."""
    async with databases.snapshot(project_id) as connection:
        metric = require_row(
            await connection.fetchrow(
                """SELECT id, label, results_object_id, value_props, value_func
                FROM metrics WHERE id = $1""",
                metric_id,
            ),
            "metric",
            metric_id,
        )
        source, run = await read_results_object(connection, metric["results_object_id"])
        disaggregations = [
            {"dimension": name, **await distinct_values(connection, source, name)}
            for name in source.dimensions
        ]
        bounds = await results_bounds(connection, source)
    return VersionedData(
        {
            "metricId": metric["id"],
            "label": metric["label"],
            "resultsObjectId": source.id,
            "valueProps": metric["value_props"],
            "valueFunc": metric["value_func"],
            "disaggregations": disaggregations,
            "periods": list(PERIOD_SQL),
            "periodBounds": bounds,
        },
        run.settled,
    )
