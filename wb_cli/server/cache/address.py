"""A Valkey URL: how to connect to it, and which parts of it may be shown."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from valkey.asyncio.connection import ConnectionPool

# Take all that has come at once. The library's 64 KiB would move the rest of a batch many times.
READ_BYTES = 512 * 1024


def connections_to(url: str) -> Callable[[], Any]:
    """A function that makes closed connections to the URL. For a bad URL, the connections fail."""
    # The library needs no timeouts, because our deadlines cover connecting and every exchange.
    options: dict[str, Any] = {"socket_timeout": None, "lib_name": None, "lib_version": None}
    options["socket_read_size"] = READ_BYTES
    try:
        make_connection: Callable[[], Any] = ConnectionPool.from_url(url, **options).make_connection
    except ValueError:
        # The parser's message may quote a part of the password.
        return InvalidUrl
    return make_connection


class InvalidUrl:
    """A connection to a malformed URL. It always fails, so the cache stays in memory."""

    is_connected = False

    async def send_packed_command(self, _: object) -> None:
        """Fail as a connection fails."""
        raise OSError("not a valid URL")

    async def disconnect(self, *, nowait: bool) -> None:
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
