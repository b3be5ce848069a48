"""Count the rows of every table of a PostgreSQL, and tell which tables are written to."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from wb_cli.contract import POSTGRES_SUPERUSER
from wb_cli.errors import WbError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wb_cli.engine.base import Engine

MAINTENANCE = "dbname=postgres"
VERSION = "show server_version"
# A backend that has become idle tells what it wrote within so many seconds (PostgreSQL's
# PGSTAT_IDLE_INTERVAL). One that ends tells it at once.
TOLD_WITHIN_S = 10.0
# The seconds since a client was last at work; empty if there is none but this one.
SILENT_S = """
select min(case when state like 'idle%'
    then extract(epoch from clock_timestamp() - state_change) else 0 end)
from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()
"""
# The databases as connection strings, in which two characters of a name must be escaped.
NAMES = r"""
select 'dbname=''' || replace(replace(datname, '\', '\\'), '''', '\''') || ''''
from pg_database where datallowconn and not datistemplate and datname !~ '\n' order by datname
"""
# psql takes SQL with its own commands from its input alone.
PROGRAM = 'printf "%s\\n" "$1" | exec psql -U "$2" -d "$3" -v ON_ERROR_STOP=1 -XAtq'


class Count(Struct, frozen=True):
    """The rows of a table, and a text that is another one after each write."""

    rows: int
    state: str


# By database and table. The names of tables have their schema in front.
Counts = dict[str, dict[str, Count]]


class Postgres:
    """Asks a running PostgreSQL as its superuser, inside its container."""

    def __init__(self, engine: Engine, container: str) -> None:
        self._engine, self._container = engine, container

    def count_rows(self) -> Counts:
        """Count the rows of each table."""
        return self._ask_all(read_sql("count"))

    def look(self) -> Counts:
        """Look at each table without counting its rows."""
        return self._ask_all(read_sql("look"))

    def count_seconds_until_told(self) -> float:
        """How long it takes at most until everything is told that was written before now."""
        silent = self.ask(MAINTENANCE, SILENT_S)
        return max(0.0, TOLD_WITHIN_S - float(silent)) if silent else 0.0

    def _ask_all(self, sql: str) -> Counts:
        names = self.ask(MAINTENANCE, NAMES).splitlines()
        return parse_counts(line for name in names for line in self.ask(name, sql).splitlines())

    def ask(self, database: str, sql: str) -> str:
        """Run SQL in a database, and give the answer as lines."""
        words = ("sh", "-c", PROGRAM, "psql", sql, POSTGRES_SUPERUSER, database)
        code, output = self._engine.execute(self._container, words)
        text = output.decode(errors="replace").strip()
        if code:
            raise WbError(f"PostgreSQL does not answer ({database}): {text}")
        return text


def read_sql(name: str) -> str:
    """Read the SQL that gives a line for each table."""
    return files("wb_cli.backup.copying").joinpath(f"{name}.sql").read_text()


def parse_counts(lines: Iterable[str]) -> Counts:
    """Read what was counted."""
    counts: Counts = {}
    for line in lines:
        database, table, rows, state = msgspec.json.decode(line, type=tuple[str, str, int, str])
        counts.setdefault(database, {})[table] = Count(rows, state)
    return counts
