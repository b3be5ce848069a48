"""The wire to one Valkey: opened as its URL says, for one exchange at a time."""

import asyncio
from typing import Any

from wb_cli.server.cache.connections import Command, pack
from wb_cli.server.cache.errors import L2Error, LoadingError, LostError
from wb_cli.server.cache.replies import Replies


class Wire:
    """A connection that is opened at its first use, and opened again after it was lost.

    Args:
        known: a connection of the client library, which knows what the URL says. It is never
            opened.
    """

    def __init__(self, known: Any) -> None:
        self._known = known
        self.host: str = getattr(known, "host", "")  # a Unix socket has neither
        self.port: int = getattr(known, "port", 0)
        self.db: int = known.db
        self._replies: Replies | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the next exchange needs no new connection."""
        return self._replies is not None and self._replies.is_open

    async def exchange(self, packed: bytes, count: int) -> list[Any]:
        """Send commands, and return so many replies. An error among them is an `L2Error`.

        If an exchange is interrupted, even by a cancelled caller, the connection is closed.
        Otherwise the reply that was not read would answer the next question.

        Raises:
            L2Error: Valkey sent this connection away, or it was lost.
            OSError: there is no connection.
        """
        try:
            replies = self._replies
            if replies is None or not replies.is_open:
                replies = self._replies = await self._open()
            return await replies.ask(packed, count)
        except BaseException:
            self.disconnect()
            raise

    def disconnect(self) -> None:
        """Drop the connection; the next exchange opens a new one."""
        if self._replies is not None:
            self._replies.close()
            self._replies = None

    async def _open(self) -> Replies:
        loop, known = asyncio.get_running_loop(), self._known
        if path := getattr(known, "path", ""):
            _, replies = await loop.create_unix_connection(Replies, path)
        else:
            tls = known.ssl_context.get() if hasattr(known, "ssl_context") else None
            _, replies = await loop.create_connection(Replies, self.host, self.port, ssl=tls)
        try:
            if greetings := self._greetings():
                for reply in await replies.ask(pack(greetings), len(greetings)):
                    _check(reply)
        except BaseException:
            replies.close()
            raise
        return replies

    def _greetings(self) -> list[Command]:
        """Who we are, and which database we mean."""
        user, password = self._known.username, self._known.password
        greetings: list[Command] = []
        if user:
            greetings.append(("AUTH", user, password or ""))
        elif password:
            greetings.append(("AUTH", password))
        if name := self._known.client_name:
            greetings.append(("CLIENT", "SETNAME", name))
        if self.db:
            greetings.append(("SELECT", self.db))
        return greetings


def _check(reply: Any) -> None:
    if isinstance(reply, LoadingError):
        raise reply
    if isinstance(reply, L2Error):
        raise LostError(str(reply))
