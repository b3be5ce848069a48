"""The connections of a process, and their cap. No connection stays silent or unread for ever."""

import resource
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import islice
from typing import Protocol

from wb_cli.server.settings import MOST_CONNECTIONS

# Descriptors for PostgreSQL, Valkey, files and the listening socket, but at most half of all.
DESCRIPTORS_FOR_OTHERS = 256
# Connections beyond the cap that may still ask for the health check.
RESERVE = 32
LOOK_AT_MOST = 64


class Open(Protocol):
    """A connection, as far as it matters here."""

    @property
    def has_unsent(self) -> bool:
        """Whether the peer has not read everything yet."""

    def end(self) -> None:
        """Close at once."""

    def end_if_overdue(self, now: float) -> None:
        """End it if its peer has taken too long."""


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
    open: set[Open] = field(default_factory=set)
    idle: dict[Open, None] = field(default_factory=dict)
    are_ending: bool = False  # whether the server stops

    @property
    def is_over_cap(self) -> bool:
        """Whether only the health check is answered."""
        return len(self.open) > self.cap

    def add(self, connection: Open) -> None:
        """Add a connection. At the cap, the connection that has been idle longest is ended.

        While the server stops, the added one is ended: what it asks could not be answered any more.
        """
        if self.are_ending:
            connection.end()
            return
        self.open.add(connection)
        if self.is_over_cap and self.idle:
            self._longest_idle().end()
        self.idle[connection] = None
        if len(self.open) > self.cap + RESERVE:
            connection.end()

    def _longest_idle(self) -> Open:
        """The longest idle connection, if possible one that has read its whole answer."""
        oldest = next(iter(self.idle))
        some = islice(self.idle, LOOK_AT_MOST)
        return next((connection for connection in some if not connection.has_unsent), oldest)

    def remove(self, connection: Open) -> None:
        """Forget a connection that is closed, or is about to be."""
        self.open.discard(connection)
        self.idle.pop(connection, None)

    def end_overdue(self, now: float) -> None:
        """End the connections that have taken too long."""
        for connection in list(self.open):
            connection.end_if_overdue(now)


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
