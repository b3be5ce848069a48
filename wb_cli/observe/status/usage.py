"""What containers use: processor, memory, network, disk. What is not known is ``None``."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from wb_cli import contract
from wb_cli.contract import Part
from wb_cli.errors import EngineError, WbError
from wb_cli.host import database_files
from wb_cli.observe.status.instance_state import Condition
from wb_cli.observe.status.side_by_side import Asked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import ObservedContainer
    from wb_cli.engine.usage import Usage
    from wb_cli.observe.status.instance_state import InstanceStatus, PartStatus

DEADLINE_S = 5.0
# The share of a processor is measured over this time, at least.
INTERVAL_S = 0.5
# The engine measures once a second, for all who wait at that moment: so all wait at once.
AT_A_TIME = 256
DATABASE_SIZE = (
    *("psql", "-U", contract.POSTGRES_SUPERUSER, "-d", "postgres", "-Atc"),
    "SELECT sum(pg_database_size(oid)) FROM pg_database",
)
NOT_RUNNING = {Condition.STOPPED, Condition.CREATED, Condition.EXITED, Condition.DEAD}


class PartUsage(Struct, frozen=True):
    """What one container uses. ``cpu`` is in percent of one processor, all else in bytes."""

    cpu: float | None = None
    memory: int | None = None
    memory_limit: int | None = None
    received: int | None = None
    sent: int | None = None

    def as_document(self) -> dict[str, Any]:
        """Give the usage for ``--json``."""
        return {
            "cpuPercent": self.cpu,
            "memoryBytes": self.memory,
            "memoryLimitBytes": self.memory_limit,
            "receivedBytes": self.received,
            "sentBytes": self.sent,
        }


class Measurement:
    """Measures running containers, all at once and with one deadline for all.

    It begins when it is made, so wb can look at other things meanwhile. A container that does not
    answer in time holds up no other: its values are not known.
    """

    def __init__(self, engine: Engine, containers: Iterable[ObservedContainer]) -> None:
        self._engine = engine
        self._deadline = time.monotonic() + DEADLINE_S
        running = [container for container in containers if container.is_active]
        self._first: dict[str, Usage | None] = {}
        self._second = Asked({c.id: partial(self._read_twice, c.id) for c in running}, AT_A_TIME)
        self._sizes = Asked(
            {c.id: partial(self._read_size, c) for c in running if c.part is Part.POSTGRES}
        )

    def add_to(self, statuses: Sequence[InstanceStatus]) -> list[InstanceStatus]:
        """Wait for the answers, and add to each running container what it uses."""
        self._second.gather(self._deadline)
        self._sizes.gather(self._deadline)
        return [
            replace(status, parts=tuple(self._add(part) for part in status.parts))
            for status in statuses
        ]

    def _read_twice(self, container: str) -> Usage | None:
        """Read the usage of a container twice. The first reading counts, too."""
        self._first[container] = self._engine.read_usage(container)
        if self._first[container] is None:
            return None
        time.sleep(INTERVAL_S)
        return self._engine.read_usage(container)

    def _read_size(self, postgres: ObservedContainer) -> int | None:
        """Read the size of all databases: from the files, or else ask PostgreSQL, which is slow."""
        if self._engine.is_local and postgres.data_folder:
            size = database_files.read_size(Path(postgres.data_folder))
            if size is not None:
                return size
        return _ask_for_size(self._engine, postgres.id)

    def _add(self, part: PartStatus) -> PartStatus:
        if not part.container or part.state in NOT_RUNNING:
            return part
        usage = compare(self._first.get(part.container), _known(self._second.get(part.container)))
        facts = {**part.facts, "usage": usage.as_document()}
        if part.part is Part.POSTGRES:
            facts["databaseBytes"] = _known(self._sizes.get(part.container))
        return replace(part, facts=facts)


def compare(first: Usage | None, second: Usage | None) -> PartUsage:
    """Make the usage of a container from two readings. The share of a processor needs both."""
    latest = second or first
    if not latest:
        return PartUsage()
    cpu = None
    if first and second and second.at > first.at:
        cpu = round(100 * (second.cpu_s - first.cpu_s) / (second.at - first.at), 1)
    return PartUsage(cpu, latest.memory, latest.memory_limit, latest.received, latest.sent)


def add_up(values: Iterable[float | None]) -> float | None:
    """Add values up. The sum is not known if one of them is not, or if there is none."""
    known, has_values = 0.0, False
    for value in values:
        if value is None:
            return None
        known, has_values = known + value, True
    return known if has_values else None


def _ask_for_size(engine: Engine, container: str) -> int | None:
    """Ask PostgreSQL for the size of all its databases."""
    try:
        code, output = engine.execute(container, DATABASE_SIZE)
    except EngineError:  # it may have exited meanwhile
        return None
    text = output.decode(errors="replace").strip()
    return int(text) if code == 0 and text.isdigit() else None


def _known(answer: Any) -> Any:
    return None if isinstance(answer, WbError) else answer
