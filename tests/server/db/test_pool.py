"""The pool against a real PostgreSQL that these tests restart, pause and overload."""

import asyncio
import socket
import time
from contextlib import AsyncExitStack
from itertools import accumulate

import asyncpg
import pytest
from support.services import Services, free_port

from wb_cli.server.db.address import MAINTENANCE, READ_AHEAD_BYTES, Address, connect
from wb_cli.server.db.connections import Connections, Limits, Use
from wb_cli.server.db.errors import (
    DatabaseBusyError,
    DatabaseError,
    DatabaseMissingError,
    DatabaseUnavailableError,
    QueryTimeoutError,
    postgres_errors,
)
from wb_cli.server.db.pool import Databases

pytestmark = pytest.mark.services
PROJECTS = [f"project-{number}" for number in range(8)]


@pytest.fixture(scope="module")
def postgres(services: Services):
    return services.new_postgres()


@pytest.fixture(scope="module")
def here(postgres, address_of) -> Address:
    address = address_of(postgres.url)

    async def create() -> None:
        connection = await connect(address, MAINTENANCE)
        for name in ("main", *PROJECTS):
            await connection.execute(f'CREATE DATABASE "{name}" STRATEGY wal_log')
        await connection.execute("CREATE DATABASE otherapp")
        await connection.close()
        connection = await connect(address, "main")
        await connection.execute("CREATE TABLE projects (id text)")
        await connection.executemany(
            "INSERT INTO projects VALUES ($1)", [(name,) for name in PROJECTS]
        )
        await connection.close()

    asyncio.run(create())
    return address


@pytest.fixture
async def databases(here: Address):
    opened = Databases(here)
    await opened.wait_until_ready(30)
    yield opened
    await opened.close()


async def test_state_is_known_before_during_and_after(here: Address):
    databases = Databases(here)
    assert not databases.state.connected
    await databases.wait_until_ready(10)
    assert databases.state.connected
    await databases.close()
    assert databases.state == type(databases.state)(connected=False, reason="closed")


async def test_waiting_ends_at_the_deadline_and_says_why():
    databases = Databases(Address("127.0.0.1", free_port()))
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailableError, match=r"within 0\.3 s: .*refuses connections"):
        await databases.wait_until_ready(0.3)
    assert time.monotonic() - began < 2
    await databases.close()


async def test_a_server_waits_little_longer_than_its_database_takes_to_start(
    monkeypatch: pytest.MonkeyPatch,
):
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        if seconds:
            pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", note)
    databases = Databases(Address("127.0.0.1", free_port()))
    databases.start()
    while len(pauses) < 40:
        await sleep(0.01)
    await databases.close()
    waited = list(accumulate(pauses, initial=0.1))
    assert all(pause <= before / 4 for before, pause in zip(waited, pauses, strict=False))
    assert pauses[-1] == 1


async def test_a_wrong_password_is_a_reason_not_a_crash(here: Address):
    databases = Databases(Address(here.host, here.port, "wrong"))
    with pytest.raises(DatabaseUnavailableError, match="password authentication failed"):
        await databases.wait_until_ready(1)
    await databases.close()


@pytest.mark.parametrize("code", [socket.EAI_NONAME, socket.EAI_AGAIN])
async def test_a_host_that_cannot_be_found_is_named(monkeypatch: pytest.MonkeyPatch, code: int):
    async def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(code, "as the resolver of this machine says it")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    databases = Databases(Address("demo-postgres"))
    with pytest.raises(DatabaseUnavailableError, match="was not ready within"):
        await databases.wait_until_ready(0.2)
    assert databases.state.reason == (
        'cannot find the host "demo-postgres": is its container running?'
    )
    with pytest.raises(DatabaseUnavailableError, match='cannot find the host "demo-postgres"'):
        async with databases.connect("main"):
            pass
    await databases.close()


