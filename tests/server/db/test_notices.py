"""Changes are told with the commit that shows them, and silence is noticed."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import pytest
from server.db.small_project import PROJECT

from wb_cli.server.db.address import MAIN, connect
from wb_cli.server.db.errors import DatabaseUnavailableError
from wb_cli.server.db.notices import PROJECTS, Reader, SilentError, listen
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_versions import read_object_version
from wb_cli.server.db.writes_runs import begin_module_run, complete_module_run, touch_object
from wb_cli.server.results import bus

pytestmark = pytest.mark.services
WITHIN_S = 20
# Comes after all that was told before it.
LAST = "NOTIFY wb_changes, 'the last one'"


@dataclass
class Heard:
    """A reader that keeps what it hears."""

    changes: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    listens: asyncio.Event = field(default_factory=asyncio.Event)
    ended: set[str] = field(default_factory=set)
    wanted: bool = True

    def hears_until(self, moment: float, ended: str) -> None:
        assert moment > asyncio.get_running_loop().time()
        self.ended.add(ended)
        self.listens.set()

    def heard(self, object_id: str | None) -> None:
        self.changes.put_nowait(object_id)

    def is_wanted(self) -> bool:
        return self.wanted

    async def next(self) -> str | None:
        async with asyncio.timeout(WITHIN_S):
            return await self.changes.get()

    async def until_last(self) -> list[str | None]:
        changes = []
        while (change := await self.next()) != "the last one":
            changes.append(change)
        return changes


@contextlib.asynccontextmanager
async def listening(databases: Databases, database: str = PROJECT):
    heard = Heard()
    task = asyncio.create_task(listen(databases, database, heard))
    async with asyncio.timeout(WITHIN_S):
        ready = asyncio.create_task(heard.listens.wait())
        await asyncio.wait([ready, task], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
    try:
        yield heard, task
    finally:
        task.cancel()
        await asyncio.gather(task, ready, return_exceptions=True)


async def execute(databases: Databases, database: str, *statements: str) -> None:
    """Statements of one transaction, as an operator would give them to psql."""
    connection = await connect(databases.address, database)
    try:
        async with connection.transaction():
            for statement in statements:
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_touched_object_is_told_by_its_id_once_a_query_sees_it(databases: Databases):
    async with listening(databases) as (heard, _):
        version = await touch_object(databases, PROJECT, "table")

        assert await heard.next() == "table"
        assert (await read_object_version(databases, PROJECT, "table")).last_updated == version


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "UPDATE presentation_objects SET label = 'x' WHERE id IN ('copy', 'idle')",
            {"copy", "idle"},
        ),
        ("UPDATE presentation_objects SET id = 'new' WHERE id = 'ghost'", {"ghost"}),
        ("DELETE FROM presentation_objects WHERE id = 'new'", {"new"}),
        ("UPDATE modules SET label = 'x' WHERE id = 'm2'", {"idle", None}),
        ("DELETE FROM metrics WHERE id = 'ghost'", {None}),
        ("UPDATE metrics SET label = 'x' WHERE id = 'idle'", {"idle", None}),
        ("UPDATE results_objects SET label = 'x' WHERE id = 'ghost'", {None}),
        ("UPDATE results_visits SET count = count + 1", {None}),
        ("INSERT INTO modules VALUES ('m3', 'Three')", set()),
        ("UPDATE presentation_objects SET label = 'x' WHERE id = 'no-such'", set()),
    ],
)
async def test_every_change_of_a_version_is_told(databases: Databases, change: str, told: set):
    async with listening(databases) as (heard, _):
        await execute(databases, PROJECT, change, LAST)

        assert set(await heard.until_last()) == told


async def test_a_run_is_told_at_its_begin_and_its_end(databases: Databases):
    async with listening(databases) as (heard, _):
        run = await begin_module_run(databases, PROJECT, "m1")
        assert await heard.next() is None
        await complete_module_run(databases, PROJECT, "m1", run)
        assert await heard.next() is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE instance_config SET facility_columns = '{residence}'", "instance_config"),
        ("INSERT INTO raw_indicators VALUES ('told', 'Told')", "instance_config"),
        ("INSERT INTO hfa_indicators VALUES ('told', 'Told')", "dataset_hfa_versions"),
        ("INSERT INTO cache_epochs VALUES ('told', 1)", "cache_epochs"),
        ("DELETE FROM cache_epochs WHERE cache = 'told'", "cache_epochs"),
        ("INSERT INTO project_epochs VALUES ('told', 1)", "project_epochs"),
        ("DELETE FROM project_epochs WHERE project = 'told'", "project_epochs"),
        ("INSERT INTO projects (id, label) VALUES ('told', 'Told')", PROJECTS),
        ("DELETE FROM projects WHERE id = 'told'", PROJECTS),
    ],
)
async def test_main_tells_which_table_has_changed(databases: Databases, change: str, told: str):
    async with listening(databases, MAIN) as (heard, _):
        await execute(databases, MAIN, change)

        assert await heard.next() == told


async def test_a_change_that_is_rolled_back_is_not_told(databases: Databases):
    async with listening(databases) as (heard, _):
        with pytest.raises(Exception, match="division by zero"):
            await execute(
                databases, PROJECT, "UPDATE presentation_objects SET label = 'x'", "SELECT 1 / 0"
            )
        await execute(databases, PROJECT, LAST)

        assert await heard.until_last() == []


async def test_many_objects_are_told_as_everything(databases: Databases):
    many = """INSERT INTO presentation_objects (id, label, metric_id, config)
        SELECT 'many-' || n, 'Many', 'visits', '{}' FROM generate_series(1, 10000) n"""
    are_many = "WHERE id LIKE 'many-%'"
    await execute(databases, PROJECT, many)
    async with listening(databases) as (heard, _):
        update = f"UPDATE presentation_objects SET label = 'x' {are_many}"
        await execute(databases, PROJECT, update, LAST)
        assert await heard.until_last() == [None]

        await execute(databases, PROJECT, f"DELETE FROM presentation_objects {are_many}", LAST)
        assert await heard.until_last() == [None]


async def test_a_flood_of_notices_is_heard_to_its_end(databases: Databases):
    async with listening(databases) as (heard, task):
        flood = "SELECT pg_notify('wb_changes', 'o' || n) FROM generate_series(1, 10000) n"
        await execute(databases, PROJECT, flood, LAST)

        assert len(await heard.until_last()) == 10_000
        assert not task.done()


async def test_an_id_that_no_notice_can_carry_is_told_as_everything(databases: Databases):
    # Repeated text is compressed, so that an index takes it.
    add = """INSERT INTO presentation_objects (id, label, metric_id, config)
        VALUES (repeat('long', 2500), 'Long', 'visits', '{}')"""
    await execute(databases, PROJECT, add)
    async with listening(databases) as (heard, _):
        await execute(
            databases, PROJECT, "UPDATE presentation_objects SET label = 'x' WHERE label = 'Long'"
        )
        assert await heard.next() is None

        await execute(
            databases, PROJECT, "DELETE FROM presentation_objects WHERE length(id) > 9000"
        )
        assert await heard.next() is None


@pytest.mark.parametrize(
    ("database", "table", "trigger"),
    [
        (PROJECT, "presentation_objects", "tells_update"),
        (PROJECT, "modules", "tells_change"),
        (MAIN, "dataset_hmis_versions", "tells_change"),
    ],
)
async def test_a_trigger_that_is_switched_off_is_noticed(
    databases: Databases, database: str, table: str, trigger: str
):
    async with listening(databases, database) as (_, task):
        await execute(databases, database, f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        try:
            with pytest.raises(SilentError, match=f"{table}.{trigger}"):
                async with asyncio.timeout(WITHIN_S):
                    await task
        finally:
            await execute(databases, database, f"ALTER TABLE {table} ENABLE TRIGGER {trigger}")
    assert task.done()


async def test_a_connection_that_is_cut_is_noticed(databases: Databases):
    async with listening(databases) as (_, task):
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%tgname%'"
        await execute(databases, "postgres", f"{cut} AND pid <> pg_backend_pid()")

        with pytest.raises(DatabaseUnavailableError):
            async with asyncio.timeout(WITHIN_S):
                await task


async def test_nobody_listens_when_nobody_asks(databases: Databases):
    async with listening(databases) as (heard, task):
        held = databases.open_connections
        heard.wanted = False
        async with asyncio.timeout(WITHIN_S):
            await task

    assert databases.open_connections == held - 1


async def test_a_missing_trigger_is_told_once_however_often_it_is_looked_for(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(bus, "AGAIN_LATER_S", 0.0)
    looked = []

    async def look_and_listen(at: Databases, database: str, reader: Reader) -> None:
        looked.append(database)
        await listen(at, database, reader)

    monkeypatch.setattr(bus, "listen", look_and_listen)
    await execute(databases, PROJECT, "ALTER TABLE metrics DISABLE TRIGGER tells_change")
    hearing = bus.VersionBus(databases)
    try:
        async with asyncio.timeout(WITHIN_S):
            while looked.count(PROJECT) < 3:
                hearing.attend(PROJECT)
                await asyncio.sleep(0)
    finally:
        await hearing.close()
        await execute(databases, PROJECT, "ALTER TABLE metrics ENABLE TRIGGER tells_change")

    (told,) = [line for line in caplog.messages if "metrics.tells_change" in line]
    assert told.endswith("is missing or switched off. Each request asks it for versions.")


async def test_a_database_without_the_triggers_is_refused_at_once(fresh: Databases):
    await execute(fresh, PROJECT, "DROP TRIGGER tells_change ON metrics")

    heard = Heard()
    with pytest.raises(SilentError, match=r"metrics.tells_change"):
        await listen(fresh, PROJECT, heard)
    assert not heard.listens.is_set()
