"""Dump one database of a running instance, and load a dump into a new database.

A dump fits any major version from its own on, and other tools. All programs run in the container of
PostgreSQL, so they are of its version.
"""

from __future__ import annotations

import uuid
from collections import deque
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.contract import POSTGRES_SUPERUSER
from wb_cli.engine.base import Streams, Surroundings
from wb_cli.errors import UsageError, WbError
from wb_cli.lifecycle.databases import find_no_database, list_databases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wb_cli.engine.base import Engine

COMPLAINTS_KEPT = 20
# What a killed import left. One that still loads has a session, or is younger.
DROP_LEFT = r"""
select format('drop database if exists %I', datname) from pg_database d
where datname ~ '^wb_import_[0-9a-f]{12}$'
    and not exists (select from pg_stat_activity a where a.datname = d.datname)
    and (pg_stat_file(format('base/%s/PG_VERSION', oid))).modification < now() - interval '1 day'
\gexec
"""
EXCHANGE = r"""
select format('alter database %I owner to %I', :'new', pg_get_userbyid(datdba))
from pg_database where datname = :'old' \gexec
select count(pg_terminate_backend(pid)) from pg_stat_activity
where datname in (:'old', :'new') and pid <> pg_backend_pid();
begin;
alter database :"old" rename to :"kept";
alter database :"new" rename to :"old";
commit;
"""
# psql takes SQL with its own variables from its input alone.
ASK = 'printf "%s\\n" "$1" | { shift; exec psql -v ON_ERROR_STOP=1 -Xq "$@"; }'
# PostgreSQL cuts off what a name has beyond this. It says so in a notice alone.
LONGEST_NAME = 63
TEMPLATES = {"template0", "template1"}


def require_name(database: str) -> None:
    """Refuse a name that PostgreSQL would cut off, or has none such.

    Raises:
        UsageError: it is one of these.
    """
    size = len(database.encode(errors="replace"))
    if not size:
        raise UsageError("the database has no name", "Name one: `wb import ID DATABASE FILE`.")
    if size > LONGEST_NAME:
        raise UsageError(
            f"the name {database!r} has {size} bytes, and PostgreSQL has room for {LONGEST_NAME}",
            "Name another one.",
        )


class Databases(Struct):
    """Dumps and loads databases of one running PostgreSQL."""

    engine: Engine
    instance: str
    container: str

    def dump(self, database: str, write: Callable[[bytes], None], *, as_sql: bool = False) -> None:
        """Write a dump, piece by piece: in PostgreSQL's custom format, or as SQL.

        Raises:
            UsageError: there is no such database.
            WbError: pg_dump failed. What was written by then is no dump.
        """
        if error := find_no_database(self.engine, self.instance, self.container, database):
            raise error
        words = ("pg_dump", "--format=plain" if as_sql else "--format=custom")
        self._run("pg_dump", words, database, write)

    def refuse_existing(self, database: str) -> None:
        """Refuse a database that is there, or that cannot be there.

        Raises:
            UsageError: it is there, or PostgreSQL has no such names.
            WbError: PostgreSQL does not answer.
        """
        require_name(database)
        known = list_databases(self.engine, self.container)
        if not known:
            raise WbError(f"the PostgreSQL of {self.instance} does not list its databases")
        if database in TEMPLATES:
            raise UsageError(
                f"{database!r} is a template of PostgreSQL's own, and is not replaced",
                "Name another one.",
            )
        if database in known:
            raise UsageError(
                f"{self.instance} has a database {database!r} already, and it is not replaced",
                "`--replace` loads it beside, and keeps the one that is there under another name. "
                "Or name another one.",
            )

    def load(self, database: str, source: int) -> None:
        """Load a dump from a file descriptor into a new database: completely or not at all.

        The dump is in PostgreSQL's custom format, or SQL. The database bears another name until all
        of it is there.

        Raises:
            WbError: the dump is damaged, or does not fit. No database was made.
        """
        with self.loaded(source) as passing:
            self._ask('alter database :"old" rename to :"new"', old=passing, new=database)

    @contextmanager
    def loaded(self, source: int) -> Iterator[str]:
        """Load a dump into a database with a passing name. It is gone if what follows fails.

        Raises:
            WbError: the dump is damaged, or does not fit.
        """
        self._ask(DROP_LEFT)
        passing = f"wb_import_{uuid.uuid4().hex[:12]}"
        self._ask('create database :"new" template template0', new=passing)
        try:
            script = files("wb_cli.backup").joinpath("load.sh").read_text()
            self._run("load", ("sh", "-c", script, "load", passing), source=source)
            yield passing
        except BaseException:
            self.drop(passing)
            raise

    def drop(self, database: str) -> None:
        """Remove a database, if it is there."""
        self._ask('drop database if exists :"old" with (force)', old=database)

    def exchange(self, database: str, new: str, kept: str) -> None:
        """Give a database the name ``kept``, and its own name and owner to another one, at once.

        Raises:
            WbError: somebody works in one of them. Nothing was renamed.
        """
        self._ask(EXCHANGE, old=database, new=new, kept=kept)

    def _ask(self, sql: str, **names: str) -> None:
        """Run SQL, in which ``:"name"`` stands for a name as psql quotes it."""
        variables = [f"--set={name}={value}" for name, value in names.items()]
        self._run("psql", ("sh", "-c", ASK, "psql", sql, *variables))

    def _run(
        self,
        what: str,
        words: Sequence[str],
        database: str = "postgres",
        write: Callable[[bytes], None] = lambda _: None,
        source: int | None = None,
    ) -> None:
        complaints: deque[bytes] = deque(maxlen=COMPLAINTS_KEPT)
        # In a variable, a name is a name. As an argument it could be read as a connection string.
        login = Surroundings(environment=(f"PGUSER={POSTGRES_SUPERUSER}", f"PGDATABASE={database}"))
        streams = Streams(write, complaints.append, source)
        code = self.engine.converse(self.container, words, streams, login)
        if code:
            said = b"".join(complaints).decode(errors="replace").strip() or f"exit code {code}"
            raise WbError(f"{what} failed in the PostgreSQL of {self.instance}: {said}")
