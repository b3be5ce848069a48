"""More databases than may be listened to: `main` speaks for the others, by what has not ended."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest
from server.db.small_project import PROJECT
from server.db.test_notices import WITHIN_S, execute

from wb_cli.server.db.address import MAIN, Address, connect
from wb_cli.server.db.connections import Limits, Use
from wb_cli.server.db.pool import Databases
from wb_cli.server.results import addresses
from wb_cli.server.results.bus import VersionBus
from wb_cli.server.results.names import CacheKey
from wb_cli.server.results.wants import CachedQuery

pytestmark = pytest.mark.services
PATH = b"/api/projects/north/objects/o"
TOUCH = "UPDATE presentation_objects SET last_updated = now()"


@contextlib.asynccontextmanager
async def bus_on(address: Address, notices: int) -> AsyncIterator[tuple[VersionBus, Databases]]:
    """A bus that may listen to so many databases. `main` is the first of them."""
    databases = Databases(address, Limits(notices=notices))
    await databases.wait_until_ready(30)
    bus = VersionBus(databases)
    try:
        yield bus, databases
    finally:
        await bus.close()
        await databases.close()


async def until(is_so: Callable[[], object]) -> None:
    deadline = asyncio.get_running_loop().time() + WITHIN_S
    while not is_so():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.001)


async def no_query() -> CachedQuery:
    raise AssertionError


async def remember(bus: VersionBus) -> None:
    """Let a request find out what the path means, once the project is heard."""
    bus.attend(PROJECT)
    await until(lambda: bus.mark(PROJECT))
    mark = bus.mark(PROJECT)
    assert mark
    key = CacheKey("c", "o", "1")
    bus.addresses.remember(addresses.Address(PATH, key, no_query, None, "o"), mark)
    assert bus.addresses.find(PATH)


def is_later(notebook: addresses.Notebook, than: float) -> bool:
    return notebook.until > than


async def next_proofs(bus: VersionBus, count: int = 2) -> None:
    """Wait for so many further proofs of the database that speaks for the others."""
    for _ in range(count):
        await until(partial(is_later, bus._notebooks[MAIN], bus._notebooks[MAIN].until))


async def test_while_nothing_changes_a_project_without_a_listener_is_asked_nothing(
    filled: Address,
):
    async with bus_on(filled, 1) as (bus, _):
        await remember(bus)
        await next_proofs(bus)
        assert bus.addresses.find(PATH)


async def test_a_change_of_a_project_without_a_listener_is_noticed(filled: Address):
    async with bus_on(filled, 1) as (bus, databases):
        await remember(bus)
        await execute(databases, PROJECT, TOUCH)
        await until(lambda: bus.addresses.find(PATH) is None)
        assert bus.mark(PROJECT)


async def test_a_change_that_was_begun_long_before_is_noticed_once_it_can_be_seen(
    filled: Address,
):
    connection = await connect(filled, PROJECT)
    try:
        async with bus_on(filled, 1) as (bus, _):
            async with connection.transaction():
                await connection.execute(TOUCH)
                await remember(bus)
                await next_proofs(bus)
                assert bus.addresses.find(PATH)
            await until(lambda: bus.addresses.find(PATH) is None)
    finally:
        await connection.close()


async def test_after_a_change_elsewhere_the_project_is_asked_once_more_and_no_longer(
    filled: Address,
):
    async with bus_on(filled, 1) as (bus, databases):
        await remember(bus)
        await execute(databases, MAIN, "UPDATE instance_config SET facility_columns = '{}'")
        await until(lambda: bus.addresses.find(PATH) is None)
        await remember(bus)
        await next_proofs(bus)
        assert bus.addresses.find(PATH)


async def test_what_this_process_has_changed_is_known_at_once(filled: Address):
    async with bus_on(filled, 1) as (bus, _):
        await remember(bus)
        bus.tell(PROJECT, "o")
        assert bus.addresses.find(PATH) is None


async def test_a_listener_of_its_own_begins_with_a_doubt(filled: Address):
    """Between what `main` saw and the first notice, something may have changed."""
    async with bus_on(filled, 2) as (bus, databases):
        async with databases.connect(MAIN, Use.NOTICES):
            await remember(bus)
            assert bus._hearing == {MAIN}
        await until(lambda: PROJECT in bus._hearing)
        assert bus.addresses.find(PATH) is None


async def test_nobody_speaks_for_a_project_whose_trigger_is_missing(
    filled: Address, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING)
    async with bus_on(filled, 2) as (bus, databases):
        await execute(databases, PROJECT, "ALTER TABLE metrics DISABLE TRIGGER tells_change")
        try:
            bus.attend(PROJECT)
            await until(lambda: "metrics.tells_change" in caplog.text)
            await next_proofs(bus)
            assert bus.mark(PROJECT) is None
        finally:
            await execute(databases, PROJECT, "ALTER TABLE metrics ENABLE TRIGGER tells_change")


async def test_without_main_nobody_speaks_for_the_others(filled: Address):
    async with bus_on(filled, 1) as (bus, databases):
        await remember(bus)
        await execute(
            databases,
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'main' "
            "AND query LIKE '%pg_current_snapshot%' AND pid <> pg_backend_pid()",
        )
        await until(lambda: bus.addresses.find(PATH) is None)