async def test_preparation_runs_once_and_before_ready(here: Address):
    seen = []

    async def prepare(databases: Databases) -> None:
        seen.append(databases.state.connected)
        if len(seen) == 1:
            raise RuntimeError("the first attempt fails")

    databases = Databases(here, prepare=prepare)
    await databases.wait_until_ready(10)
    await databases.close()
    assert seen == [False, False]


async def test_a_restart_of_postgresql_is_noticed_and_survived(postgres, databases, eventually):
    async with databases.connect("project-0") as connection:
        await connection.fetchval("SELECT 1")
    # Stop and start in a thread, so that the watch can notice while the server is gone.
    await asyncio.to_thread(postgres.container.stop, timeout=10)
    await eventually(lambda: not databases.state.connected, "the loss is noticed")
    with pytest.raises(DatabaseUnavailableError):
        async with databases.connect("project-0") as connection:
            await connection.fetchval("SELECT 1")
    await asyncio.to_thread(postgres.container.start)
    await databases.wait_until_ready(30)
    async with databases.connect("project-0") as connection:
        assert await connection.fetchval("SELECT 41 + 1") == 42


async def test_a_hung_postgresql_is_noticed_and_its_return_too(
    postgres, here: Address, eventually, monkeypatch
):
    monkeypatch.setattr("wb_cli.server.db.pool.PING_EVERY_S", 0.05)
    monkeypatch.setattr("wb_cli.server.db.pool.PING_WITHIN_S", 0.2)
    monkeypatch.setattr("wb_cli.server.db.address.CONNECT_WITHIN_S", 0.5)
    databases = Databases(here)
    await databases.wait_until_ready(10)
    await asyncio.to_thread(postgres.container.pause)
    try:
        await eventually(lambda: not databases.state.connected, "the silence is noticed")
    finally:
        await asyncio.to_thread(postgres.container.unpause)
    await databases.wait_until_ready(10)
    await databases.close()


async def test_a_killed_backend_ends_one_statement_and_no_more(databases, here: Address):
    killer = await connect(here, MAINTENANCE)

    async def ask_and_be_killed() -> None:
        async with databases.connect("project-1") as connection:
            backend = await connection.fetchval("SELECT pg_backend_pid()")
            await killer.execute("SELECT pg_terminate_backend($1)", backend)
            await connection.fetchval("SELECT pg_sleep(10)")

    with pytest.raises(DatabaseUnavailableError):
        await ask_and_be_killed()
    await killer.close()
    async with databases.connect("project-1") as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_connections_stay_bounded_over_many_projects(here: Address):
    limits = Limits(total=6)
    connections = Connections(here, limits)
    most = 0

    async def ask(project: str) -> int:
        nonlocal most
        async with connections.acquire(project) as connection:
            most = max(most, connections.open)
            return await connection.fetchval("SELECT length(current_database())")

    answers = await asyncio.gather(*(ask(project) for project in PROJECTS * 10))
    await connections.close()
    assert answers == [len("project-0")] * 80
    assert most == limits.total


async def test_an_idle_connection_makes_room_and_a_busy_one_does_not(here: Address):
    limits = Limits(total=1, acquire_within_s=0.2)
    connections = Connections(here, limits)
    async with connections.acquire("project-0"):
        with pytest.raises(DatabaseBusyError, match="project-1"):
            async with connections.acquire("project-1"):
                pass
    async with connections.acquire("project-1") as connection:
        assert await connection.fetchval("SELECT current_database()") == "project-1"
    await connections.close()


async def test_a_caller_that_gets_no_connection_in_time_gets_an_error(here: Address):
    connections = Connections(here, Limits(shorts_per_database=1, acquire_within_s=0.2))
    async with connections.acquire("main"):
        with pytest.raises(DatabaseBusyError, match=r"within 0\.2 s"):
            async with connections.acquire("main"):
                pass
    async with connections.acquire("main") as connection:
        assert await connection.fetchval("SELECT 1") == 1
    await connections.close()


