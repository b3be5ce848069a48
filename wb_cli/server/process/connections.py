"""HTTP connections, with deadlines and a cap. No connection stays silent or unread for ever.

Uvicorn has a timer only for idle connections that it has answered before. This module has the other
deadlines. Every second the listener looks for overdue connections.
"""

import asyncio
import resource
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import islice
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from wb_cli.server.settings import MOST_CONNECTIONS

# Descriptors for PostgreSQL, Valkey, files and the listening socket, but at most half of all.
DESCRIPTORS_FOR_OTHERS = 256
# Connections beyond the cap that may still ask for the health check.
RESERVE = 32
LOOK_AT_MOST = 64
RECEIVED_ALL = (h11.DONE, h11.MUST_CLOSE, h11.CLOSED, h11.ERROR)


@dataclass(frozen=True)
class Patience:
    """How long a connection may take, in seconds."""

    # For the head of a request. The first head counts from the beginning of the connection.
    head: float = 20.0
    body: float = 60.0  # for the rest of the request
    unread: float = 60.0  # without reading anything of an answer


@dataclass
class Connections:
    """The open connections, and the idle ones, of which the longest idle is the first."""

    cap: int
    patience: Patience
    on_refused: Callable[[HTTPStatus], None]
    open: set["Connection"] = field(default_factory=set)
    idle: dict["Connection", None] = field(default_factory=dict)

    @property
    def is_over_cap(self) -> bool:
        """Whether only the health check is answered."""
        return len(self.open) > self.cap

    def add(self, connection: "Connection") -> None:
        """Add a connection. At the cap, the connection that has been idle longest is ended."""
        self.open.add(connection)
        if self.is_over_cap and self.idle:
            self._longest_idle().end()
        self.idle[connection] = None
        if len(self.open) > self.cap + RESERVE:
            connection.end()

    def _longest_idle(self) -> "Connection":
        """The longest idle connection, if possible one that has read its whole answer."""
        oldest = next(iter(self.idle))
        some = islice(self.idle, LOOK_AT_MOST)
        return next((connection for connection in some if not connection.has_unsent), oldest)

    def remove(self, connection: "Connection") -> None:
        """Forget a connection that is closed, or is about to be."""
        self.open.discard(connection)
        self.idle.pop(connection, None)

    def end_overdue(self, now: float) -> None:
        """End the connections that have taken too long."""
        for connection in list(self.open):
            connection.end_if_overdue(now)


class Connection(H11Protocol):
    """Uvicorn's HTTP/1.1 connection, which also knows how long it has waited for its peer."""

    all: Connections  # set by `kind_of`

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._waits_since: float | None = self.loop.time()
        self._has_head = False
        self._unsent = 0
        self._unsent_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
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

    def on_response_complete(self) -> None:
        """The answer is written, but perhaps not sent yet."""
        super().on_response_complete()
        self._note_progress()

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are no request."""
        self.all.on_refused(HTTPStatus.BAD_REQUEST)
        super().send_400_response(msg)

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

    def _time_out(self) -> None:
        """Answer 408 if a part of a head came; otherwise only close."""
        if self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
            self.all.on_refused(HTTPStatus.REQUEST_TIMEOUT)
            self.transport.write(
                b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            )
            self.transport.close()
            self._waits_since = None
        else:
            self.end()

    def _note_progress(self) -> None:
        """Note which part of a request is missing, and whether a request is being answered."""
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering or self.transport.is_closing():
            self.all.idle.pop(self, None)
        else:
            self.all.idle[self] = None
        state = self.conn.their_state
        if state in RECEIVED_ALL:
            self._waits_since, self._has_head = None, False
        elif state is h11.SEND_BODY and not self._has_head:
            self._waits_since, self._has_head = self.loop.time(), True


def kind_of(connections: Connections) -> type[Connection]:
    """The class of the connections that are counted there. Uvicorn makes them."""
    return type("OwnConnection", (Connection,), {"all": connections})


def cap_of(setting: int) -> int:
    """The cap of connections: the setting, but always below the limit of descriptors."""
    descriptors = raise_descriptors()
    others = min(DESCRIPTORS_FOR_OTHERS, descriptors // 2) + RESERVE
    return max(1, min(descriptors - others, setting))


def raise_descriptors() -> int:
    """Raise the limit of descriptors as far as needed and allowed; the new limit."""
    needed = MOST_CONNECTIONS + DESCRIPTORS_FOR_OTHERS + RESERVE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return needed
    allowed = needed if hard == resource.RLIM_INFINITY else min(hard, needed)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed
