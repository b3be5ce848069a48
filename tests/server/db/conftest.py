"""A PostgreSQL for the data tests, wiped between modules, and a small project to work on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import urlsplit

import pytest
from server.db.small_project import PROJECT, ROWS, VISITS, fill
from support.services import Services, wait_until

from wb_cli.server.db.address import MAINTENANCE, Address, connect
from wb_cli.server.db.migrations import migrate_all
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.sql import quoted
from wb_cli.server.db.writes_runs import replace_results


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
