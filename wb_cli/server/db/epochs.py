"""The epochs of the caches: to clear a cache is to begin its next epoch, for all processes."""

from collections.abc import Iterable
from typing import Any

from wb_cli.server.db.address import MAIN
from wb_cli.server.db.pool import Databases


async def read_epochs(connection: Any) -> dict[str, int]:
    """The epoch of each cache that was ever cleared, from a connection to `main`."""
    rows = await connection.fetch("SELECT cache, epoch FROM cache_epochs")
    return {row["cache"]: row["epoch"] for row in rows}


async def begin_epochs(databases: Databases, caches: Iterable[str]) -> dict[str, int]:
    """Begin the next epoch of these caches; returns the epochs of all.

    An epoch is a moment in milliseconds. So a database that is made anew repeats none.
    """
    async with databases.connect(MAIN) as connection:
        await connection.execute(
            """INSERT INTO cache_epochs AS known
            SELECT name, next_version(0) FROM unnest($1::text[]) AS name ORDER BY name
            ON CONFLICT (cache) DO UPDATE SET epoch = next_version(known.epoch)""",
            list(caches),
        )
        return await read_epochs(connection)
