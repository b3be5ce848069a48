"""What WAL takes on the disk: what PostgreSQL keeps for its slots, and what was received. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli import contract
from wb_cli.quantities import KIB

if TYPE_CHECKING:
    from collections.abc import Iterable

MIB = 1024 * KIB
# The slot of the receiver.
OWN_SLOT = "wb"
# Asks PostgreSQL: each slot, whether somebody reads it, how it stands, the bytes that are kept for
# it, and how many MiB are kept at most (-1: no limit).
SLOTS = """
select slot_name, active, coalesce(wal_status, '-'),
    coalesce(greatest(0, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)), 0)::bigint,
    (select setting from pg_settings where name = 'max_slot_wal_keep_size')
from pg_replication_slots order by slot_name
"""
# Asks the receiver's container: the KiB of the WAL that it has, and those free on its disk.
MEASURE = (
    "sh",
    "-c",
    f"cd {contract.WAL_PATH} && du -sk . | cut -f 1 && df -Pk . | awk 'NR > 1 {{print $4}}'",
)
# Without a limit, so much that is kept for nobody is too much.
HELD_FOR_NOBODY = 1024 * MIB


class Slot(Struct, frozen=True):
    """A replication slot, for which PostgreSQL keeps WAL.

    ``status`` is ``lost`` where some of it is gone. ``limit`` are the bytes that are kept at most;
    ``None`` for no limit.
    """

    name: str
    is_active: bool
    status: str
    held: int
    limit: int | None

    @property
    def is_lost(self) -> bool:
        """Whether WAL that it needs is gone."""
        return self.status == "lost"

    @property
    def holds_much(self) -> bool:
        """Whether more than half of what may be kept is kept, or too much for nobody."""
        if self.limit is None:
            return not self.is_active and self.held > HELD_FOR_NOBODY
        return self.held > self.limit / 2


class Received(Struct, frozen=True):
    """The bytes of the WAL that was received, and those that are free on its disk."""

    taken: int
    free: int


def parse_slots(lines: Iterable[str]) -> tuple[Slot, ...]:
    """Read the slots: ``wb|t|reserved|16777216|2048``.

    Raises:
        ValueError: it is another answer.
    """
    slots = []
    for line in lines:
        name, active, status, held, limit = line.split("|")
        most = int(limit)
        bound = most * MIB if most >= 0 else None
        slots.append(Slot(name, active == "t", status, int(held), bound))
    return tuple(slots)


def parse_received(text: str) -> Received:
    """Read what the receiver's container measured.

    Raises:
        ValueError: it is another answer.
    """
    taken, free = text.split()
    return Received(int(taken) * KIB, int(free) * KIB)
