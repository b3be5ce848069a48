"""A connection with deadlines. Every second the listener looks for those that are overdue.

Uvicorn has a timer only for idle connections that it has answered before. The other deadlines are
here. What a connection has received is known to its parser, so each parser has a class of its own.
"""

import asyncio
import sys
from collections.abc import Callable
from enum import Enum, auto
from http import HTTPStatus
from typing import Any

from wb_cli.server.process.connections import Connections

TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Received(Enum):
    """What has come of a request."""

    NOTHING = auto()
    PART_OF_HEAD = auto()
    HEAD = auto()
    ALL = auto()


class Watched(asyncio.Protocol):
    """What is common to the connections of both parsers. It stands before uvicorn's own class."""

    all: Connections  # set by `door.protocol_of`
    reads_with: str  # the name of the parser
    # Uvicorn's.
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    cycle: Any
    timeout_keep_alive: int
    timeout_keep_alive_task: asyncio.TimerHandle | None
    timeout_keep_alive_handler: Callable[[], None]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._waits_since: float | None = self.loop.time()
        self._has_head = False
        self._unsent = 0
        self._unsent_since = 0.0

    @property
    def received(self) -> Received:
        """What has come of the request that is being read."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The peer has connected."""
        super().connection_made(transport)
        self.all.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self.all.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some bytes of a request."""
        if self._waits_since is None:
            self._waits_since = self.loop.time()
        super().data_received(data)
        self._note_progress()
        self._keep_alive_again()

    def on_response_complete(self) -> None:
        """The answer is written, but perhaps not sent yet."""
        super().on_response_complete()  # type: ignore[misc]
        self._note_progress()

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are no request, and say why."""
        self.all.on_refused(HTTPStatus.BAD_REQUEST)
        error = sys.exc_info()[1]
        told = msg if error is None else f"{msg} {ascii(str(error))[1:-1]}"
        super().send_400_response(told)  # type: ignore[misc]

    @property
    def has_unsent(self) -> bool:
        """Whether the peer has not read everything yet."""
        return self.transport.get_write_buffer_size() > 0

    def end(self) -> None:
        """Close at once, and drop what waits to be sent."""
        self.all.remove(self)
        self.transport.abort()

    def end_if_overdue(self, now: float) -> None:
        """End it if the peer reads nothing, or has not sent its request in time."""
        patience = self.all.patience
        unsent = self.transport.get_write_buffer_size()
        if unsent != self._unsent:
            self._unsent, self._unsent_since = unsent, now
        if unsent:
            if now - self._unsent_since >= patience.unread:
                self.end()
        elif self._waits_since is not None:
            allowed = patience.body if self._has_head else patience.head
            if now - self._waits_since >= allowed:
                self._time_out()

    @property
    def is_answering(self) -> bool:
        """Whether the last request that came is not answered yet."""
        return self.cycle is not None and not self.cycle.response_complete

    def _keep_alive_again(self) -> None:
        """Start the idle time anew after bytes that began no request.

        Such are a blank line, and the rest of a body that was answered before it came. Uvicorn
        ends the idle time with any bytes, and starts it only with an answer.
        """
        is_answered = self.cycle is not None and self.cycle.response_complete
        is_between = self.received in (Received.NOTHING, Received.ALL)
        if is_answered and is_between and self.timeout_keep_alive_task is None:
            self._waits_since, self._has_head = None, False
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _time_out(self) -> None:
        """Answer 408 if a part of a head came; otherwise only close."""
        if self.received is Received.PART_OF_HEAD and not self.is_answering:
            self.all.on_refused(HTTPStatus.REQUEST_TIMEOUT)
            self.transport.write(TIMED_OUT)
            self.transport.close()
            self._waits_since = None
        else:
            self.end()

    def _note_progress(self) -> None:
        """Note which part of a request is missing, and whether a request is being answered."""
        if self.is_answering or self.transport.is_closing():
            self.all.idle.pop(self, None)
        else:
            self.all.idle[self] = None
        received = self.received
        if received is Received.ALL:
            self._waits_since, self._has_head = None, False
        elif received is Received.HEAD and not self._has_head:
            self._waits_since, self._has_head = self.loop.time(), True
