"""Write the datasets of `main` as a whole, and the mark that they are a sample's."""

from collections.abc import Iterable, Sequence
from typing import Any

from wb_cli.server.db.address import MAIN
from wb_cli.server.db.pool import Databases

# A table that refers to another comes first, so that the tables can be emptied in this order.
DATASET_TABLES = (
    "dataset_hmis",
    "dataset_hfa",
    "indicator_mappings",
    "raw_indicators",
    "common_indicators",
    "hfa_indicators",
    "facilities",
)

Rows = Iterable[tuple[Any, ...]]


async def replace_datasets(
    databases: Databases, rows: dict[str, Rows], facility_columns: Sequence[str]
) -> None:
    """Replace all rows by new rows in one transaction, under new versions.

    Args:
        databases: where `main` is.
        rows: by table. The values of a row are in the order of the table's columns.
        facility_columns: the columns by which facilities will be shown.
    """
    async with databases.connect(MAIN) as connection, connection.transaction():
        for table in DATASET_TABLES:
            await connection.execute(f"DELETE FROM {table}")
        for table in reversed(DATASET_TABLES):
            await copy_rows(connection, table, rows.get(table, ()))
        await connection.execute(
            "UPDATE instance_config SET facility_columns = $1", list(facility_columns)
        )
    async with databases.connect(MAIN) as connection:
        await connection.execute(f"ANALYZE {', '.join(DATASET_TABLES)}")


async def copy_rows(connection: Any, table: str, rows: Rows, columns: Sequence[str] = ()) -> None:
    """Append rows to a table with COPY."""
    await connection.copy_records_to_table(table, records=rows, columns=list(columns) or None)


async def has_datasets(databases: Databases) -> bool:
    """Whether anything was ever imported and is still there."""
    async with databases.connect(MAIN) as connection:
        return bool(
            await connection.fetchval(
                """SELECT EXISTS (SELECT FROM facilities) OR EXISTS (SELECT FROM raw_indicators)
                OR EXISTS (SELECT FROM common_indicators) OR EXISTS (SELECT FROM hfa_indicators)"""
            )
        )


async def read_sample_mark(databases: Databases) -> dict[str, Any] | None:
    """The arguments of the sample in this instance; None if there is no sample."""
    async with databases.connect(MAIN) as connection:
        mark: dict[str, Any] | None = await connection.fetchval(
            "SELECT sample_arguments FROM instance_config"
        )
    return mark


async def write_sample_mark(databases: Databases, mark: dict[str, Any]) -> None:
    """Note that the datasets are a sample's, so that a later sample may replace them."""
    async with databases.connect(MAIN) as connection:
        await connection.execute("UPDATE instance_config SET sample_arguments = $1", mark)
