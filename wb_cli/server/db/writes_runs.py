"""The writes that move versions: the touch of an object, and a module's run."""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from wb_cli.server.db.errors import DeadlockError
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_versions import LAST_RUN, RunVersion
from wb_cli.server.db.results import ResultsObject, read_results_object
from wb_cli.server.db.sql import quoted, require_row

Arguments = ParamSpec("Arguments")
Written = TypeVar("Written")
TRIES = 5


def tried_again(
    write: Callable[Arguments, Awaitable[Written]],
) -> Callable[Arguments, Awaitable[Written]]:
    """Let a writer try again after a deadlock.

    Two transactions may wait for each other. PostgreSQL then ends one of them, which has written
    nothing.

    Raises:
        DeadlockError: every try ended in a deadlock.
    """

    @wraps(write)
    async def written(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Written:
        for _ in range(TRIES - 1):
            with suppress(DeadlockError):
                return await write(*args, **kwargs)
        return await write(*args, **kwargs)

    return written


@tried_again
async def touch_object(databases: Databases, project_id: str, object_id: str) -> str:
    """Move an object's `last_updated`; returns the new version."""
    async with databases.connect(project_id) as connection:
        version = await connection.fetchval(
            """UPDATE presentation_objects SET last_updated = next_version(last_updated)
            WHERE id = $1 RETURNING version_text(last_updated)""",
            object_id,
        )
    return str(require_row(version, "presentation object", object_id))


@tried_again
async def begin_module_run(databases: Databases, project_id: str, module_id: str) -> int:
    """Begin a run; returns its id. From now on the module's results are unsettled.

    Runs may overlap. A new run may begin after a run that failed.
    """
    async with databases.connect(project_id) as connection, connection.transaction():
        begun = await connection.fetchval(
            "UPDATE modules SET run_started_at = clock_timestamp() WHERE id = $1 RETURNING id",
            module_id,
        )
        require_row(begun, "module", module_id)
        return int(
            await connection.fetchval(
                "INSERT INTO module_runs (module_id) VALUES ($1) RETURNING id", module_id
            )
        )


@tried_again
async def complete_module_run(
    databases: Databases, project_id: str, module_id: str, run_id: int | None = None
) -> RunVersion:
    """End a run. Its results are settled once no other run goes on.

    Args:
        databases: where the project is.
        project_id: the project.
        module_id: the module.
        run_id: the run that is complete; None for all runs that were begun.

    Returns:
        The module's state: its new `last_run`, and whether another run still goes on.
    """
    async with databases.connect(project_id) as connection, connection.transaction():
        # Lock the module's row first, as the beginning of a run does, so that two ends take turns.
        lock = "SELECT id FROM modules WHERE id = $1 FOR UPDATE"
        require_row(await connection.fetchval(lock, module_id), "module", module_id)
        await connection.execute(
            "DELETE FROM module_runs WHERE module_id = $1 AND ($2::bigint IS NULL OR id = $2)",
            module_id,
            run_id,
        )
        ended = await connection.fetchrow(
            f"""UPDATE modules mod SET last_run = next_version(last_run), run_started_at =
                (SELECT max(begun_at) FROM module_runs run WHERE run.module_id = mod.id)
            WHERE id = $1 RETURNING {LAST_RUN}""",
            module_id,
        )
    return RunVersion(**ended)


async def replace_results(
    databases: Databases, project_id: str, results_object_id: str, rows: Iterable[tuple[Any, ...]]
) -> None:
    """Replace all rows in one transaction. The columns are `ResultsObject.columns`.

    Outside a run this moves the module's `last_run` by itself.
    """
    async with databases.connect(project_id) as connection, connection.transaction():
        target, _ = await read_results_object(connection, results_object_id)
        await connection.execute(f"DELETE FROM {quoted(target.table)}")
        await copy_results(connection, target, rows)


async def copy_results(
    connection: Any, target: ResultsObject, rows: Iterable[tuple[Any, ...]]
) -> None:
    """Append rows to a results table."""
    await connection.copy_records_to_table(target.table, records=rows, columns=list(target.columns))


async def create_results_object(connection: Any, made: ResultsObject) -> None:
    """Describe a results object and create its table. Later writes move the module's version."""
    await connection.execute(
        """INSERT INTO results_objects (id, module_id, label, dimensions, measures)
        VALUES ($1, $2, $3, $4, $5)""",
        made.id,
        made.module_id,
        made.label,
        made.dimensions,
        made.measures,
    )
    table = quoted(made.table)
    dimensions = [f"{quoted(name)} text NOT NULL" for name in made.dimensions]
    measures = [f"{quoted(name)} double precision" for name in made.measures]
    columns = [*dimensions, "period_id integer NOT NULL", *measures]
    await connection.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
    # For the values of a dimension, filters on a few values, and the newest month.
    for name in (*made.dimensions, None):
        indexed = f"{quoted(name)}, period_id" if name else "period_id"
        await connection.execute(f"CREATE INDEX ON {table} ({indexed})")
    module = made.module_id.replace("'", "''")
    await connection.execute(
        f"""CREATE TRIGGER moves_last_run AFTER INSERT OR UPDATE OR DELETE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION results_changed('{module}')"""
    )
    await connection.execute(
        f"""CREATE TRIGGER is_never_truncated BEFORE TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()"""
    )
