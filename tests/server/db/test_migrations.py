"""Migrations: two starts at one time, repeated starts, and failures."""

import asyncio
import logging
import sys

import pytest

from wb_cli.server.db.address import MAIN, MAINTENANCE, Address, connect
from wb_cli.server.db.errors import DatabaseError, postgres_errors
from wb_cli.server.db.migrations import ensure_database, migrate, migrate_all, migrations_for
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_projects import (
    Project,
    create_project,
    list_projects,
    remove_project,
)

pytestmark = pytest.mark.services

START = """
import asyncio, sys
from wb_cli.server.db.address import Address
from wb_cli.server.db.migrations import migrate_all
from wb_cli.server.db.pool import Databases

async def start():
    databases = Databases(Address("127.0.0.1", int(sys.argv[1]), sys.argv[2]), prepare=migrate_all)
    await databases.wait_until_ready(30)
    await databases.close()

asyncio.run(start())
"""


@pytest.fixture
async def databases(address: Address):
    opened = Databases(address, prepare=migrate_all)
    await opened.wait_until_ready(30)
    yield opened
    await opened.close()


async def schema(address: Address, database: str) -> list[tuple]:
    connection = await connect(address, database)
    rows = await connection.fetch(
        """SELECT table_name, column_name, data_type FROM information_schema.columns
        WHERE table_schema = 'public' ORDER BY 1, 2"""
    )
    applied = await connection.fetch("SELECT number, name FROM schema_migrations ORDER BY 1")
    await connection.close()
    return [tuple(row) for row in (*rows, *applied)]


async def test_processes_that_start_at_once_migrate_once(address: Address):
    arguments = ("-c", START, str(address.port), address.password)
    started = [await asyncio.create_subprocess_exec(sys.executable, *arguments) for _ in range(3)]
    assert [await process.wait() for process in started] == [0, 0, 0]
    connection = await connect(address, MAIN)
    assert await connection.fetchval("SELECT count(*) FROM instance_config") == 1
    await connection.close()


async def test_starting_again_changes_nothing(databases: Databases):
    before = await schema(databases.address, MAIN)
    await migrate_all(databases)
    assert await migrate(databases.address, MAIN) == []
    assert await schema(databases.address, MAIN) == before
    assert not await ensure_database(databases.address, MAIN)


async def test_a_failing_migration_leaves_nothing_behind(address: Address, monkeypatch):
    await ensure_database(address, "broken")
    good, *_ = migrations_for("broken")
    bad = type(good)(2, "0002_bad.sql", "CREATE TABLE half (id int); SELECT 1 / 0;")
    monkeypatch.setattr("wb_cli.server.db.migrations.migrations_for", lambda _: (good, bad))
    with pytest.raises(DatabaseError, match="division by zero"):
        await migrate(address, "broken")
    connection = await connect(address, "broken")
    tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname='public'")
    await connection.close()
    assert tables == 0


async def test_a_projects_database_follows_the_releases(databases: Databases):
    await create_project(databases, Project("older", "Of an older release"))
    connection = await connect(databases.address, "older")
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.close()
    await migrate_all(databases)
    assert "presentation_objects" in {row[0] for row in await schema(databases.address, "older")}


async def test_a_project_that_cannot_be_migrated_is_named_and_the_others_are_migrated(
    databases, caplog
):
    await create_project(databases, Project("gone", "Database gone"))
    administrator = await connect(databases.address, MAINTENANCE)
    await administrator.execute("DROP DATABASE gone WITH (FORCE)")
    with caplog.at_level(logging.ERROR):
        await migrate_all(databases)
    assert "Project gone has no database" in caplog.text
    # A missing database stays missing, because an empty database would pass for an empty project.
    assert not await administrator.fetchval("SELECT true FROM pg_database WHERE datname='gone'")
    await administrator.close()


async def test_a_project_comes_and_goes_with_its_database(databases: Databases):
    project = Project("short-lived", "Short")
    await create_project(databases, project)
    assert project in await list_projects(databases)
    with pytest.raises(DatabaseError, match="duplicate key"):
        await create_project(databases, project)
    async with databases.connect(project.id) as connection:
        assert await connection.fetchval("SELECT count(*) FROM modules") == 0
    await remove_project(databases, project.id)
    assert project not in await list_projects(databases)
    with pytest.raises(DatabaseError, match="there is no project"):
        async with databases.connect(project.id):
            pass


