"""Bring the databases to this release's schema. Migrations are numbered and go forward only.

Two processes that start at one time take turns at an advisory lock. The second has nothing to do.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from wb_cli.server.db.address import MAIN, MAINTENANCE, Address, connect
from wb_cli.server.db.errors import (
    DatabaseError,
    DatabaseMissingError,
    DatabaseUnavailableError,
    postgres_errors,
)
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.sql import quoted

log = logging.getLogger(__name__)

LOCK = 0x77625F64617461  # "wb_data", a number that no other program uses
PROJECT = "project"


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered SQL file."""

    number: int
    name: str
    sql: str


async def migrate_all(databases: Databases) -> None:
    """Create `main` if it is missing, then migrate it and every project's database.

    If a project cannot be migrated, the log names it, and the others are migrated.
    """
    address = databases.address
    await ensure_database(address, MAIN)
    await migrate(address, MAIN)
    for project_id in await _project_ids(address):
        await _migrate_project(address, project_id)


async def migrate(address: Address, database: str) -> list[int]:
    """Apply the missing migrations, all or none. Returns the numbers of those applied."""
    async with _administrator(address, database) as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        done = await _applied(connection)
        missing = [step for step in migrations_for(database) if step.number not in done]
        for migration in missing:
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO schema_migrations (number, name) VALUES ($1, $2)",
                migration.number,
                migration.name,
            )
            log.info("[PostgreSQL] %s: applied %s", database, migration.name)
        return [migration.number for migration in missing]


async def ensure_database(address: Address, database: str) -> bool:
    """Create a database if it is missing; whether it was created."""
    async with _administrator(address, MAINTENANCE) as connection:
        # CREATE DATABASE cannot run in a transaction, so the session holds the lock until it ends.
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        exists = "SELECT true FROM pg_database WHERE datname = $1"
        if await connection.fetchval(exists, database):
            return False
        # template0 accepts no connection. A connection to the template would make the copy fail.
        await connection.execute(
            f"CREATE DATABASE {quoted(database)} TEMPLATE template0 ENCODING 'UTF8'"
        )
        return True


@cache
def migrations_for(database: str) -> tuple[Migration, ...]:
    """The migrations of `main`, or of a project's database, in order."""
    kind = MAIN if database == MAIN else PROJECT
    folder = files("wb_cli.server.db") / "schema" / kind
    found = [path for path in folder.iterdir() if path.name.endswith(".sql")]
    return tuple(
        Migration(int(path.name.partition("_")[0]), path.name, path.read_text("utf-8"))
        for path in sorted(found, key=lambda path: path.name)
    )


async def _migrate_project(address: Address, project_id: str) -> None:
    try:
        await migrate(address, project_id)
    except DatabaseUnavailableError:
        raise
    except DatabaseMissingError:
        log.error("[PostgreSQL] Project %s has no database", project_id)  # noqa: TRY400
    except DatabaseError as error:
        log.error("[PostgreSQL] Project %s: %s", project_id, error.message)  # noqa: TRY400


async def _project_ids(address: Address) -> list[str]:
    async with _administrator(address, MAIN) as connection:
        rows = await connection.fetch("SELECT id FROM projects ORDER BY id")
    return [row["id"] for row in rows]


async def _applied(connection: Any) -> set[int]:
    await connection.execute(
        """CREATE TABLE IF NOT EXISTS schema_migrations (
            number integer PRIMARY KEY,
            name text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
        )"""
    )
    rows = await connection.fetch("SELECT number FROM schema_migrations")
    return {row["number"] for row in rows}


@asynccontextmanager
async def _administrator(address: Address, database: str) -> AsyncIterator[Any]:
    """A connection without time limits, because a migration may take long."""
    connection = await connect(address, database, limit_s=None)
    try:
        with postgres_errors():
            yield connection
    finally:
        await connection.close(timeout=5)
