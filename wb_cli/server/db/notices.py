"""The notices of one database: what has changed in it, told with the commit that shows it.

Triggers send them (`schema/*_changes_are_told.sql`), as PostgreSQL's NOTIFY: a notice arrives only
after a query sees the change. So a version that was read while the notices came, and of which no
notice came since, is still the current one.

A query in one database also sees which transactions have ended in all of them. While that stays the
same, nothing has changed anywhere: what the transactions of a server have written becomes visible
at the same moment as they count as ended.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from wb_cli.server.db.address import MAIN
from wb_cli.server.db.connections import Use
from wb_cli.server.db.errors import DatabaseError, DatabaseUnavailableError
from wb_cli.server.db.pool import Databases

log = logging.getLogger(__name__)

CHANNEL = "wb_changes"
# What `main` tells when a project has changed, or a cache or a project was cleared.
PROJECTS = "projects"
EPOCHS = ("cache_epochs", "project_epochs")
# Nobody answers from memory for longer than this after the last proof that notices arrive.
TRUSTED_FOR_S = 2.0
PROVE_EVERY_S = 0.5
PROVE_WITHIN_S = 1.0

TELLING = {
    MAIN: {
        "projects.tells_change",
        "instance_config.tells_change",
        "dataset_hmis_versions.tells_change",
        "dataset_hfa_versions.tells_change",
        "cache_epochs.tells_change",
        "project_epochs.tells_change",
    },
    "": {
        "presentation_objects.tells_update",
        "presentation_objects.tells_delete",
        "modules.tells_change",
        "metrics.tells_change",
        "results_objects.tells_change",
    },
}
PROOF = """
    SELECT pg_current_snapshot()::text AS ended, ARRAY(
        SELECT relname || '.' || tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
        WHERE tgname LIKE 'tells\\_%' AND tgenabled IN ('O', 'A')
    ) AS enabled
"""


class SilentError(DatabaseError):
    """A trigger that tells of changes is missing or switched off."""


class Reader(Protocol):
    """Who remembers what was read, and must hear of changes."""

    def hears_until(self, moment: float, ended: str) -> None:
        """Note that all notices arrive until this moment of the loop's clock, in seconds.

        ``ended`` says which transactions of all databases have ended. Equal texts say the same.
        """

    def heard(self, object_id: str | None) -> None:
        """Note that an object has changed; with None, that anything may have."""

    def is_wanted(self) -> bool:
        """Whether anybody has asked for this database lately."""


async def listen(databases: Databases, database: str, reader: Reader) -> None:
    """Tell a reader of every change, until nobody has asked for long.

    Twice a second a query over the same connection proves that the connection lives, and that all
    triggers are there. PostgreSQL sends the notices of earlier commits before its answer.

    Raises:
        DatabaseError: the connection was lost, or a trigger is missing. Nothing is heard any more.
    """
    clock = asyncio.get_running_loop().time
    async with databases.connect(database, Use.NOTICES) as connection:
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, _teller(reader))
            while reader.is_wanted():
                moment = clock()
                ended = await _prove(connection, database)
                if lost.is_set():
                    break
                reader.hears_until(moment + TRUSTED_FOR_S, ended)
                with suppress(TimeoutError):
                    await asyncio.wait_for(lost.wait(), PROVE_EVERY_S)
            if lost.is_set():
                raise DatabaseUnavailableError("PostgreSQL closed the connection")
        finally:
            # A session that listens is of no use to anybody else.
            connection.terminate()


def _teller(reader: Reader) -> Callable[[Any, int, str, str], None]:
    def tell(_connection: Any, _pid: int, _channel: str, payload: str) -> None:
        reader.heard(payload or None)

    return tell


async def _prove(connection: Any, database: str) -> str:
    """Ask over the connection whether all triggers are there, and which transactions have ended."""
    proof = await connection.fetchrow(PROOF, timeout=PROVE_WITHIN_S)
    wanted = TELLING[MAIN if database == MAIN else ""]
    if missing := wanted - set(proof["enabled"]):
        raise SilentError(
            f"the database {database!r} does not tell of its changes: the trigger "
            f"{min(missing)} is missing or switched off",
            "Every answer asks it for versions meanwhile. Start the platform on a database that "
            "its migrations made, or switch the trigger on.",
        )
    return str(proof["ended"])
