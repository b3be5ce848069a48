"""Connections to Valkey: one exchange at a time on each, foreign errors translated at this door."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from valkey import exceptions

from wb_cli.server.cache.errors import LoadingError, LostError, RefusedError

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


class Lane:
    """One connection, opened when first used and again after it broke.

    Whatever interrupts an exchange, a cancelled caller included, closes the connection: a reply
    that nobody read must not answer the next question.
    """

    def __init__(self, make_connection: Callable[[], Any]) -> None:
        self._connection = make_connection()

    async def call(self, command: Command) -> Any:
        """Send one command and return its reply."""
        return (await self._exchange([command], keep_refusals=False))[0]

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands in one go; a reply each, a `RefusedError` where the server said no."""
        return await self._exchange(commands, keep_refusals=True)

    async def close(self) -> None:
        """Drop the connection; the next exchange opens a new one."""
        await self._connection.disconnect(nowait=True)

    async def _exchange(self, commands: Sequence[Command], *, keep_refusals: bool) -> list[Any]:
        was_open = self._connection.is_connected
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
        connection = self._connection
        packed = connection.pack_command(*commands[0])
        if len(commands) > 1:
            packed = connection.pack_commands(commands)
        await connection.send_packed_command(packed)
        if not keep_refusals:
            return [await connection.read_response()]
        return [await _read_or_refusal(connection) for _ in commands]


async def _read_or_refusal(connection: Any) -> Any:
    try:
        return await connection.read_response()
    except exceptions.ResponseError as error:
        return RefusedError(str(error))


class LanePool:
    """A few lanes; who finds all of them in use waits for the first that is free."""

    def __init__(self, make_connection: Callable[[], Any], size: int) -> None:
        self._idle = [Lane(make_connection) for _ in range(size)]
        self._lanes = tuple(self._idle)
        self._free = asyncio.Semaphore(size)

    async def acquire(self) -> Lane:
        """A lane for one exchange; the one used last comes first, so that idle ones stay closed."""
        await self._free.acquire()
        return self._idle.pop()

    def release(self, lane: Lane) -> None:
        """Give a lane back."""
        self._idle.append(lane)
        self._free.release()

    async def close(self) -> None:
        """Drop every connection."""
        for lane in self._lanes:
            await lane.close()
