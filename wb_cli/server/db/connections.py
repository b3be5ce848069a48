"""Connections to every database of the server, from one budget for the whole process."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any

from wb_cli.errors import WbError
from wb_cli.server.db.address import STATEMENT_TIMEOUT_S, Address, connect
from wb_cli.server.db.errors import (
    DatabaseBusyError,
    DatabaseUnavailableError,
    QueryTimeoutError,
    postgres_errors,
)


class Use(Enum):
    """What a connection is wanted for."""

    SHORT = auto()  # a version, a list or a single write takes milliseconds
    LOAD = auto()  # results take seconds, or a minute
    NOTICES = auto()  # it is held, to hear of changes


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections, and how long a caller waits for one.

    PostgreSQL admits 100 connections. During a restart two server processes run side by side, and
    leave 12 of them to helper containers and operators. Forty projects can keep one each.

    Loads never take all connections. The others are for versions, which every answer needs.
    """

    total: int = 44
    loads: int = 16
    loads_per_database: int = 6
    notices: int = 16
    shorts_per_database: int = 4
    acquire_within_s: float = 10.0
    idle_for_s: float = 60.0
    statement_s: float = STATEMENT_TIMEOUT_S

    def share(self, workers: int) -> "Limits":
        """The limits of each worker, which are those of the server, divided."""
        loads = self.loads // workers
        return replace(
            self,
            total=self.total // workers,
            loads=loads,
            loads_per_database=min(loads, self.loads_per_database),
            notices=self.notices // workers,
        )


@dataclass(slots=True, eq=False)
class _Database:
    """One database's connections, and the gates in front of them."""

    shorts: asyncio.Semaphore
    loads: asyncio.Semaphore
    idle: dict[Any, float] = field(
        default_factory=dict
    )  # with the time of their last use, the oldest first
    busy: dict[Any, Use] = field(default_factory=dict)
    opening: list[Use] = field(default_factory=list)
    is_forgotten: bool = False

    @property
    def size(self) -> int:
        return len(self.idle) + len(self.busy) + len(self.opening)

    @property
    def serves_versions(self) -> bool:
        """Whether a caller for a version can wait for a connection that will come back soon."""
        return Use.SHORT in self.opening or Use.SHORT in self.busy.values()


class Connections:
    """Hands out connections by database name. Opens a connection only when it is asked for.

    asyncpg's pool resets a connection each time it comes back. That is a round trip, and takes as
    long as reading a version. Nothing in `db/` leaves state in a session (no SET, LISTEN, temporary
    table or session lock), so connections are not reset here. After an error that leaves a
    connection in doubt, it is closed.
    """

    def __init__(self, address: Address, limits: Limits | None = None) -> None:
        self.address = address
        self.limits = limits or Limits()
        self._databases: dict[str, _Database] = {}
        self._loads = asyncio.Semaphore(self.limits.loads)
        self._notices = asyncio.Semaphore(self.limits.notices)
        self._changed = asyncio.Event()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False

    @asynccontextmanager
    async def acquire(self, database: str, use: Use = Use.SHORT) -> AsyncIterator[Any]:
        """A connection to one database, for the block. asyncpg's errors are translated.

        Raises:
            DatabaseBusyError: no connection became free in time.
            DatabaseUnavailableError: PostgreSQL cannot be reached.
            DatabaseMissingError: there is no such database.
        """
        known = self._known(database)
        async with AsyncExitStack() as gates:
            connection = await self._admitted(gates, known, database, use)
            try:
                with postgres_errors(self.address.host):
                    yield connection
            except BaseException as error:
                self._take_back(known, connection, is_in_doubt=not leaves_sound(error))
                raise
            is_in_doubt = connection.is_closed() or connection.is_in_transaction()
            self._take_back(known, connection, is_in_doubt=is_in_doubt)

    @property
    def open(self) -> int:
        """The number of connections that are open or are being opened."""
        return sum(known.size for known in self._databases.values())

    async def forget(self, database: str) -> None:
        """Close a project's connections, so that its database can be dropped."""
        if known := self._databases.pop(database, None):
            known.is_forgotten = True
            for connection in (*known.idle, *known.busy):
                connection.terminate()
            self._changed.set()

    async def close(self, within_s: float = 2.0) -> None:
        """Let running statements finish until the deadline, then cut them off."""
        self._closed = True
        if self._sweeper:
            self._sweeper.cancel()
        for known, connection in list(self._idle()):
            self._part_with(known, connection)
        deadline = time.monotonic() + within_s
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._are_busy():
                    await self._wait_for_change()
        for known in self._databases.values():
            for connection in known.busy:
                connection.terminate()
        if self._closing:
            await asyncio.wait(self._closing, timeout=max(0.1, deadline - time.monotonic()))

    # A caller's turn -------------------------------------------------------------------------

    async def _admitted(
        self, gates: AsyncExitStack, known: _Database, database: str, use: Use
    ) -> Any:
        """Pass the gates, which keep callers in the order of their arrival. Take a connection."""
        gates_of = {
            Use.SHORT: (known.shorts,),
            Use.LOAD: (known.loads, self._loads),
            Use.NOTICES: (self._notices,),
        }
        try:
            async with asyncio.timeout(self.limits.acquire_within_s):
                for gate in gates_of[use]:
                    await gates.enter_async_context(gate)
                while not (self._can_reuse(known) or self._can_open(known, use)):
                    await self._wait_for_change()
        except TimeoutError:
            raise self._busy(database) from None
        return self._reused(known, use) or await self._opened(known, database, use)

    def _can_reuse(self, known: _Database) -> bool:
        if self._closed:
            raise DatabaseBusyError("the server is shutting down")
        for connection in [idle for idle in known.idle if idle.is_closed()]:
            del known.idle[connection]
        return bool(known.idle)

    def _reused(self, known: _Database, use: Use) -> Any | None:
        if not known.idle:
            return None
        connection, _ = (
            known.idle.popitem()
        )  # the connection used last, so that the others grow old
        known.busy[connection] = use
        return connection

    def _can_open(self, known: _Database, use: Use) -> bool:
        """Whether the budget admits one more connection. An idle connection may be closed for it.

        A caller for a version does not take another database's only connection if it can wait for
        its own database's. Otherwise databases in use at one time would reconnect in turns.
        """
        if self.open < self.limits.total:
            return True
        idle = sorted(self._idle(), key=lambda pair: pair[0].idle[pair[1]])
        spare = next((pair for pair in idle if pair[0].size > 1), None)
        if spare is None and idle and (use is Use.LOAD or not known.serves_versions):
            spare = idle[0]
        if spare is not None:
            owner, connection = spare
            del owner.idle[connection]
            connection.terminate()
        return spare is not None

    async def _opened(self, known: _Database, database: str, use: Use) -> Any:
        known.opening.append(use)
        try:
            connection = await connect(self.address, database, self.limits.statement_s)
        except BaseException:
            self._changed.set()
            raise
        finally:
            known.opening.remove(use)
        known.busy[connection] = use
        return connection

    def _take_back(self, known: _Database, connection: Any, *, is_in_doubt: bool) -> None:
        if self._closed or known.is_forgotten or is_in_doubt:
            self._part_with(known, connection)
            return
        known.busy.pop(connection, None)
        known.idle[connection] = time.monotonic()
        self._changed.set()
        self._sweep_later()

    def _part_with(self, known: _Database, connection: Any) -> None:
        """Close a connection in the background, as it may take long. This cancels its statement."""
        known.busy.pop(connection, None)
        known.idle.pop(connection, None)
        self._changed.set()
        if not connection.is_closed():
            task = asyncio.create_task(_closed(connection))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _wait_for_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    # What is there ---------------------------------------------------------------------------

    def _known(self, database: str) -> _Database:
        if database not in self._databases:
            self._databases[database] = _Database(
                asyncio.Semaphore(self.limits.shorts_per_database),
                asyncio.Semaphore(self.limits.loads_per_database),
            )
        return self._databases[database]

    def _idle(self) -> Iterator[tuple[_Database, Any]]:
        return (
            (known, connection) for known in self._databases.values() for connection in known.idle
        )

    def _are_busy(self) -> bool:
        return any(known.busy for known in self._databases.values())

    def _sweep_later(self) -> None:
        if self._sweeper is None:
            loop = asyncio.get_running_loop()
            self._sweeper = loop.call_later(self.limits.idle_for_s, self._sweep)

    def _sweep(self) -> None:
        """Close the connections that were not used for a while."""
        self._sweeper = None
        oldest = time.monotonic() - self.limits.idle_for_s
        for known, connection in list(self._idle()):
            if known.idle[connection] <= oldest:
                self._part_with(known, connection)
        if any(True for _ in self._idle()):
            self._sweep_later()

    def _busy(self, database: str) -> DatabaseBusyError:
        return DatabaseBusyError(
            f"no connection to the database {database!r} became free within "
            f"{self.limits.acquire_within_s:g} s",
            "try again; the server limits how many it opens",
        )


def leaves_sound(error: BaseException) -> bool:
    """Whether a connection can be used again after this error, as after a refused statement."""
    is_lost = isinstance(error, DatabaseUnavailableError | QueryTimeoutError)
    return isinstance(error, WbError) and not is_lost


async def _closed(connection: Any) -> None:
    """Close the connection properly, or abort it if the server does not answer."""
    try:
        await connection.close(timeout=2)
    except Exception:  # noqa: BLE001  (the connection is aborted after any error)
        connection.terminate()
