"""Connections to Valkey. Each has one exchange at a time. Foreign errors are translated here."""

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from wb_cli.server.cache.errors import BusyError, L2Error, LostError, RefusedError

Command = tuple[str | bytes | int, ...]


@contextmanager
def wire_errors(wire: Any) -> Iterator[None]:
    """Turn the errors of a wire without a connection into ours."""
    try:
        yield
    except (OSError, ValueError) as error:  # a host's name may be none
        raise LostError(reason(error, wire)) from error


def reason(error: Exception, wire: Any) -> str:
    """One line that says why Valkey cannot be used. It names the host if there is no connection."""
    host, port = getattr(wire, "host", ""), getattr(wire, "port", "")  # a Unix socket has neither
    if isinstance(error, socket.gaierror):
        # The engine's name server knows a container's name only while the container runs.
        return f'cannot find the host "{host}": is its container running?'
    if host and isinstance(error, ConnectionRefusedError):
        return f"{host}:{port} refuses connections"
    return str(error) or type(error).__name__


class Connection:
    """One connection. It is opened at its first use, and opened again after it broke."""

    def __init__(self, make_connection: Callable[[], Any]) -> None:
        self._wire = make_connection()

    async def call(self, command: Command) -> Any:
        """Send one command and return its reply."""
        return (await self._exchange([command], keep_refusals=False))[0]

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands in one go. The answer to each is a reply, or a `RefusedError`."""
        return await self._exchange(commands, keep_refusals=True) if commands else []

    def close(self) -> None:
        """Drop the connection; the next exchange opens a new one."""
        self._wire.disconnect()

    async def _exchange(self, commands: Sequence[Command], *, keep_refusals: bool) -> list[Any]:
        was_open = self._wire.is_connected
        try:
            with wire_errors(self._wire):
                return await self._send_and_read(commands, keep_refusals=keep_refusals)
        except LostError:
            # If the server restarted while the connection was idle, only the next use shows it.
            # It is safe to send any of our commands twice.
            if not was_open:
                raise
        with wire_errors(self._wire):
            return await self._send_and_read(commands, keep_refusals=keep_refusals)

    async def _send_and_read(
        self, commands: Sequence[Command], *, keep_refusals: bool
    ) -> list[Any]:
        found = await self._wire.exchange(pack(commands), len(commands))
        replies = [error_in(reply) or reply for reply in found]
        for reply in replies:
            if isinstance(reply, LostError):
                self._wire.disconnect()
            if isinstance(reply, L2Error) and not (
                keep_refusals and isinstance(reply, RefusedError)
            ):
                raise reply
        return replies


def error_in(reply: Any) -> L2Error | None:
    """The error that a reply is, or that it has within."""
    if isinstance(reply, list):
        return next((item for item in reply if isinstance(item, L2Error)), None)
    return reply if isinstance(reply, L2Error) else None


def pack(commands: Sequence[Command]) -> bytes:
    """Commands as Valkey reads them. The client library takes four times as long for many keys."""
    parts: list[bytes] = []
    for command in commands:
        parts.append(b"*%d\r\n" % len(command))
        for word in command:
            encoded = word if isinstance(word, bytes) else str(word).encode()
            parts += (b"$%d\r\n" % len(encoded), encoded, b"\r\n")
    return b"".join(parts)


class ConnectionPool:
    """A few connections. A caller that finds all of them in use waits in line.

    On a healthy server a burst of callers is served in turn. As soon as a call in front fails, the
    whole line is sent away, so that on a server that hangs no caller waits for two deadlines.
    """

    def __init__(self, make_connection: Callable[[], Any], size: int) -> None:
        self._idle = [Connection(make_connection) for _ in range(size)]
        self._connections = tuple(self._idle)
        self._line: deque[asyncio.Future[Connection]] = deque()

    async def acquire(self, patience: float) -> Connection:
        """The connection used last, so that others stay closed; `BusyError` if all are in use."""
        if self._idle:
            return self._idle.pop()
        turn: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            async with asyncio.timeout(patience):
                return await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.release(turn.result())  # our turn came too late
            if isinstance(error, TimeoutError):
                raise BusyError(f"no free connection within {patience:g} s") from error
            raise

    def release(self, connection: Connection) -> None:
        """Give the connection to the next caller in line, or back to the pool."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        self._idle.append(connection)

    def send_away(self) -> None:
        """Fail every caller in line, because the server does not answer."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_exception(BusyError("the server failed those in front"))

    def close(self) -> None:
        """Drop every connection."""
        for connection in self._connections:
            connection.close()