async def test_a_cancelled_caller_gives_its_connection_back(here: Address):
    connections = Connections(here, Limits(total=1))

    holds = asyncio.Event()

    async def hold() -> None:
        async with connections.acquire("main") as connection:
            holds.set()
            await connection.fetchval("SELECT pg_sleep(30)")

    holder = asyncio.create_task(hold())
    await holds.wait()
    holder.cancel()
    async with asyncio.timeout(5), connections.acquire("main") as connection:
        assert await connection.fetchval("SELECT 1") == 1
    await connections.close()


async def test_close_cuts_off_what_does_not_end_in_time(here: Address):
    databases = Databases(here)
    await databases.wait_until_ready(10)
    runs = asyncio.Event()

    async def never_ends() -> None:
        async with databases.connect("main") as connection:
            runs.set()
            await connection.fetchval("SELECT pg_sleep(50)")

    task = asyncio.create_task(never_ends())
    await runs.wait()
    began = time.monotonic()
    await databases.close(within_s=0.2)
    assert time.monotonic() - began < 2
    with pytest.raises(DatabaseUnavailableError):
        await task


async def test_a_snapshot_does_not_see_later_writes_and_cannot_write(databases):
    async with databases.connect("main") as writer:
        await writer.execute("CREATE TABLE IF NOT EXISTS moment AS SELECT 1 AS n")
        async with databases.snapshot("main") as reader:
            before = await reader.fetchval("SELECT n FROM moment")
            await writer.execute("UPDATE moment SET n = n + 1")
            assert await reader.fetchval("SELECT n FROM moment") == before
    with pytest.raises(DatabaseError, match="read-only"):
        async with databases.snapshot("main") as reader:
            await reader.execute("UPDATE moment SET n = 0")


async def test_an_unknown_project_is_not_an_outage(databases):
    with pytest.raises(DatabaseMissingError, match="nowhere"):
        async with databases.connect("nowhere"):
            pass
    assert databases.state.connected


async def test_a_statement_over_its_limit_is_called_so(here: Address):
    connection = await connect(here, "main", limit_s=0.05)
    with pytest.raises(QueryTimeoutError), postgres_errors():
        await connection.fetchval("SELECT pg_sleep(5)")
    await connection.close()


async def test_postgresql_sends_ahead_only_what_the_loop_can_read_in_milliseconds(databases):
    async with databases.connect("main") as connection:
        receiver = connection._transport.get_extra_info("socket")
        # The kernel gives twice what is asked for.
        assert (
            receiver.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) <= 2 * READ_AHEAD_BYTES < 2**18
        )


async def test_jsonb_travels_as_python_values(databases):
    async with databases.connect("main") as connection:
        config = {"filters": [{"values": ["a", 1, None]}]}
        assert await connection.fetchval("SELECT $1::jsonb", config) == config


@pytest.mark.parametrize(
    ("foreign", "ours"),
    [
        (TimeoutError(), QueryTimeoutError),
        (ConnectionRefusedError("refused"), DatabaseUnavailableError),
        (asyncpg.CannotConnectNowError("starting up"), DatabaseUnavailableError),
        (asyncpg.InterfaceError("connection is closed"), DatabaseUnavailableError),
        (asyncpg.InvalidCatalogNameError("no such database"), DatabaseMissingError),
        (asyncpg.UndefinedTableError("no such table"), DatabaseError),
    ],
)
def test_each_foreign_error_is_translated_to_one_of_ours(foreign: Exception, ours: type):
    with pytest.raises(DatabaseError) as caught, postgres_errors():
        raise foreign
    assert type(caught.value) is ours
    assert caught.value.__cause__ is foreign


def test_the_password_is_in_no_repr():
    assert "geheim" not in repr(Address(password="geheim"))


async def test_versions_do_not_wait_for_loads(here: Address):
    connections = Connections(here, Limits(total=8, loads=6, loads_per_database=4))
    async with AsyncExitStack() as loads:
        for _ in range(4):
            await loads.enter_async_context(connections.acquire("project-0", Use.LOAD))
        for _ in range(2):
            await loads.enter_async_context(connections.acquire("project-1", Use.LOAD))
        for project in PROJECTS:
            async with connections.acquire(project) as connection:
                assert await connection.fetchval("SELECT 1") == 1
    await connections.close()


