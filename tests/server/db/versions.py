"""The version of a results object, as a load reads it."""

from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_versions import RunVersion
from wb_cli.server.db.results import read_results_object


async def read_results_version(
    databases: Databases, project_id: str, results_object_id: str
) -> RunVersion:
    """The version of a results object's items."""
    async with databases.connect(project_id) as connection:
        _, run = await read_results_object(connection, results_object_id)
    return run
