"""Describe the tables of a database that was copied. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.backup.manifest import Database, Table

if TYPE_CHECKING:
    from wb_cli.backup.copying.counting import Counts


def describe_tables(before: Counts, after: Counts) -> tuple[Database, ...]:
    """Describe the tables that were there, and tell which were written to or removed since."""
    return tuple(
        Database(
            name,
            tuple(
                Table(table, count.rows, not now or now.state != count.state)
                for table, count in tables.items()
                for now in [after.get(name, {}).get(table)]
            ),
        )
        for name, tables in before.items()
    )
