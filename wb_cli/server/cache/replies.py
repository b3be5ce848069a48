"""What comes from Valkey, as replies.

The client library reads through a stream. That copies the bytes twice more, and wakes whoever waits
at each part that comes. Here the parser takes the bytes where the socket has put them, and whoever
waits is woken once, when all replies are there.
"""

import asyncio
from typing import Any, cast

import libvalkey

from wb_cli.server.cache.errors import L2Error, LoadingError, LostError, RefusedError

# What the socket may bring at once.
READ_BYTES = 256 * 1024
NOT_YET = object()
LOADING = "LOADING "
# With these Valkey says that it serves nobody on this connection.
SENDS_AWAY = ("NOAUTH ", "WRONGPASS ", "ERR max number of clients reached")


def error_of(line: str) -> L2Error:
    """The error that Valkey answers with."""
    if line.startswith(LOADING):
        return LoadingError(line)
    return LostError(line) if line.startswith(SENDS_AWAY) else RefusedError(line)


class Replies(asyncio.BufferedProtocol):
    """The protocol of one connection. It answers one question at a time.

    A reply that nobody has asked for ends the connection, as it would answer the next question.
    """

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._parser = libvalkey.Reader(
            protocolError=LostError, replyError=error_of, notEnoughData=NOT_YET
        )
        self._transport: asyncio.Transport | None = None
        self._found: list[Any] = []
        self._wanted = 0
        self._waiting: asyncio.Future[list[Any]] | None = None
        self._end: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether a question can be asked."""
        return self._transport is not None and self._end is None

    async def ask(self, packed: bytes, count: int) -> list[Any]:
        """Send commands, and return so many replies, which is at least one.

        An error that Valkey answers with stands among the replies, as an `L2Error`. A caller that
        is cancelled must close the connection: its replies are still to come.

        Raises:
            LostError: the connection was lost.
        """
        if self._transport is None or self._end is not None:
            raise LostError(self._end or "not connected")
        self._wanted = count
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(packed)
        return await self._waiting

    def close(self) -> None:
        """Drop the connection."""
        self._lose("the connection was closed")

    # The protocol ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Where the socket puts what comes."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Parse what came. Once all replies are there, wake whoever waits."""
        if self._end is not None:
            return
        # Its stubs say text or bytes; it takes any buffer.
        self._parser.feed(self._buffer, 0, nbytes)  # type: ignore[arg-type]
        try:
            while (reply := self._parser.gets()) is not NOT_YET:
                self._found.append(reply)
        except LostError as error:  # this is not Valkey
            self._lose(str(error))
            return
        if len(self._found) > self._wanted:
            unasked = self._found[self._wanted]
            is_error = isinstance(unasked, L2Error)
            self._lose(str(unasked) if is_error else "Valkey sent what nobody had asked for")
        elif self._found and len(self._found) == self._wanted:
            self._answer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self._lose(str(exc) if exc else "Valkey closed the connection")

    def _answer(self) -> None:
        found, self._found, self._wanted = self._found, [], 0
        waiting, self._waiting = self._waiting, None  # what was answered is not kept here
        if waiting is not None and not waiting.done():
            waiting.set_result(found)

    def _lose(self, why: str) -> None:
        if self._end is not None:
            return
        self._end = why
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(LostError(why))
        if self._transport is not None:
            self._transport.abort()
