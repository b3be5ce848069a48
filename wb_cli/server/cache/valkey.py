"""The connection to Valkey: the few calls we make, and a supervisor that knows if it is ready.

Nothing here waits for Valkey at boot. The supervisor connects, notices when the connection is lost,
connects again, and writes the log lines that an operator looks for.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from wb_cli.server.cache.address import connections_to, without_password
from wb_cli.server.cache.connections import Command, Connection, ConnectionPool
from wb_cli.server.cache.deadline import within
from wb_cli.server.cache.errors import BusyError, L2Error, LoadingError, LostError, RefusedError
from wb_cli.server.cache.usage import Usage, usage_of

log = logging.getLogger(__name__)

BATCH_CONNECTIONS = 2
IF_OURS = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call({}) end return 0"
RENEW = IF_OURS.format("'PEXPIRE', KEYS[1], ARGV[2]")
RELEASE = IF_OURS.format("'DEL', KEYS[1]")


class LinkState(StrEnum):
    """The state of the connection. `/health_check` shows the value."""

    CONNECTING = "connecting"
    LOADING = "loading"
    READY = "ready"
    LOST = "lost"
    CLOSED = "closed"


@dataclass(frozen=True)
class Timing:
    """Every interval of the link, in seconds."""

    deadline: float = 0.15  # of one read, once it has a connection
    batch_deadline: float = 1.0  # of one batch of reads or writes; no request waits for it
    probe: float = 0.5  # until a PING counts as unanswered
    heartbeat: float = 1.0  # between PINGs while all is well
    loading: float = 0.1  # between PINGs while Valkey reads its snapshot
    first_retry: float = 0.05  # doubled with each failure ...
    last_retry: float = 0.5  # ... up to this: well within a second of ready


async def nudged_or_after(nudge: asyncio.Event, seconds: float) -> None:
    """Wait until a check is asked for, or for so many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await nudge.wait()


