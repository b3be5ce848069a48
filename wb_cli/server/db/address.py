"""The address of PostgreSQL, and how to open one connection to it."""

from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson

from wb_cli.contract import POSTGRES_PORT, POSTGRES_SUPERUSER
from wb_cli.server.db.asyncpg_internals import limit_read_ahead
from wb_cli.server.db.errors import postgres_errors

MAIN = "main"
MAINTENANCE = "postgres"  # it always exists, so `main` can be created from it

CONNECT_WITHIN_S = 5.0
STATEMENT_TIMEOUT_S = 60.0
# asyncpg makes rows of all bytes that are there, and the event loop waits meanwhile: 59 ms for the
# versions of 20,000 objects, and 6 ms with this limit. With 16 KiB, loads take twice as long.
READ_AHEAD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Address:
    """Host, port and credentials of the instance's PostgreSQL."""

    host: str = "localhost"
    port: int = POSTGRES_PORT
    password: str = field(default="", repr=False)
    user: str = POSTGRES_SUPERUSER

    def connect_arguments(self, database: str, limit_s: float | None) -> dict[str, Any]:
        """The arguments that asyncpg needs to connect to one database."""
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "database": database,
            "timeout": CONNECT_WITHIN_S,
            # The server cancels first. The client's own limit is for a server that hangs.
            "command_timeout": limit_s and limit_s + 5,
            "server_settings": {
                "application_name": "wb-platform",
                "statement_timeout": f"{(limit_s or 0) * 1000:.0f}ms",
                "idle_in_transaction_session_timeout": "120s",
            },
        }


async def connect(
    address: Address, database: str, limit_s: float | None = STATEMENT_TIMEOUT_S
) -> Any:
    """Open a connection for the caller. A statement may take ``limit_s`` seconds.

    Raises:
        DatabaseUnavailableError: PostgreSQL does not answer, or not yet.
        DatabaseMissingError: there is no such database.
    """
    with postgres_errors(address.host):
        connection = await asyncpg.connect(**address.connect_arguments(database, limit_s))
        limit_read_ahead(connection, READ_AHEAD_BYTES)
        await decode_json(connection)
        return connection


async def decode_json(connection: Any) -> None:
    """Let jsonb columns and parameters be Python values."""
    # In the binary form, which COPY needs: a version byte, then the text.
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\1" + orjson.dumps(value),
        decoder=_decode,
    )


class Undecodable:
    """JSON that PostgreSQL holds but a JSON reader refuses, such as 1e400 or 2,000 levels.

    Such a value makes its own row fail. An exception would make the whole query fail, with all
    other rows.
    """

    def __repr__(self) -> str:
        return "JSON with a number too large, or nested too deeply"


def _decode(encoded: bytes) -> Any:
    try:
        return orjson.loads(encoded[1:])
    except orjson.JSONDecodeError:
        return Undecodable()
