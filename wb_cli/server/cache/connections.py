"""Connections to Valkey: one exchange at a time on each, foreign errors translated at this door."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from valkey import exceptions

from wb_cli.server.cache.errors import BusyError, LoadingError, LostError, RefusedError

Command = tuple[str | bytes | int, ...]


@contextmanager
def foreign_errors() -> Iterator[None]:
    """Turn the client library's errors into ours."""
    try:
        yield
    except exceptions.BusyLoadingError as error:
        raise LoadingError(f"LOADING {error}") from error
    except exceptions.ResponseError as error:
        raise RefusedError(str(error)) from error
    except (exceptions.ValkeyError, OSError) as error:
        raise LostError(str(error) or type(error).__name__) from error


class Connection:
    """One connection, opened when first used and again after it broke.

    Whatever interrupts an exchange, a cancelled caller included, closes the connection: a reply
    that nobody read must not answer the next question.
    """

    def __init__(self, make_connection: Callable[[], Any]) -> None:
        self._wire = make_connection()

    async def call(self, command: Command) -> Any:
        """Send one command and return its reply."""
        return (await self._exchange([command], keep_refusals=False))[0]

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands in one go; a reply each, a `RefusedError` where the server said no."""
        return await self._exchange(commands, keep_refusals=True)

    async def close(self) -> None:
        """Drop the connection; the next exchange opens a new one."""
        await self._wire.disconnect(nowait=True)

    async def _exchange(self, commands: Sequence[Command], *, keep_refusals: bool) -> list[Any]:
        was_open = self._wire.is_connected
        try:
            with foreign_errors():
                return await self._send_and_read(commands, keep_refusals=keep_refusals)
        except LostError:
            # A connection that idled while the server restarted tells so only when it is used.
            # All our commands may be sent twice.
            if not was_open:
                raise
        with foreign_errors():
            return await self._send_and_read(commands, keep_refusals=keep_refusals)

    async def _send_and_read(
        self, commands: Sequence[Command], *, keep_refusals: bool
    ) -> list[Any]:
        wire = self._wire
        packed = wire.pack_command(*commands[0])
        if len(commands) > 1:
            packed = wire.pack_commands(commands)
        await wire.send_packed_command(packed)
        if not keep_refusals:
            return [await wire.read_response()]
        return [await _read_or_refusal(wire) for _ in commands]


async def _read_or_refusal(wire: Any) -> Any:
    try:
        return await wire.read_response()
    except exceptions.ResponseError as error:
        return RefusedError(str(error))


class ConnectionPool:
    """A few connections; who finds all of them in use stands in line.

    A burst on a healthy server is served in its turn. As soon as the server fails one of those in
    front, the whole line is sent away: on a server that hangs, nobody waits for two deadlines.
    """

    def __init__(self, make_connection: Callable[[], Any], size: int) -> None:
        self._idle = [Connection(make_connection) for _ in range(size)]
        self._connections = tuple(self._idle)
        self._line: deque[asyncio.Future[Connection]] = deque()

    async def acquire(self, patience: float) -> Connection:
        """A connection, the one used last first, so that idle ones stay closed; or `BusyError`."""
        if self._idle:
            return self._idle.pop()
        turn: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            async with asyncio.timeout(patience):
                return await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.release(turn.result())  # our turn came, and we are no longer there
            if isinstance(error, TimeoutError):
                raise BusyError(f"no free connection within {patience:g} s") from error
            raise

    def release(self, connection: Connection) -> None:
        """Give a connection to the next in line, or back."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        self._idle.append(connection)

    def send_away(self) -> None:
        """The server does not answer: nobody in line shall wait for that."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_exception(BusyError("the server failed those in front"))

    async def close(self) -> None:
        """Drop every connection."""
        for connection in self._connections:
            await connection.close()
