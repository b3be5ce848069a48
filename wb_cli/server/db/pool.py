"""The server's PostgreSQL: connections by database name, and whether it can be reached now.

Built, started and closed once per process::

    databases = Databases(settings.postgres, prepare=migrate_all)
    databases.start()
    await databases.wait_until_ready(deadline_s=30)
    async with databases.snapshot("a-project") as connection:
        ...
    await databases.close()
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from wb_cli.server.db.address import MAIN, Address, connect
from wb_cli.server.db.connections import Connections, Limits, Use
from wb_cli.server.db.errors import (
    DatabaseError,
    DatabaseUnavailableError,
    QueryTimeoutError,
    postgres_errors,
    reason,
)
from wb_cli.server.db.known_projects import KnownProjects

log = logging.getLogger(__name__)

PING_EVERY_S = 5.0
PING_WITHIN_S = 5.0  # a host that starts 40 instances is slow, but not down
# The server may start before its database. It then waits at most a fifth longer than it has to.
RETRY_AFTER_S = 0.02
RETRY_AT_MOST_AFTER_S = 1.0
LATER_EACH_TIME = 1.2


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """Whether PostgreSQL answers now; if not, why."""

    connected: bool
    reason: str = ""


class Databases:
    """Every database of this instance. It waits for PostgreSQL only if it is asked to.

    A task holds one connection to ``main``. The loss of this connection is the first sign of a
    restart, and the task connects again. ``prepare`` runs once, as soon as PostgreSQL answers. The
    state is connected only after that.

    Args:
        address: where PostgreSQL is.
        limits: how many connections this process may open.
        prepare: migrates the databases to this release.
        look: asks `main` something over the connection that is held: before the state is connected
            for the first time, every few seconds, and whenever `look_now` is called.
    """

    def __init__(
        self,
        address: Address,
        limits: Limits | None = None,
        prepare: Callable[["Databases"], Awaitable[None]] | None = None,
        look: Callable[[Any], Awaitable[object]] | None = None,
    ) -> None:
        self.address = address
        self._connections = Connections(address, limits or Limits())
        self._projects = KnownProjects(self._connections)
        self._prepare = prepare
        self._look = look or _ask_nothing
        self._nudge = asyncio.Event()
        self._state = DatabaseState(connected=False, reason="not connected yet")
        self._ready = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None

    @property
    def state(self) -> DatabaseState:
        """Whether PostgreSQL could be reached at the last look. Asks nothing."""
        return self._state

    @property
    def open_connections(self) -> int:
        """The number of open connections, for the metrics."""
        return self._connections.open

    def start(self) -> None:
        """Begin to connect and to watch, in the background."""
        self._watcher = self._watcher or asyncio.create_task(self._watch(), name="postgres-watch")

    def look_now(self) -> None:
        """Look at once, and not after some seconds."""
        self._nudge.set()

    async def wait_until_ready(self, deadline_s: float) -> None:
        """Return once PostgreSQL answers and is prepared.

        Raises:
            DatabaseUnavailableError: it took longer than ``deadline_s``. The watch goes on.
        """
        self.start()
        try:
            async with asyncio.timeout(deadline_s):
                await self._ready.wait()
        except TimeoutError:
            raise DatabaseUnavailableError(
                f"PostgreSQL at {self.address.host}:{self.address.port} was not ready within "
                f"{deadline_s:g} s: {self._state.reason}",
                "check PG_HOST, PG_PORT and PG_PASSWORD, and that PostgreSQL is running",
            ) from None

    @asynccontextmanager
    async def connect(self, database: str, use: Use = Use.SHORT) -> AsyncIterator[Any]:
        """A connection to ``main`` or to a project's database, for one ``async with``.

        Raises:
            DatabaseMissingError: there is no such project. This opens no connection.
        """
        if database != MAIN:
            await self._projects.check(database)
        async with self._connections.acquire(database, use) as connection:
            yield connection

    @asynccontextmanager
    async def snapshot(self, database: str) -> AsyncIterator[Any]:
        """A connection for a load. Every statement sees the same snapshot, and cannot write."""
        async with (
            self.connect(database, Use.LOAD) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection

    def doubt_projects(self) -> None:
        """Look again at which projects there are, as another process has changed them."""
        self._projects.doubt()

    async def forget(self, database: str) -> None:
        """Close the connections to a project's database before it is dropped."""
        self._projects.forget(database)
        await self._connections.forget(database)

    async def close(self, within_s: float = 2.0) -> None:
        """End the watch, let running statements finish until the deadline, and disconnect."""
        if self._watcher:
            self._watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self._watcher
        self._state = DatabaseState(connected=False, reason="closed")
        await self._projects.close()
        await self._connections.close(within_s)
        log.info("[PostgreSQL] Disconnected")

    async def _watch(self) -> None:
        pause = RETRY_AFTER_S
        while True:
            try:
                await self._stay_connected()
            except Exception as error:  # the watch goes on after any error
                if not isinstance(error, DatabaseError):
                    log.exception("[PostgreSQL] The watch failed")
                # A connection that worked is opened again at once. After refusals the pauses grow.
                pause = RETRY_AFTER_S if self._state.connected else pause * LATER_EACH_TIME
                self._note(DatabaseState(connected=False, reason=reason(error)))
            pause = min(pause, RETRY_AT_MOST_AFTER_S)
            await asyncio.sleep(pause)

    async def _stay_connected(self) -> None:
        """Prepare once, then hold a connection. Raises when the connection is lost."""
        if self._prepare:
            await self._prepare(self)
            self._prepare = None
        connection = await connect(self.address, MAIN)
        connection.add_termination_listener(lambda _: self._nudge.set())
        try:
            while not connection.is_closed():
                self._nudge.clear()
                await self._look_at(connection)
                self._note(DatabaseState(connected=True))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._nudge.wait(), PING_EVERY_S)
            raise DatabaseUnavailableError("PostgreSQL closed the connection")
        finally:
            connection.terminate()

    async def _look_at(self, connection: Any) -> None:
        try:
            with postgres_errors():
                async with asyncio.timeout(PING_WITHIN_S):
                    await self._look(connection)
        except QueryTimeoutError as error:
            raise DatabaseUnavailableError("PostgreSQL accepts but does not answer") from error

    def _note(self, state: DatabaseState) -> None:
        if state == self._state:
            return
        self._state = state
        if state.connected:
            self._ready.set()
            log.info("[PostgreSQL] Ready")
        else:
            self._ready.clear()
            log.warning("[PostgreSQL] Not available (%s)", state.reason)


async def _ask_nothing(connection: Any) -> None:
    await connection.fetchval("SELECT 1")
