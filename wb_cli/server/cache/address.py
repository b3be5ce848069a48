"""From a Valkey URL to connections, and to what may be shown of it."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from valkey.asyncio.connection import ConnectionPool


def connections_to(url: str) -> Callable[[], Any]:
    """What makes a (closed) connection to the URL; never fails, its connections do."""
    # No timeouts in the library: our own deadlines cover connecting and every exchange.
    options = {"socket_timeout": None, "lib_name": None, "lib_version": None}
    try:
        make_connection: Callable[[], Any] = ConnectionPool.from_url(url, **options).make_connection
    except ValueError:
        # What the parser says may quote a part of the password.
        return InvalidUrl
    return make_connection


class InvalidUrl:
    """Stands for the connection that a malformed URL cannot give: the cache stays in memory."""

    is_connected = False

    def pack_command(self, *_: object) -> list[bytes]:
        """Fail as a connection fails."""
        raise OSError("not a valid URL")

    pack_commands = pack_command

    async def disconnect(self, *, nowait: bool) -> None:
        """Nothing to close."""


def without_password(url: str) -> str:
    """The URL as it may be logged: user, host, port and database number, nothing else."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(invalid URL)"
    if "@" in parts.path:  # where the rest of a password with a slash ends up
        return "(invalid URL)"
    credentials, _, host = parts.netloc.rpartition("@")
    user = credentials.partition(":")[0]
    database = parts.path if parts.path[1:].isdigit() else ""
    return urlunsplit((parts.scheme, f"{user}@{host}" if user else host, database, "", ""))
