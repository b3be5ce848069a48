"""Who writes to an instance's databases, kept away while they are copied to another PostgreSQL."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import Struct, field

from wb_cli.backup.copying.counting import MAINTENANCE
from wb_cli.contract import STOP_TIMEOUTS, Part
from wb_cli.errors import WbError
from wb_cli.lifecycle.guard.guests import wait_for_guests

if TYPE_CHECKING:
    from wb_cli.backup.copying.counting import Counts, Postgres
    from wb_cli.engine.base import Engine
    from wb_cli.lifecycle.options import RunOptions

END_SESSIONS = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
where backend_type = 'client backend' and pid <> pg_backend_pid()
"""


class Writers(Struct):
    """Stops what writes to the databases of an instance, and starts it again."""

    engine: Engine
    instance: str
    database: Postgres
    options: RunOptions
    stopped: list[str] = field(default_factory=list)
    before: Counts = field(default_factory=dict)

    def stop(self) -> None:
        """Stop the platform and the admin container, and end all other sessions.

        Raises:
            GuestsError: another container uses the instance. Nothing was stopped.
        """
        self.options.report("stopping the platform")
        deadline = time.monotonic() + self.options.timeout_s
        observed = wait_for_guests(
            self.engine.observe, self.instance, deadline, self.options.tell, self.options.cancelled
        )
        for container in observed.containers:
            is_writer = container.part in {Part.PLATFORM, Part.ADMIN}
            if container.instance == self.instance and is_writer and container.is_running:
                self.stopped.append(container.id)
                self.engine.stop(container.id, STOP_TIMEOUTS[Part(container.part or "")])
        ended = int(self.database.ask(MAINTENANCE, END_SESSIONS))
        if ended:
            self.options.tell(f"{ended} other sessions were ended: the databases move")
        self.before = self.database.look()

    def refuse_writes(self) -> None:
        """Refuse to go on if anybody wrote since the stop: it would be lost.

        Raises:
            WbError: somebody did. The message names a table.
        """
        if tables := find_written(self.before, self.database.look()):
            raise WbError(
                f"somebody wrote to {tables[0]} of {self.instance} while it was copied, past the "
                "platform",
                "Stop what connects to its PostgreSQL directly, then repeat it.",
            )

    def start_again(self) -> None:
        """Start what was stopped."""
        for container in self.stopped:
            self.engine.start(container)


def find_written(before: Counts, after: Counts) -> list[str]:
    """Find the tables that were made, written to or removed between two looks. Pure."""
    old, new = _list_states(before), _list_states(after)
    return [
        f"the table {table} in {name}"
        for name, table in sorted({*old, *new})
        if old.get((name, table)) != new.get((name, table))
    ]


def _list_states(looked: Counts) -> dict[tuple[str, str], str]:
    return {
        (name, table): count.state
        for name, tables in looked.items()
        for table, count in tables.items()
    }
