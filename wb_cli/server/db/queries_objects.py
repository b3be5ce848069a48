"""Presentation objects: one in full, with everything that it refers to."""

from typing import Any

from wb_cli.server.db.loaded import Loaded
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_versions import found
from wb_cli.server.fetch_config import InvalidConfigError, fetch_config

# One statement sees one moment, so this needs no transaction. Nothing of the module's run is in it:
# the version of a detail is the object's `last_updated` alone.
DETAIL = """
    SELECT po.id, po.label, version_text(po.last_updated) AS last_updated, po.config,
           met.id AS metric_id, met.label AS metric_label, met.value_props, met.value_func,
           ro.id AS results_object_id, ro.label AS results_object_label, ro.dimensions, ro.measures,
           met.module_id, mod.label AS module_label
    FROM presentation_objects po
    JOIN metrics met ON met.id = po.metric_id
    JOIN results_objects ro ON ro.id = met.results_object_id
    LEFT JOIN modules mod ON mod.id = met.module_id
    WHERE po.id = $1
"""


async def load_object_detail(databases: Databases, project_id: str, object_id: str) -> Loaded:
    """An object with its metric, module and results object, and what it fetches."""
    async with databases.connect(project_id) as connection:
        row = await connection.fetchrow(DETAIL, object_id)
    found(row, "presentation object", object_id)
    return Loaded({"projectId": project_id, **_detail(row)}, row["last_updated"])


def _detail(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "label": row["label"],
        "lastUpdated": row["last_updated"],
        "config": row["config"],
        **_fetching(row),
        "metric": {
            "id": row["metric_id"],
            "label": row["metric_label"],
            "valueProps": row["value_props"],
            "valueFunc": row["value_func"],
        },
        "module": {"id": row["module_id"], "label": row["module_label"]},
        "resultsObject": {
            "id": row["results_object_id"],
            "label": row["results_object_label"],
            "dimensions": row["dimensions"],
            "measures": row["measures"],
        },
    }


def _fetching(row: Any) -> dict[str, Any]:
    """What the object fetches. A config that is wrong must still open, or nobody could mend it."""
    try:
        fetch = fetch_config(row["config"], row["value_props"], row["value_func"])
    except InvalidConfigError as error:
        return {"fetchConfig": None, "configProblem": error.message}
    return {"fetchConfig": fetch.to_json(), "configProblem": None}
