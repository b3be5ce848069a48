"""Queries of the items that objects show, and of the values they can be replicated by."""

from enum import StrEnum
from typing import Any

from wb_cli.server.db.fetch_config import FetchConfig
from wb_cli.server.db.loaded import VersionedData, plain_rows
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.results import ResultsObject, read_results_object, results_bounds
from wb_cli.server.db.sql import quoted

MOST_ITEMS = 10_000  # more than any page can show
MOST_VALUES = 500


class ItemsStatus(StrEnum):
    """How a query of items ended. All three are answers, and are cached."""

    OK = "ok"
    TOO_MANY_ITEMS = "too_many_items"
    NO_DATA_AVAILABLE = "no_data_available"


class ValuesStatus(StrEnum):
    """How a query of a dimension's values ended."""

    OK = "ok"
    TOO_MANY_VALUES = "too_many_values"
    NO_VALUES_AVAILABLE = "no_values_available"


async def load_items(
    databases: Databases,
    project_id: str,
    results_object_id: str,
    fetch: FetchConfig,
    most: int = MOST_ITEMS,
) -> VersionedData:
    """The items of every object with this fetch config.

    Raises:
        InvalidConfigError: the config names a dimension or a value that the results object lacks.
    """
    async with databases.snapshot(project_id) as connection:
        source, run = await read_results_object(connection, results_object_id)
        query, parameters = items_query(source, fetch, most)
        rows = await connection.fetch(query, *parameters) if source.has_table else []
        bounds = await results_bounds(connection, source)
    status = _items_status(len(rows), most)
    return VersionedData(
        {
            "status": status.value,
            "resultsObjectId": source.id,
            "fetchConfig": fetch.to_json(),
            "periodBounds": bounds,
            "items": await plain_rows(rows) if status is ItemsStatus.OK else [],
        },
        run.settled,
    )


def items_query(source: ResultsObject, fetch: FetchConfig, most: int) -> tuple[str, list[Any]]:
    """The aggregation of a fetch config. Its limit is one row more than may be shown."""
    conditions, parameters = source.conditions(fetch)
    dimensions = [f"{source.dimension_sql(name)} AS {quoted(name)}" for name in fetch.group_by]
    values = [
        f"{fetch.value_func}({source.measure_sql(name)}) AS {quoted(name)}" for name in fetch.values
    ]
    places = ", ".join(str(place + 1) for place in range(len(dimensions)))
    grouped = f"GROUP BY {places} ORDER BY {places}" if places else "HAVING count(*) > 0"
    query = (
        f"SELECT {', '.join(dimensions + values)} FROM {quoted(source.table)} "
        f"WHERE {conditions} {grouped} LIMIT {most + 1:d}"
    )
    return query, parameters


async def load_replicant_options(
    databases: Databases,
    project_id: str,
    results_object_id: str,
    replicate_by: str,
    fetch: FetchConfig,
) -> VersionedData:
    """The values of a dimension for which the fetch config has data."""
    others = fetch.without_filter(replicate_by)
    async with databases.snapshot(project_id) as connection:
        source, run = await read_results_object(connection, results_object_id)
        values = await distinct_values(connection, source, replicate_by, others)
    return VersionedData({"replicateBy": replicate_by, **values}, run.settled)


async def distinct_values(
    connection: Any, source: ResultsObject, dimension: str, fetch: FetchConfig | None = None
) -> dict[str, Any]:
    """A dimension's values, sorted, and the status. Too many values are left out."""
    conditions, parameters = source.conditions(fetch) if fetch else ("true", [])
    query = (
        f"SELECT DISTINCT {source.dimension_sql(dimension)} AS value FROM {quoted(source.table)} "
        f"WHERE {conditions} ORDER BY 1 LIMIT {MOST_VALUES + 1}"
    )
    rows = await connection.fetch(query, *parameters) if source.has_table else []
    if not rows:
        return {"status": ValuesStatus.NO_VALUES_AVAILABLE.value, "values": []}
    if len(rows) > MOST_VALUES:
        return {"status": ValuesStatus.TOO_MANY_VALUES.value, "values": []}
    return {"status": ValuesStatus.OK.value, "values": [row["value"] for row in rows]}


def _items_status(found: int, most: int) -> ItemsStatus:
    if not found:
        return ItemsStatus.NO_DATA_AVAILABLE
    return ItemsStatus.OK if found <= most else ItemsStatus.TOO_MANY_ITEMS
