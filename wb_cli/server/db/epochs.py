"""The epochs of caches and projects: to clear one is to begin its next epoch, for all processes.

An epoch is a moment in milliseconds. So a database that is made anew repeats none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wb_cli.server.db.address import MAIN
from wb_cli.server.db.errors import no_project
from wb_cli.server.db.pool import Databases


@dataclass(frozen=True, slots=True)
class Epochs:
    """The epoch of each cache and of each project that was ever cleared."""

    caches: Mapping[str, int]
    projects: Mapping[str, int]


async def read_epochs(connection: Any) -> Epochs:
    """All epochs, from a connection to `main`."""
    rows = await connection.fetch(
        """SELECT true AS is_cache, cache AS name, epoch FROM cache_epochs
        UNION ALL SELECT false, project, epoch FROM project_epochs"""
    )
    caches = {row["name"]: row["epoch"] for row in rows if row["is_cache"]}
    projects = {row["name"]: row["epoch"] for row in rows if not row["is_cache"]}
    return Epochs(caches, projects)


async def begin_epochs(databases: Databases, caches: Iterable[str]) -> Epochs:
    """Begin the next epoch of these caches. Returns all epochs."""
    async with databases.connect(MAIN) as connection:
        await connection.execute(
            """INSERT INTO cache_epochs AS known
            SELECT name, next_version(0) FROM unnest($1::text[]) AS name ORDER BY name
            ON CONFLICT (cache) DO UPDATE SET epoch = next_version(known.epoch)""",
            list(caches),
        )
        return await read_epochs(connection)


async def begin_project_epoch(databases: Databases, project_id: str) -> Epochs:
    """Begin a project's next epoch. Returns all epochs.

    Raises:
        DatabaseMissingError: there is no such project.
    """
    async with databases.connect(MAIN) as connection:
        begun = await connection.fetchval(
            """INSERT INTO project_epochs AS known
            SELECT id, next_version(0) FROM projects WHERE id = $1
            ON CONFLICT (project) DO UPDATE SET epoch = next_version(known.epoch)
            RETURNING epoch""",
            project_id,
        )
        if begun is None:
            raise no_project(project_id)
        return await read_epochs(connection)
