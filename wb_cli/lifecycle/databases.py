"""The databases of an instance, as its PostgreSQL lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.contract import POSTGRES_SUPERUSER
from wb_cli.instances.suggestions import make_unknown_error
from wb_cli.quantities import shorten_list

if TYPE_CHECKING:
    from wb_cli.engine.base import Engine
    from wb_cli.errors import UsageError

MAIN = "main"
NAMES = "select datname from pg_database where datallowconn and not datistemplate order by 1"
SHOWN = 10


def list_databases(engine: Engine, container: str) -> list[str]:
    """List the databases that take connections. Empty if PostgreSQL does not answer."""
    # Names are separated by NUL, because a name may hold any other character.
    command = ["psql", "-U", POSTGRES_SUPERUSER, "-d", "postgres", "-XAtq0c", NAMES]
    code, output = engine.execute(container, command)
    return [name for name in output.decode().split("\0") if name] if code == 0 else []


def find_no_database(
    engine: Engine, instance_id: str, container: str, name: str
) -> UsageError | None:
    """Find out whether psql failed because there is no such database, and give the error."""
    known = list_databases(engine, container)
    if not known or name in known:
        return None
    return make_unknown_error(
        name,
        known,
        f'{instance_id} has no database "{name}"',
        f"There are: {shorten_list(known, SHOWN)}.",
    )
