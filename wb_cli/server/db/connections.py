"""Connections, bounded in total: a pool for ``main``, and small ones for the projects in use."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from wb_cli.server.db.address import MAIN, STATEMENT_TIMEOUT_S, Address, decode_json
from wb_cli.server.db.errors import DatabaseBusyError, translated


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections, and how long a caller waits for one.

    PostgreSQL admits 100 in all. Helper containers, operators and a second server process during a
    restart need theirs too, so this process takes ``main + projects_open * per_project`` at most.
    """

    main: int = 4
    per_project: int = 4
    projects_open: int = 6
    acquire_within_s: float = 10.0
    idle_for_s: float = 60.0
    statement_s: float = STATEMENT_TIMEOUT_S

    @property
    def total(self) -> int:
        """The most connections that can be open at one time."""
        return self.main + self.projects_open * self.per_project


@dataclass(slots=True)
class _Pool:
    """One database's pool, how many hold or await a connection of it, and when it was last used."""

    pool: Any
    users: int = 0


@dataclass(slots=True)
class Connections:
    """Hands out connections by database name. Opens nothing before it is asked."""

    address: Address
    limits: Limits = field(default_factory=Limits)
    # In order of last use: the first one that nobody uses makes room for another project.
    _projects: dict[str, _Pool] = field(default_factory=dict)
    _main: _Pool | None = None
    _room: asyncio.Event = field(default_factory=asyncio.Event)
    _closed: bool = False

    @asynccontextmanager
    async def acquire(self, database: str) -> AsyncIterator[Any]:
        """A connection to one database, for the block. asyncpg's errors leave translated.

        Raises:
            DatabaseBusyError: none became free in time.
            DatabaseUnavailableError: PostgreSQL cannot be reached.
            DatabaseMissingError: there is no such database.
        """
        pool = await self._admitted(database)
        pool.users += 1
        try:
            with translated(self.address.host):
                await pool.pool  # initialises it; with no minimum size this never waits
                connection = await self._connection(pool, database)
                try:
                    yield connection
                finally:
                    await pool.pool.release(connection)
        finally:
            pool.users -= 1
            self._room.set()

    @property
    def open(self) -> int:
        """How many connections are open now."""
        pools = [*self._projects.values(), *([self._main] if self._main else [])]
        return sum(pool.pool.get_size() for pool in pools)

    async def forget(self, database: str) -> None:
        """Close a project's connections, as needed before its database is dropped."""
        if pool := self._projects.pop(database, None):
            pool.pool.terminate()
            self._room.set()

    async def close(self, within_s: float = 2.0) -> None:
        """Let running statements finish for as long as the deadline allows, then cut them off."""
        self._closed = True
        pools = [pool.pool for pool in (*self._projects.values(), self._main) if pool]
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await asyncio.gather(*(pool.close() for pool in pools), return_exceptions=True)
        for pool in pools:
            pool.terminate()

    async def _admitted(self, database: str) -> _Pool:
        """The database's pool; waits while every open pool is in use for another one."""
        try:
            async with asyncio.timeout(self.limits.acquire_within_s):
                while (pool := self._pool(database)) is None:
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError:
            raise self._busy(database) from None
        return pool

    async def _connection(self, pool: _Pool, database: str) -> Any:
        try:
            return await pool.pool.acquire(timeout=self.limits.acquire_within_s)
        except TimeoutError:
            raise self._busy(database) from None

    def _pool(self, database: str) -> _Pool | None:
        """The pool if there is one or room for one. Synchronous: no two callers can overfill it."""
        if self._closed:
            raise DatabaseBusyError("the server is shutting down")
        if database == MAIN:
            self._main = self._main or self._new(MAIN, self.limits.main)
            return self._main
        pool = self._projects.pop(database, None)
        if pool is None and self._has_room():
            pool = self._new(database, self.limits.per_project)
        if pool is not None:
            self._projects[database] = pool
        return pool

    def _has_room(self) -> bool:
        if len(self._projects) < self.limits.projects_open:
            return True
        idle = next((name for name, pool in self._projects.items() if not pool.users), None)
        if idle is not None:
            self._projects.pop(idle).pool.terminate()
        return idle is not None

    def _new(self, database: str, size: int) -> _Pool:
        return _Pool(
            asyncpg.create_pool(
                min_size=0,
                max_size=size,
                max_inactive_connection_lifetime=self.limits.idle_for_s,
                init=decode_json,
                **self.address.connect_arguments(database, self.limits.statement_s),
            )
        )

    def _busy(self, database: str) -> DatabaseBusyError:
        return DatabaseBusyError(
            f"no connection to the database {database!r} became free within "
            f"{self.limits.acquire_within_s:g} s",
            "try again; the server limits how many it opens",
        )
