"""A Valkey URL: how to connect to it, and which parts of it may be shown."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from valkey.asyncio.connection import ConnectionPool

from wb_cli.server.cache.wire import Wire


def connections_to(url: str) -> Callable[[], Any]:
    """A function that makes closed connections to the URL. For a bad URL, the connections fail."""
    try:
        make_connection: Callable[[], Any] = ConnectionPool.from_url(url).make_connection
    except ValueError:
        # The parser's message may quote a part of the password.
        return InvalidUrl
    return lambda: Wire(make_connection())


class InvalidUrl:
    """A connection to a malformed URL. It always fails, so the cache stays in memory."""

    is_connected = False

    async def exchange(self, _packed: bytes, _count: int) -> list[Any]:
        """Fail as a connection fails."""
        raise OSError("not a valid URL")

    def disconnect(self) -> None:
        """Nothing to close."""


def without_password(url: str) -> str:
    """The URL for the log, with user, host, port and database number, and nothing else."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(invalid URL)"
    if "@" in parts.path:  # the rest of a password with a slash
        return "(invalid URL)"
    credentials, _, host = parts.netloc.rpartition("@")
    user = credentials.partition(":")[0]
    database = parts.path if parts.path[1:].isdigit() else ""
    return urlunsplit((parts.scheme, f"{user}@{host}" if user else host, database, "", ""))
