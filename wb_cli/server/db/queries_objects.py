"""The query of a presentation object's detail, with everything that it refers to."""

from typing import Any

from wb_cli.server.cache import UnfaithfulValueError
from wb_cli.server.cache.lossless import to_json
from wb_cli.server.db.address import Undecodable
from wb_cli.server.db.fetch_config import InvalidConfigError, fetch_config
from wb_cli.server.db.loaded import VersionedData
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.sql import require_row

# One statement sees one snapshot, so this needs no transaction. The module's run is not part of it,
# because the version of a detail is the object's `last_updated` alone.
DETAIL = """
    SELECT po.id, po.label, version_text(po.last_updated) AS last_updated, po.config,
           po.config::text AS config_text,
           met.id AS metric_id, met.label AS metric_label, met.value_props, met.value_func,
           ro.id AS results_object_id, ro.label AS results_object_label, ro.dimensions, ro.measures,
           met.module_id, mod.label AS module_label
    FROM presentation_objects po
    JOIN metrics met ON met.id = po.metric_id
    JOIN results_objects ro ON ro.id = met.results_object_id
    LEFT JOIN modules mod ON mod.id = met.module_id
    WHERE po.id = $1
"""


async def load_object_detail(
    databases: Databases, project_id: str, object_id: str
) -> VersionedData:
    """An object with its metric, module and results object, and what it fetches."""
    async with databases.connect(project_id) as connection:
        row = await connection.fetchrow(DETAIL, object_id)
    require_row(row, "presentation object", object_id)
    return VersionedData({"projectId": project_id, **_detail(row)}, row["last_updated"])


def _detail(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "label": row["label"],
        "lastUpdated": row["last_updated"],
        **_config(row),
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


def _config(row: Any) -> dict[str, Any]:
    """The config and what it fetches. A wrong config is shown too, so that it can be mended.

    PostgreSQL's JSON may hold values that other JSON readers change or refuse, such as numbers
    past 53 bits. A config with such a value is shown as text.
    """
    fetching, why_not = _fetching(row), _why_not_json(row["config"])
    if why_not is None:
        return {"config": row["config"], "configText": None, **fetching}
    fetching["configProblem"] = why_not
    return {"config": None, "configText": row["config_text"], **fetching}


def _why_not_json(config: Any) -> str | None:
    """Why an answer cannot carry a config as JSON; None if it can."""
    if isinstance(config, Undecodable):
        return f"not an object's config: {config!r}"
    try:
        to_json({"data": {"config": config}})
    except UnfaithfulValueError as error:
        return str(error)
    return None


def _fetching(row: Any) -> dict[str, Any]:
    try:
        fetch = fetch_config(row["config"], row["value_props"], row["value_func"])
    except InvalidConfigError as error:
        return {"fetchConfig": None, "configProblem": error.message}
    return {"fetchConfig": fetch.to_json(), "configProblem": None}
