"""Versions with two writers at one time: later data never has an older version.

A reader looks between the two commits. The data that it caches then must have another version than
the data after both commits, or the second writer must wait for the first.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from server.db.small_project import PROJECT
from server.db.versions import read_results_version

from wb_cli.server.db.address import MAINTENANCE, Address, connect
from wb_cli.server.db.errors import RecordMissingError
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_versions import read_object_version

pytestmark = pytest.mark.services

NEW_OBJECT = """INSERT INTO presentation_objects (id, label, metric_id, config)
    VALUES ('new', 'New', '{metric}', '{{}}')"""


def make_many(name: str, count: int) -> str:
    """SQL that makes many objects."""
    return f"""INSERT INTO presentation_objects (id, label, metric_id, config)
        SELECT '{name}-' || number, 'One of many', 'visits', '{{}}'
        FROM generate_series(1, {count}) AS number"""


OBJECT_AGAIN = """INSERT INTO presentation_objects
    SELECT id, 'Again', metric_id, config, last_updated FROM presentation_objects
    WHERE id = 'table'"""
MODULE_AGAIN = """INSERT INTO modules (id, label, last_run)
    SELECT id, 'Again', last_run FROM modules WHERE id = 'm1'"""
IS_ANYBODY_HELD_UP = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@pytest.fixture(scope="module")
def as_made(filled: Address) -> Address:
    """The small project, kept to be copied for each test."""
    asyncio.run(maintain(filled, f"ALTER DATABASE {PROJECT} RENAME TO {PROJECT}_as_made"))
    return filled


@pytest.fixture
async def databases(as_made: Address) -> AsyncIterator[Databases]:
    """A fresh copy of the small project."""
    copy = f"CREATE DATABASE {PROJECT} TEMPLATE {PROJECT}_as_made STRATEGY file_copy"
    await maintain(as_made, copy)
    opened = Databases(as_made)
    await opened.wait_until_ready(30)
    yield opened
    await opened.close()
    await maintain(as_made, f"DROP DATABASE {PROJECT} WITH (FORCE)")


async def maintain(address: Address, sql: str) -> None:
    connection = await connect(address, MAINTENANCE)
    await connection.execute(sql)
    await connection.close()


@asynccontextmanager
async def uncommitted(databases: Databases, sql: str) -> AsyncIterator[None]:
    """A transaction that has written, and commits at the end of the block."""
    connection = await connect(databases.address, PROJECT)
    async with connection.transaction():
        await connection.execute(sql)
        yield
    await connection.close()


async def write(databases: Databases, sql: str) -> None:
    async with databases.connect(PROJECT) as connection:
        await connection.execute(sql)


async def until_done_or_held_up(databases: Databases, writing: asyncio.Task[None]) -> None:
    async with databases.connect(PROJECT) as connection:
        while not await connection.fetchval(IS_ANYBODY_HELD_UP):
            if writing.done():
                return


async def detail_version(databases: Databases, object_id: str) -> str | None:
    try:
        return (await read_object_version(databases, PROJECT, object_id)).last_updated
    except RecordMissingError:
        return None


async def results_version(databases: Databases, results_object: str) -> str | None:
    return (await read_results_version(databases, PROJECT, results_object)).settled


RESULTS = [
    pytest.param(
        "INSERT INTO results_idle VALUES ('opd', 202401, 1)",
        "UPDATE modules SET last_run = next_version(last_run) WHERE id = 'm2'",
        "idle",
        id="a module's first run is completed before its results are committed",
    ),
    pytest.param(
        "INSERT INTO results_ghost VALUES ('opd', 202401, 1)",
        "INSERT INTO modules VALUES ('nowhere', 'Installed', now())",
        "ghost",
        id="a module is installed before its results are committed",
    ),
    pytest.param(
        "INSERT INTO results_visits (indicator_id, admin_area_2, period_id) VALUES ('a', 'b', 1)",
        "UPDATE modules SET last_run = now() WHERE id = 'm1'",
        "visits",
        id="a version is set by hand before results are committed",
    ),
    pytest.param(
        "DELETE FROM modules WHERE id = 'm1'",
        MODULE_AGAIN,
        "visits",
        id="a module is installed again while it is removed",
    ),
]
DETAILS = [
    pytest.param(
        "UPDATE metrics SET label = 'Renamed' WHERE id = 'visits'",
        NEW_OBJECT.format(metric="visits"),
        "new",
        id="a metric is renamed while an object of it is made",
    ),
    pytest.param(
        "UPDATE metrics SET label = 'Renamed' WHERE id = 'visits'",
        "UPDATE presentation_objects SET metric_id = 'visits' WHERE id = 'ghost'",
        "ghost",
        id="a metric is renamed while an object turns to it",
    ),
    pytest.param(
        "UPDATE modules SET label = 'Renamed' WHERE id = 'm1'",
        "UPDATE metrics SET module_id = 'm1' WHERE id = 'ghost'",
        "ghost",
        id="a module is renamed while a metric turns to it",
    ),
    pytest.param(
        "UPDATE modules SET label = 'Renamed' WHERE id = 'm1'",
        NEW_OBJECT.format(metric="visits"),
        "new",
        id="a module is renamed while an object of it is made",
    ),
    pytest.param(
        "INSERT INTO modules VALUES ('nowhere', 'Installed', now())",
        NEW_OBJECT.format(metric="ghost"),
        "new",
        id="a module is installed while an object of it is made",
    ),
    pytest.param(
        "DELETE FROM modules WHERE id = 'm1'",
        NEW_OBJECT.format(metric="visits"),
        "new",
        id="a module is removed while an object of it is made",
    ),
    pytest.param(
        "UPDATE results_objects SET label = 'Renamed' WHERE id = 'visits'",
        "UPDATE metrics SET results_object_id = 'visits' WHERE id = 'ghost'",
        "ghost",
        id="a results object is renamed while a metric turns to it",
    ),
    pytest.param(
        "UPDATE results_objects SET label = 'Renamed' WHERE id = 'visits'",
        NEW_OBJECT.format(metric="visits"),
        "new",
        id="a results object is renamed while an object of it is made",
    ),
    pytest.param(
        "DELETE FROM presentation_objects WHERE id = 'table'",
        OBJECT_AGAIN,
        "table",
        id="an object is made again while it is deleted",
    ),
    pytest.param(
        "UPDATE presentation_objects SET id = 'moved' WHERE id = 'table'",
        OBJECT_AGAIN,
        "table",
        id="an object is made again while it gets another id",
    ),
    pytest.param(
        "DELETE FROM presentation_objects WHERE id = 'table'",
        f"{OBJECT_AGAIN} ON CONFLICT (id) DO UPDATE SET label = 'Again'",
        "table",
        id="an object is made or changed while it is deleted",
    ),
    pytest.param(
        "DELETE FROM presentation_objects WHERE id = 'table'",
        """INSERT INTO presentation_objects
            SELECT 'older', label, metric_id, config, last_updated - interval '1 day'
            FROM presentation_objects WHERE id = 'table';
        UPDATE presentation_objects SET id = 'table', last_updated = last_updated + interval '1 day'
            WHERE id = 'older'""",
        "table",
        id="an object gets the id of another while that is deleted",
    ),
]


@pytest.mark.parametrize(("first", "second", "results_object"), RESULTS)
async def test_results_that_are_committed_later_have_a_version_of_their_own(
    databases: Databases, first: str, second: str, results_object: str
) -> None:
    async with uncommitted(databases, first):
        writing = asyncio.create_task(write(databases, second))
        await until_done_or_held_up(databases, writing)
        between = await results_version(databases, results_object)
    await writing
    assert await results_version(databases, results_object) != between


@pytest.mark.parametrize(("first", "second", "object_id"), DETAILS)
async def test_a_detail_that_changes_later_has_a_version_of_its_own(
    databases: Databases, first: str, second: str, object_id: str
) -> None:
    async with uncommitted(databases, first):
        writing = asyncio.create_task(write(databases, second))
        await until_done_or_held_up(databases, writing)
        between = await detail_version(databases, object_id)
    await writing
    assert await detail_version(databases, object_id) != between


async def test_results_move_the_version_of_the_module_that_they_belong_to_now(
    databases: Databases,
) -> None:
    await write(databases, "UPDATE modules SET last_run = now() WHERE id = 'm2'")
    await write(databases, "UPDATE results_objects SET module_id = 'm2' WHERE id = 'visits'")
    before = await results_version(databases, "visits")
    await write(databases, "UPDATE results_visits SET count = count + 1")
    assert await results_version(databases, "visits") != before


async def count_many(databases: Databases) -> int:
    async with databases.connect(PROJECT) as connection:
        return await connection.fetchval(
            "SELECT count(*) FROM presentation_objects WHERE label = 'One of many'"
        )


async def test_twenty_thousand_objects_are_made_and_removed_in_one_transaction_each(
    databases: Databases,
) -> None:
    await write(databases, make_many("one", 20_000))
    assert await count_many(databases) == 20_000
    await write(databases, "DELETE FROM presentation_objects WHERE label = 'One of many'")
    assert await count_many(databases) == 0


@pytest.mark.parametrize("count", [1, 20_000])
async def test_nobody_waits_for_those_who_make_other_objects(
    databases: Databases, count: int
) -> None:
    async with uncommitted(databases, make_many("one", 20_000)):
        await write(databases, make_many("other", count))
    assert await count_many(databases) == 20_000 + count
