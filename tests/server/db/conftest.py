"""A PostgreSQL for the data tests, wiped between modules, and a small project to work on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import urlsplit

import pytest
from support.services import Services, wait_until

from wb_cli.server.db.address import MAINTENANCE, Address, connect
from wb_cli.server.db.migrations import migrate_all
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_projects import Project, create_project
from wb_cli.server.db.results import ResultsObject
from wb_cli.server.db.sql import quoted
from wb_cli.server.db.writes_runs import copy_results, create_results_object, replace_results

PROJECT = "malaria"
VISITS = ResultsObject(
    "visits", "m1", "Visits", ("indicator_id", "admin_area_2"), ("count", "rate")
)
ROWS = [
    (indicator, area, period, count, count / 10)
    for indicator, weight in (("anc1", 1), ("opd", 10))
    for area, size in (("North", 1), ("South", 2))
    for period, count in ((202311, weight * size), (202312, 2 * weight * size), (202401, 4.0))
]


def parse(url: str) -> Address:
    parts = urlsplit(url)
    return Address(parts.hostname or "", parts.port or 0, parts.password or "")


async def wipe(address: Address) -> None:
    """Drop every database but PostgreSQL's own."""
    connection = await connect(address, MAINTENANCE)
    names = await connection.fetch(
        "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> $1", MAINTENANCE
    )
    for row in names:
        await connection.execute(f"DROP DATABASE {quoted(row['datname'])} WITH (FORCE)")
    await connection.close()


async def fill(databases: Databases) -> None:
    """Make a project: a module that has run, a module that has not, and a missing module."""
    await create_project(databases, Project(PROJECT, "Malaria"))
    async with databases.connect(PROJECT) as connection:
        await connection.execute("INSERT INTO modules VALUES ('m1', 'Counts', now())")
        await connection.execute("INSERT INTO modules VALUES ('m2', 'Never ran')")
        await create_results_object(connection, VISITS)
        await copy_results(connection, VISITS, ROWS)
        for results_object, module in (("idle", "m2"), ("ghost", "nowhere")):
            empty = ResultsObject(results_object, module, "Empty", ("indicator_id",), ("count",))
            await create_results_object(connection, empty)
        await connection.execute(
            """INSERT INTO metrics VALUES
            ('visits', 'm1', 'Visits', 'visits', '{count,rate}', 'sum'),
            ('idle', 'm2', 'Idle', 'idle', '{count}', 'avg'),
            ('ghost', 'nowhere', 'Ghost', 'ghost', '{count}', 'sum')"""
        )
        await connection.executemany(
            "INSERT INTO presentation_objects (id, label, metric_id, config) VALUES ($1,$2,$3,$4)",
            [
                ("table", "A table", "visits", {"disaggregateBy": ["indicator_id", "period_id"]}),
                ("copy", "Same data", "visits", {"disaggregateBy": ["period_id", "indicator_id"]}),
                ("idle", "Of an idle module", "idle", {"disaggregateBy": ["indicator_id"]}),
                ("ghost", "Of a missing module", "ghost", {}),
            ],
        )


@pytest.fixture(scope="session")
def server(services: Services) -> Address:
    return parse(services.new_postgres().url)


@pytest.fixture(scope="module")
def address(server: Address) -> Iterator[Address]:
    """The PostgreSQL of the data tests, empty."""
    asyncio.run(wipe(server))
    yield server
    asyncio.run(wipe(server))


@pytest.fixture(scope="module")
def filled(address: Address) -> Address:
    async def prepare() -> None:
        databases = Databases(address, prepare=migrate_all)
        await databases.wait_until_ready(30)
        await fill(databases)
        await databases.close()

    asyncio.run(prepare())
    return address


@pytest.fixture
async def databases(filled: Address) -> AsyncIterator[Databases]:
    opened = Databases(filled)
    await opened.wait_until_ready(30)
    yield opened
    await opened.close()


@pytest.fixture
async def fresh(address: Address) -> AsyncIterator[Databases]:
    """The databases, made anew for one test."""
    await wipe(address)
    opened = Databases(address, prepare=migrate_all)
    await opened.wait_until_ready(30)
    await fill(opened)
    yield opened
    await opened.close()


@pytest.fixture
async def known_rows(databases: Databases) -> None:
    """Give `visits` its first results again."""
    await replace_results(databases, PROJECT, VISITS.id, ROWS)


@pytest.fixture(scope="session")
def address_of() -> Callable[[str], Address]:
    return parse


@pytest.fixture(scope="session")
def eventually() -> Callable:
    async def poll(is_true: Callable[[], bool], what: str, within: float = 20) -> None:
        # Wait in a thread, so that the event loop goes on.
        await asyncio.to_thread(wait_until, is_true, what, within)

    return poll