@pytest.mark.parametrize("name", ["main", "postgres", "template1", "Upper", "a b", "", "-a", 'a"b'])
async def test_an_id_that_cannot_name_a_database_makes_none(databases: Databases, name: str):
    async with databases.connect(MAIN) as connection:
        count = "SELECT count(*) FROM pg_database"
        before = await connection.fetchval(count)
        with pytest.raises(DatabaseError):
            await create_project(databases, Project(name, "No"))
        assert await connection.fetchval(count) == before


async def at_first_release(address: Address, name: str, statements: str) -> None:
    """A database as the first release left it, with rows."""
    await ensure_database(address, name)
    connection = await connect(address, name)
    first = migrations_for(name)[0]
    await connection.execute(first.sql)
    await connection.execute(
        "CREATE TABLE schema_migrations (number integer PRIMARY KEY, name text NOT NULL,"
        " applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
    )
    await connection.execute("INSERT INTO schema_migrations VALUES (1, $1)", first.name)
    await connection.execute(statements)
    await connection.close()


async def test_a_project_of_the_first_release_is_upgraded_in_place(address: Address):
    await at_first_release(
        address,
        "first",
        """
        INSERT INTO modules VALUES ('m1', 'Counts', '2024-01-01Z'), ('m2', 'Odd', 'infinity');
        INSERT INTO results_objects VALUES ('visits', 'm1', 'Visits', '{area}', '{count}');
        CREATE TABLE results_visits (area text, period_id integer, count double precision);
        CREATE TRIGGER moves_last_run AFTER INSERT OR UPDATE OR DELETE ON results_visits
            FOR EACH STATEMENT EXECUTE FUNCTION results_changed('m1');
        INSERT INTO results_visits VALUES ('North', 202401, 1);
        UPDATE modules SET last_run = '2024-01-01Z' WHERE id = 'm1';
        INSERT INTO metrics VALUES ('visits', 'm1', 'Visits', 'visits', '{count}', 'sum');
        INSERT INTO presentation_objects VALUES
            ('kept', 'Kept', 'visits', '{}', '2024-01-02Z'),
            ('odd', 'Odd', 'visits', '{}', 'infinity');
        """,
    )

    assert await migrate(address, "first") == [2, 3, 4, 5]

    connection = await connect(address, "first")
    kept = await connection.fetchrow(
        """SELECT version_text(last_updated), (SELECT version_text(last_run) FROM modules
        WHERE id = 'm1') FROM presentation_objects WHERE id = 'kept'"""
    )
    # Its cached entries stay valid.
    assert tuple(kept) == ("2024-01-02T00:00:00.000000Z", "2024-01-01T00:00:00.000000Z")
    odd = "SELECT version_text(last_updated) FROM presentation_objects WHERE id = 'odd'"
    assert await connection.fetchval(odd) is not None
    await connection.execute("UPDATE results_visits SET count = 2")
    moved = "SELECT last_run > '2024-01-01Z' FROM modules WHERE id = 'm1'"
    assert await connection.fetchval(moved)
    await connection.close()


async def test_the_datasets_of_the_first_release_are_upgraded_in_place(address: Address):
    old = await connect(address, MAINTENANCE)
    await old.execute("DROP DATABASE IF EXISTS main WITH (FORCE)")
    await old.close()
    await at_first_release(address, MAIN, "INSERT INTO hfa_indicators VALUES ('power', 'Power')")
    connection = await connect(address, MAIN)
    before = await connection.fetchval("SELECT max(id) FROM dataset_hfa_versions")

    assert await migrate(address, MAIN) == [2, 3, 4, 5]

    assert await connection.fetchval("SELECT max(id) FROM dataset_hfa_versions") == before
    for statement in (
        "DELETE FROM dataset_hfa_versions",
        "UPDATE dataset_hfa_versions SET id = 1",
        "DELETE FROM instance_config",
        "TRUNCATE instance_config",
    ):
        with pytest.raises(DatabaseError), postgres_errors():
            await connection.execute(statement)
    older = """UPDATE instance_config SET indicator_mappings_version = 1
        RETURNING indicator_mappings_version > 1"""
    assert await connection.fetchval(older)
    await connection.close()