@pytest.mark.parametrize(
    ("limits", "busy"),
    [
        (Limits(loads_per_database=1, acquire_within_s=0.2), "project-0"),
        (Limits(loads=1, acquire_within_s=0.2), "project-1"),
    ],
)
async def test_loads_are_bounded_per_database_and_in_all(here: Address, limits, busy):
    connections = Connections(here, limits)
    async with connections.acquire("project-0", Use.LOAD):
        with pytest.raises(DatabaseBusyError, match=busy):
            async with connections.acquire(busy, Use.LOAD):
                pass
    async with connections.acquire(busy, Use.LOAD) as connection:
        assert await connection.fetchval("SELECT 1") == 1
    await connections.close()


async def backends(connections: Connections, project: str) -> int:
    async with connections.acquire(project) as connection:
        return await connection.fetchval("SELECT pg_backend_pid()")


async def test_databases_that_fit_the_budget_keep_their_connections(here: Address):
    connections = Connections(here, Limits(total=len(PROJECTS)))

    seen: dict[str, set[int]] = {project: set() for project in PROJECTS}

    async def ask(project: str) -> None:
        seen[project].add(await backends(connections, project))

    await asyncio.gather(*(ask(project) for project in PROJECTS))
    for _ in range(5):
        await asyncio.gather(*(ask(project) for project in PROJECTS * 12))
    await connections.close()
    assert {len(pids) for pids in seen.values()} == {1}


async def test_a_refused_statement_costs_no_connection_and_a_cancelled_one_does(here: Address):
    connections = Connections(here, Limits())
    first = await backends(connections, "project-0")
    with pytest.raises(DatabaseError, match="division by zero"):
        async with connections.acquire("project-0") as connection:
            await connection.fetchval("SELECT 1 / 0")
    assert await backends(connections, "project-0") == first
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), connections.acquire("project-0") as connection:
            await connection.fetchval("SELECT pg_sleep(30)")
    assert await backends(connections, "project-0") != first
    await connections.close()


async def test_connections_that_are_not_used_are_closed(here: Address, eventually):
    connections = Connections(here, Limits(idle_for_s=0.1))
    await backends(connections, "project-0")
    assert connections.open == 1
    await eventually(lambda: connections.open == 0, "the idle connection is closed")
    await connections.close()


async def test_a_session_keeps_no_state_of_ours(databases):
    async with databases.connect("project-0") as connection:
        before = await connection.fetch("SELECT name, setting FROM pg_settings ORDER BY 1")
    async with databases.snapshot("project-0") as connection:
        await connection.fetchval("SELECT 1")
    async with databases.connect("project-0") as connection:
        after = await connection.fetch("SELECT name, setting FROM pg_settings ORDER BY 1")
    assert before == after


@pytest.mark.parametrize("name", ["nowhere", "otherapp", "postgres", "template1"])
async def test_no_connection_is_opened_for_a_name_that_is_no_project(
    databases, here: Address, name
):
    with pytest.raises(DatabaseMissingError, match=name):
        async with databases.connect(name):
            pass
    administrator = await connect(here, MAINTENANCE)
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"
    assert await administrator.fetchval(count, name) == 0
    await administrator.close()


async def test_strangers_cost_one_look_for_all(databases):
    asked = [databases.connect(f"no-such-{number}").__aenter__() for number in range(300)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(answer) for answer in answers} == {DatabaseMissingError}
    assert databases.open_connections == 1


async def test_a_project_that_another_process_has_just_made_is_found(databases, here: Address):
    async with databases.connect("project-0"):
        pass
    administrator = await connect(here, MAINTENANCE)
    await administrator.execute("CREATE DATABASE fresh")
    await administrator.close()
    async with databases.connect("main") as connection:
        await connection.execute("INSERT INTO projects VALUES ('fresh')")
    async with databases.connect("fresh") as connection:
        assert await connection.fetchval("SELECT current_database()") == "fresh"