class ValkeyLink:
    """One Valkey. `start` it, ask `is_ready`, and call. Calls raise `L2Error` and nothing else.

    Single reads and batches of reads have connections of their own, so that no request waits behind
    a batch. Writes share a single connection, so that they arrive in order.
    """

    def __init__(
        self,
        url: str,
        *,
        readers: int = 4,
        timing: Timing | None = None,
        wait: Callable[[asyncio.Event, float], Awaitable[None]] = nudged_or_after,
        make_connection: Callable[[], Any] | None = None,
    ) -> None:
        self.timing = timing or Timing()
        self.state = LinkState.CONNECTING
        self.reason: str | None = None
        self._wait = wait
        self._nudge = asyncio.Event()
        self._ready = asyncio.Event()
        self._on_ready: list[Callable[[], None]] = []
        self._was_ready = False
        self._retry = self.timing.first_retry
        self._task: asyncio.Task[None] | None = None
        self._public_url = without_password(url)
        make_connection = make_connection or connections_to(url)
        self._control = Connection(make_connection)
        self._writer = Connection(make_connection)
        self._writing = asyncio.Lock()
        self._readers = ConnectionPool(make_connection, readers)
        self._batches = ConnectionPool(make_connection, BATCH_CONNECTIONS)

    @property
    def is_ready(self) -> bool:
        """Whether Valkey answered the last PING."""
        return self.state is LinkState.READY

    def __repr__(self) -> str:
        return f"<ValkeyLink {self._public_url} {self.state}>"

    def start(self) -> None:
        """Begin to supervise in the background. Returns at once."""
        self._task = self._task or asyncio.create_task(self._supervise(), name="valkey-supervisor")

    def on_ready(self, callback: Callable[[], None]) -> None:
        """Call back each time Valkey becomes ready."""
        self._on_ready.append(callback)

    def suspect(self) -> None:
        """Check the connection now, because a call failed. Do not wait for the next heartbeat."""
        self._nudge.set()

    async def wait_ready(self, within: float) -> bool:
        """Whether Valkey is ready. Waits for that, so many seconds at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._ready.wait()
        return self.is_ready

    async def close(self) -> None:
        """Stop supervising and disconnect. A closed link stays closed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._drop_connections()
        self._control.close()
        if self.is_ready:
            log.info("[Valkey] Disconnected")
        self._set(LinkState.CLOSED, None)

    # Calls -----------------------------------------------------------------------------------

    async def get(self, key: bytes) -> bytes | None:
        """The value of one key, or None. Keeps the deadline of requests."""
        deadline = self.timing.deadline
        value: bytes | None = await self._on(
            self._readers, deadline, lambda connection: connection.call(("GET", key))
        )
        return value

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of many keys in one round trip."""
        values: list[bytes | None] = await self._ask(("MGET", *keys))
        return values

    async def prefixes(self, keys: Sequence[bytes], length: int) -> list[bytes]:
        """The first bytes of each value; no bytes if there is no value, or it is no string."""
        commands: list[Command] = [("GETRANGE", key, 0, length - 1) for key in keys]
        deadline = self.timing.batch_deadline
        replies = await self._on(
            self._batches, deadline, lambda connection: connection.pipeline(commands)
        )
        return [b"" if isinstance(reply, RefusedError) else reply for reply in replies]

    async def apply(
        self, changes: Sequence[tuple[bytes, bytes | None]]
    ) -> list[RefusedError | None]:
        """Store values in order; a value of None deletes its key. Returns each refusal or None."""
        commands: list[Command] = [
            ("UNLINK", key) if value is None else ("SET", key, value) for key, value in changes
        ]
        async with self._writing:
            replies = await within(
                self.timing.batch_deadline, lambda: self._writer.pipeline(commands)
            )
        return [reply if isinstance(reply, RefusedError) else None for reply in replies]

    async def lease(self, key: bytes, token: bytes, seconds: float) -> bool:
        """Take a lease, if nobody has it; whether it is ours. It may be sent twice."""
        if not self.is_ready:
            raise LostError(self.reason or f"Valkey is {self.state}")
        command = ("SET", key, token, "NX", "GET", "PX", int(seconds * 1000))
        deadline = self.timing.deadline
        holder = await self._on(self._readers, deadline, lambda it: it.call(command))
        return holder is None or holder == token

    async def renew(self, key: bytes, token: bytes, seconds: float) -> None:
        """Let a lease last longer, if it still has this token."""
        await self._ask(("EVAL", RENEW, 1, key, token, int(seconds * 1000)))

    async def release(self, key: bytes, token: bytes) -> None:
        """Give a lease back, if it still has this token."""
        await self._ask(("EVAL", RELEASE, 1, key, token))

    async def usage(self) -> Usage:
        """How many keys Valkey has, and how much memory it uses. Asked in one round trip."""
        commands: list[Command] = [("DBSIZE",), ("INFO", "memory")]
        deadline = self.timing.batch_deadline
        replies = await self._on(
            self._batches, deadline, lambda connection: connection.pipeline(commands)
        )
        for reply in replies:
            if isinstance(reply, RefusedError):
                raise reply
        return usage_of(*replies)

    async def _ask(self, command: Command) -> Any:
        deadline = self.timing.batch_deadline
        return await self._on(self._batches, deadline, lambda connection: connection.call(command))

    async def _on(
        self,
        connections: ConnectionPool,
        deadline: float,
        ask: Callable[[Connection], Coroutine[Any, Any, Any]],
    ) -> Any:
        connection = await connections.acquire(self.timing.batch_deadline)
        try:
            return await within(deadline, lambda: ask(connection))
        except LostError:
            connections.send_away()
            raise
        finally:
            connections.release(connection)

    # Supervision -----------------------------------------------------------------------------

    async def _supervise(self) -> None:
        while True:
            self._nudge.clear()
            pause = await self._check()
            await self._wait(self._nudge, pause)

    async def _check(self) -> float:
        """PING once, note the answer, and return the seconds until the next PING."""
        try:
            await self._ping()
        except LoadingError as error:
            return self._note_loading(str(error))
        except BusyError:  # this says nothing about Valkey
            return self.timing.first_retry
        except L2Error as error:
            return self._note_failure(str(error))
        self._note_ready()
        return self.timing.heartbeat

    async def _ping(self) -> None:
        reply = await within(self.timing.probe, lambda: self._control.call(("PING",)))
        if reply != b"PONG":
            raise LostError(f"PING was answered with {reply!r}")

    def _note_ready(self) -> None:
        self._retry = self.timing.first_retry
        if self.is_ready:
            return
        self._set(LinkState.READY, None)
        log.info("[Valkey] Ready")
        if not self._was_ready:
            log.info("[Valkey] Connected to %s", self._public_url)
        self._was_ready = True
        for callback in self._on_ready:
            callback()

    def _note_loading(self, reason: str) -> float:
        if self.state is not LinkState.LOADING:
            log.warning("[Valkey] Connection error: %s", reason)
        self._set(LinkState.LOADING, reason)
        return self.timing.loading

    def _note_failure(self, reason: str) -> float:
        before = self.state
        self._set(LinkState.LOST, reason)
        if before is LinkState.CONNECTING:
            log.warning("[Valkey] Could not connect (%s). Cache will be in-memory only.", reason)
        elif before is not LinkState.LOST:
            log.warning("[Valkey] Connection error: %s", reason)
            self._drop_connections()
        pause, self._retry = self._retry, min(self._retry * 2, self.timing.last_retry)
        return pause

    def _set(self, state: LinkState, reason: str | None) -> None:
        self.state, self.reason = state, reason
        if state is LinkState.READY:
            self._ready.set()
        else:
            self._ready.clear()

    def _drop_connections(self) -> None:
        self._writer.close()
        self._readers.close()
        self._batches.close()
