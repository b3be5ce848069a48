"""A small, known instance: what its databases hold, put there as the platform's own writers do."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from wb_cli.server.db.address import MAIN, MAINTENANCE, Address, connect
from wb_cli.server.db.migrations import migrate_all
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_projects import Project, create_project
from wb_cli.server.db.results import ResultsObject
from wb_cli.server.db.writes_runs import copy_results, create_results_object

NORTH = "north"
VISITS = ResultsObject("visits", "m1", "Visits", ("indicator_id", "admin_area_2"), ("count",))
IDLE = ResultsObject("idle", "m2", "Idle", ("indicator_id",), ("count",))
ROWS = [
    (indicator, area, period, float(count))
    for count, (indicator, area, period) in enumerate(
        (indicator, area, period)
        for indicator in ("anc1", "opd")
        for area in ("Coast", "Hills", "Lakes")
        for period in (202310, 202311, 202312)
    )
]
# Two objects share their items, one has an entry of its own, one has no data, one cannot be shown.
OBJECTS = [
    ("by-area", "By area", "visits", {"disaggregateBy": ["admin_area_2"]}),
    ("by-area-bars", "By area, bars", "visits", {"disaggregateBy": ["admin_area_2"], "style": 1}),
    ("by-month", "By month", "visits", {"disaggregateBy": ["period_id"]}),
    ("nothing", "Nothing", "visits", {"filters": [{"dimension": "year", "values": ["1999"]}]}),
    ("idle", "Idle", "idle", {}),
]
SHOWN = [object_id for object_id, *_ in OBJECTS if object_id != "idle"]
# Details, one metric info, items of by-area (shared), by-month and nothing, and datasets.
ENTRIES = 4 + 1 + 3 + 3


def address_of(postgres_url: str) -> Address:
    """Where the server at a URL is."""
    parts = urlsplit(postgres_url)
    return Address(parts.hostname or "", parts.port or 0, parts.password or "")


def aside(run: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run to the end in a thread, so that it does not matter whether this one has a loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(run())).result()


def with_databases(postgres_url: str, do: Callable[[Databases], Awaitable[Any]]) -> Any:
    """Do something to migrated databases, on a loop of its own."""

    async def run() -> Any:
        databases = Databases(address_of(postgres_url), prepare=migrate_all)
        await databases.wait_until_ready(30)
        try:
            return await do(databases)
        finally:
            await databases.close()

    return aside(run)


def execute(postgres_url: str, database: str, statement: str, *arguments: Any) -> None:
    """One statement, as an operator would run it with psql."""

    async def run() -> None:
        connection = await connect(address_of(postgres_url), database)
        await connection.execute(statement, *arguments)
        await connection.close()

    aside(run)


def is_a_query_held_up(postgres_url: str) -> bool:
    """Whether a statement waits for a lock now."""

    async def run() -> bool:
        connection = await connect(address_of(postgres_url), MAINTENANCE)
        waiting = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        )
        await connection.close()
        return bool(waiting)

    return bool(aside(run))


@contextmanager
def locked_results(postgres_url: str) -> Iterator[Callable[[], None]]:
    """Make every query of the visits' results wait, until released or the block ends."""
    locked, released = threading.Event(), threading.Event()

    async def hold() -> None:
        connection = await connect(address_of(postgres_url), NORTH)
        await connection.execute("BEGIN; LOCK TABLE results_visits")
        locked.set()
        await asyncio.to_thread(released.wait)
        connection.terminate()

    with ThreadPoolExecutor(1) as thread:
        held = thread.submit(lambda: asyncio.run(hold()))
        try:
            assert locked.wait(30), "no lock within 30 s"
            yield released.set
        finally:
            released.set()
            held.result()


def make_template(postgres_url: str) -> None:
    """Fill an empty PostgreSQL once and put the result aside, to be copied by `restore`."""
    with_databases(postgres_url, fill)
    for name in (MAIN, NORTH):
        execute(postgres_url, MAINTENANCE, f"ALTER DATABASE {name} RENAME TO {name}_as_made")


def restore(postgres_url: str) -> None:
    """Make the databases anew, as `make_template` left them."""
    for name in (MAIN, NORTH):
        execute(postgres_url, MAINTENANCE, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        copy = f"CREATE DATABASE {name} TEMPLATE {name}_as_made STRATEGY file_copy"
        execute(postgres_url, MAINTENANCE, copy)


async def fill(databases: Databases) -> None:
    """One project and all datasets."""
    await create_project(databases, Project(NORTH, "North"))
    await fill_project(databases, NORTH)
    await fill_datasets(databases)


async def fill_project(databases: Databases, project_id: str) -> None:
    """Modules, metrics, results and objects."""
    async with databases.connect(project_id) as connection:
        await connection.execute("INSERT INTO modules VALUES ('m1', 'Counts', now())")
        await connection.execute("INSERT INTO modules VALUES ('m2', 'Never ran')")
        for results in (VISITS, IDLE):
            await create_results_object(connection, results)
        await copy_results(connection, VISITS, ROWS)
        await connection.execute(
            """INSERT INTO metrics VALUES ('visits', 'm1', 'Visits', 'visits', '{count}', 'sum'),
            ('idle', 'm2', 'Idle', 'idle', '{count}', 'sum')"""
        )
        await connection.executemany(
            "INSERT INTO presentation_objects (id, label, metric_id, config) VALUES ($1,$2,$3,$4)",
            OBJECTS,
        )


async def fill_datasets(databases: Databases) -> None:
    """One row of everything."""
    async with databases.connect(MAIN) as connection:
        await connection.execute("INSERT INTO raw_indicators VALUES ('opd_raw', 'OPD, raw')")
        await connection.execute("INSERT INTO common_indicators VALUES ('opd', 'OPD')")
        await connection.execute(
            "INSERT INTO indicator_mappings (common_id, raw_id) VALUES ('opd', 'opd_raw')"
        )
        await connection.execute(
            """INSERT INTO facilities (id, label, admin_area_1, admin_area_2)
            VALUES ('f1', 'Facility 1', 'Here', 'Coast')"""
        )
        await connection.execute("INSERT INTO dataset_hmis VALUES ('f1', 'opd_raw', 202312, 7)")
        await connection.execute("INSERT INTO hfa_indicators VALUES ('power', 'Power')")
        await connection.execute(
            "INSERT INTO dataset_hfa VALUES ('f1', 'Coast', 'power', '2023', 1.0)"
        )
