"""Put a loaded database in the place of one that is there, which is kept under another name.

Stop the platform -> exchange the names in one transaction -> start. If the instance does not become
healthy, the names go back.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from wb_cli.backup.another_postgres.writers import Writers
from wb_cli.backup.copying.counting import Postgres
from wb_cli.backup.dump import require_name
from wb_cli.errors import ExitCode, StillStartingError, UsageError, WbError
from wb_cli.lifecycle import actions
from wb_cli.lifecycle.databases import list_databases

if TYPE_CHECKING:
    from wb_cli.backup.dump import Databases
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions

TABLES = """
select count(*) from pg_class c join pg_namespace n on n.oid = relnamespace
where relkind in ('r', 'p') and nspname not in ('pg_catalog', 'information_schema')
"""


def name_kept(database: str) -> str:
    """Name what becomes of the database that is replaced."""
    return f"{database}_before_import"


def require_replaceable(databases: Databases, database: str) -> None:
    """Refuse to replace a database that is not there, or whose one from before cannot be kept.

    It is kept under a longer name, which another import may have taken already.

    Raises:
        UsageError: that is so.
    """
    known, kept = list_databases(databases.engine, databases.container), name_kept(database)
    if database not in known:
        raise UsageError(
            f"{databases.instance} has no database {database!r} that could be replaced",
            "Without `--replace` it is made.",
        )
    require_name(kept)
    if kept in known:
        raise UsageError(
            f"{databases.instance} still has {kept!r}, from the last import",
            f"{suggest_drop(databases.instance, kept)} removes it.",
        )


def suggest_drop(instance: str, kept: str) -> str:
    """Suggest the command that removes the database from before."""
    return f"""`wb psql {instance} postgres -- -c 'drop database "{kept}"'`"""


class Replaced(Struct, frozen=True):
    """A database was replaced. For ``away_s`` seconds the platform was away."""

    instance: str
    database: str
    away_s: float
    exit_code: ExitCode = ExitCode.OK

    @property
    def ending(self) -> str:
        """How it ended, in one word, for the history."""
        return "replaced"

    def describe(self) -> str:
        """Describe it in a line."""
        kept = name_kept(self.database)
        drop = suggest_drop(self.instance, kept)
        return (
            f"{self.database} is loaded; away for {self.away_s:.1f} s. The one from before is "
            f"{kept}; {drop} removes it"
        )

    def as_document(self) -> dict[str, Any]:
        """Give it for ``--json``."""
        return {"result": self.ending, "awaySeconds": round(self.away_s, 3)}


class Replace(Struct):
    """Replaces a database of one instance by a loaded one. The caller has its lock."""

    fleet: Fleet
    instance: Instance
    databases: Databases
    database: str
    loaded: str
    options: RunOptions

    def run(self) -> Replaced:
        """Replace it.

        Raises:
            WbError: somebody works in it, or the instance did not become healthy. The database from
                before has its name again.
            InterruptedError: a signal came. The same holds.
        """
        self._refuse_empty()
        self.options.begin(("replace",))
        writers, began = self._make_writers(self.options), time.monotonic()
        try:
            writers.stop()
            self.databases.exchange(self.database, self.loaded, name_kept(self.database))
        except BaseException:
            writers.start_again()
            raise
        if writers.stopped:
            self._start()
        return Replaced(self.instance.id, self.database, time.monotonic() - began)

    def _refuse_empty(self) -> None:
        """Refuse a dump that would take the place of data with nothing."""
        if self._postgres.ask(f"dbname={self.loaded}", TABLES) == "0":
            raise WbError(
                f"the dump has no table, so it does not replace {self.database}",
                "Without `--replace` it is loaded under another name.",
            )

    @property
    def _postgres(self) -> Postgres:
        return Postgres(self.fleet.engine, self.databases.container)

    def _make_writers(self, options: RunOptions) -> Writers:
        return Writers(self.fleet.engine, self.instance.id, self._postgres, options)

    def _start(self) -> None:
        """Start the platform. If it does not become healthy, the names go back."""
        try:
            actions.run(self.fleet, self.instance, self.options)
        except StillStartingError:
            raise
        except (WbError, InterruptedError):
            self.options.tell("going back to the database from before")
            calm = replace(self.options, cancelled=threading.Event())
            self._make_writers(calm).stop()
            self.databases.exchange(self.database, name_kept(self.database), self.loaded)
            actions.run(self.fleet, self.instance, calm)
            raise
