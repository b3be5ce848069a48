"""Projects: list them, and make or remove a project together with its database."""

from dataclasses import dataclass

from wb_cli.server.db.address import MAIN, MAINTENANCE, connect
from wb_cli.server.db.errors import DatabaseError, postgres_errors
from wb_cli.server.db.migrations import ensure_database, migrate
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.sql import quoted

RESERVED_IDS = (MAIN, MAINTENANCE, "template0", "template1")


@dataclass(frozen=True, slots=True)
class Project:
    """One project. Its id is the name of its database."""

    id: str
    label: str
    is_sample: bool = False


async def list_projects(databases: Databases) -> list[Project]:
    """All projects, by label."""
    async with databases.connect(MAIN) as connection:
        rows = await connection.fetch(
            "SELECT id, label, is_sample FROM projects ORDER BY label, id"
        )
    return [Project(**row) for row in rows]


async def create_project(databases: Databases, project: Project) -> None:
    """Create a project's database, then make the project known.

    If an earlier attempt was interrupted, this one goes on with its database.

    Raises:
        DatabaseError: the id is taken, reserved, or cannot name a database.
    """
    if project.id in RESERVED_IDS:
        raise DatabaseError(f"{project.id!r} cannot be a project's id", "choose another id")
    async with databases.connect(MAIN) as connection:
        # Insert and roll back, so that the table's constraints check the id before a database is
        # created. The insert at the end takes effect.
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute(INSERT_PROJECT, project.id, project.label, project.is_sample)
        finally:
            await transaction.rollback()
    await ensure_database(databases.address, project.id)
    await migrate(databases.address, project.id)
    async with databases.connect(MAIN) as connection:
        await connection.execute(INSERT_PROJECT, project.id, project.label, project.is_sample)


async def remove_project(databases: Databases, project_id: str) -> None:
    """Forget a project and drop its database, with everything in it."""
    async with databases.connect(MAIN) as connection:
        await connection.execute("DELETE FROM projects WHERE id = $1", project_id)
    await databases.forget(project_id)
    administrator = await connect(databases.address, MAINTENANCE)
    try:
        with postgres_errors():
            await administrator.execute(
                f"DROP DATABASE IF EXISTS {quoted(project_id)} WITH (FORCE)"
            )
    finally:
        await administrator.close()


INSERT_PROJECT = "INSERT INTO projects (id, label, is_sample) VALUES ($1, $2, $3)"
