"""Who clears. What changed out of the sight of versions is shown once that was acknowledged.

No trigger moves a version with such a change, and nobody is told of it. So an entry that was
computed before it is served as long as its cache is not cleared, and shows that by its value.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random

from faults.races.facts import CLEARED_BOUND_S, Events
from faults.races.world import (
    MAIN_DATABASE,
    PROJECT,
    STILL,
    STILL_OBJECTS,
    World,
    still_labels,
    still_values,
)
from faults.races.writers import Administrator, Statement, SureWriter, Values, update_of

from wb_cli.server.db.address import Address

OUT_OF_SIGHT = ("SET LOCAL session_replication_role = replica",)


@dataclass(frozen=True)
class Scope:
    """What is cleared at once, and what that shows.

    Args:
        path: is asked to clear.
        values: the hidden facts that must be shown then, in their n-th state.
        databases: the databases where these are written.
    """

    path: str
    values: Callable[[int], Values]
    databases: tuple[str, ...]


SCOPES = (
    Scope(f"/api/projects/{PROJECT}/caches", still_values, (PROJECT,)),
    Scope(
        "/api/caches",
        lambda n: still_values(n) | still_labels(n),
        (PROJECT, MAIN_DATABASE),
    ),
)


def statements(database: str, n: int) -> list[Statement]:
    """The statements that bring the hidden facts of a database into their n-th state."""
    if database == MAIN_DATABASE:
        tables = ("raw_indicators", "common_indicators", "hfa_indicators")
        return [(f"UPDATE {table} SET label = $1 WHERE id = $2", str(n), STILL) for table in tables]
    labels = {
        "modules": {STILL: f"Module {STILL} {n}"},
        "metrics": {STILL: f"Metric {STILL} {n}"},
        "results_objects": {STILL: f"Results of {STILL} {n}"},
        "presentation_objects": {name: f"Object {name} {n}" for name in STILL_OBJECTS},
    }
    updates: list[Statement] = [
        (f"UPDATE {table} SET label = $1 WHERE id = $2", label, name)
        for table, of_table in labels.items()
        for name, label in of_table.items()
    ]
    return [*updates, update_of(STILL, n)]


@dataclass
class Clears:
    """Changes what is hidden, then clears a project or everything by the API."""

    administrator: Administrator
    name: str = "clears"
    written: int = 0
    _writers: dict[str, SureWriter] = field(
        default_factory=lambda: {name: SureWriter(name) for name in (PROJECT, MAIN_DATABASE)}
    )

    async def run(self, world: World, events: Events, address: Address, dice: Random) -> None:
        """Change and clear until cancelled."""
        try:
            for n in count(1):
                await events.more_answers(dice.randint(1, 150))
                scope = dice.choice(SCOPES)
                writes = [world[name].begin(value) for name, value in scope.values(n).items()]
                for database in scope.databases:
                    changes = [OUT_OF_SIGHT, *statements(database, n)]
                    await self._writers[database].commit(address, changes)
                _, port = await self.administrator.ask("DELETE", scope.path)
                for write in writes:
                    write.known_to[port] = events.now()
                    events.later(write.know, CLEARED_BOUND_S)
                self.written += 1
                if dice.random() < 0.5:
                    # No clear of its own hides then that a server did not hear of this one.
                    await events.bound_is_over(CLEARED_BOUND_S)
        finally:
            self.administrator.close()
            for writer in self._writers.values():
                writer.close()
