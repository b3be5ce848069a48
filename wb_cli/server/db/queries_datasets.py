"""Queries of the datasets: HMIS by raw or common indicators, and HFA."""

from collections.abc import Sequence
from typing import Any, Literal

from wb_cli.server.db.address import MAIN
from wb_cli.server.db.errors import DatabaseError
from wb_cli.server.db.loaded import VersionedData, plain_rows
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_items import ItemsStatus
from wb_cli.server.db.queries_versions import dataset_versions
from wb_cli.server.db.results import period_bounds

IndicatorType = Literal["raw", "common"]
INDICATOR_TYPES: tuple[IndicatorType, ...] = ("raw", "common")
FACILITY_COLUMNS = ("facility_type", "ownership", "residence")

# Facilities are summed into areas first, so that an indicator's mapping multiplies fewer rows.
HMIS_BY_AREA = """
    SELECT h.raw_indicator_id, h.period_id, f.admin_area_2{columns},
           sum(h.count) AS count, count(*) AS records
    FROM dataset_hmis h JOIN facilities f ON f.id = h.facility_id
    GROUP BY h.raw_indicator_id, h.period_id, f.admin_area_2{columns}
"""
HMIS_ITEMS = {
    "raw": """
        SELECT raw_indicator_id AS indicator_id, period_id, admin_area_2{names},
               count::bigint, records
        FROM ({by_area}) f
        ORDER BY raw_indicator_id, period_id, admin_area_2{names}
    """,
    "common": """
        SELECT m.common_id AS indicator_id, period_id, admin_area_2{names},
               sum(count)::bigint AS count, sum(records)::bigint AS records
        FROM ({by_area}) f JOIN indicator_mappings m ON m.raw_id = f.raw_indicator_id
        GROUP BY m.common_id, period_id, admin_area_2{names}
        ORDER BY m.common_id, period_id, admin_area_2{names}
    """,
}
HFA_ITEMS = """
    SELECT indicator_id, time_point, admin_area_2, avg(value) AS value, count(*) AS facilities
    FROM dataset_hfa
    GROUP BY indicator_id, time_point, admin_area_2
    ORDER BY indicator_id, time_point, admin_area_2
"""


async def load_hmis_items(
    databases: Databases, indicator_type: IndicatorType, facility_columns: Sequence[str]
) -> VersionedData:
    """HMIS counts by indicator, month, area and the given facility columns."""
    query = hmis_query(indicator_type, facility_columns)
    async with databases.snapshot(MAIN) as connection:
        versions = await dataset_versions(connection)
        rows = await connection.fetch(query)
        labels = await _labels(connection, f"{indicator_type}_indicators")
        bounds = await period_bounds(connection, "dataset_hmis")
    data = {
        "indicatorType": indicator_type,
        "facilityColumns": sorted(facility_columns),
        "periodBounds": bounds,
        **await _items(rows, labels),
    }
    return VersionedData(data, versions.hmis)


async def load_hfa_items(databases: Databases) -> VersionedData:
    """HFA values by indicator, time point and area."""
    async with databases.snapshot(MAIN) as connection:
        versions = await dataset_versions(connection)
        rows = await connection.fetch(HFA_ITEMS)
        labels = await _labels(connection, "hfa_indicators")
    return VersionedData(await _items(rows, labels), versions.hfa)


def hmis_query(indicator_type: IndicatorType, facility_columns: Sequence[str]) -> str:
    """The aggregation for one kind of indicator and a choice of facility columns."""
    unknown = sorted(set(facility_columns) - set(FACILITY_COLUMNS))
    if unknown:
        raise DatabaseError(
            f"no such facility column: {', '.join(unknown)}",
            f"one of {', '.join(FACILITY_COLUMNS)}",
        )
    chosen = sorted(set(facility_columns))
    by_area = HMIS_BY_AREA.format(columns="".join(f", f.{column}" for column in chosen))
    names = "".join(f", f.{column}" for column in chosen)
    return HMIS_ITEMS[indicator_type].format(by_area=by_area, names=names)


async def _items(rows: Sequence[Any], labels: list[dict[str, str]]) -> dict[str, Any]:
    status = ItemsStatus.OK if rows else ItemsStatus.NO_DATA_AVAILABLE
    return {"status": status.value, "indicators": labels, "items": await plain_rows(rows)}


async def _labels(connection: Any, table: str) -> list[dict[str, str]]:
    rows = await connection.fetch(f"SELECT id, label FROM {table} ORDER BY id")
    return await plain_rows(rows)
