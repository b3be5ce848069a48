"""Decide which of several instances this machine has room for. Pure.

What a part takes at its start is estimated, because nobody can know it: the figures below are
those of idle parts, with what the engine itself runs for each container, and a little more. A
memory limit that is smaller counts instead. What a part may take later is not counted: limits may
promise more than there is, and `wb doctor` says so.

Open files are counted for the whole machine. One process of a part holds 20 at rest, and a server
raises its own limit to what its connections need. No part watches files with inotify. Where there
is one tree of control groups, the engine watches one for each container; short of that, a container
starts all the same, so `wb doctor` says it and no start is refused.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.contract import Part
from wb_cli.quantities import describe_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wb_cli.instances.model import Instance

MIB = 1024**2
MEMORY = {
    Part.POSTGRES: 80 * MIB,
    Part.VALKEY: 24 * MIB,
    Part.WAL: 12 * MIB,
    Part.ADMIN: 64 * MIB,
    Part.PLATFORM: 80 * MIB,
}
TASKS = {Part.POSTGRES: 40, Part.VALKEY: 24, Part.WAL: 8, Part.ADMIN: 32, Part.PLATFORM: 40}
FILES = {Part.POSTGRES: 300, Part.VALKEY: 64, Part.WAL: 32, Part.ADMIN: 128, Part.PLATFORM: 128}
NEW_DATABASE, ROOM_TO_WRITE = 96 * MIB, 32 * MIB


class Resource(StrEnum):
    """What an instance takes of the machine. A disk is named in a message by its path."""

    MEMORY = "memory"
    TASKS = "processes and threads"
    FILES = "open files"
    NETWORKS = "networks"
    DISK = "space"

    def describe(self, count: int) -> str:
        """Describe an amount of it."""
        is_size = self in {Resource.MEMORY, Resource.DISK}
        return describe_size(count) if is_size else f"{count:,}"


class Kind(Struct, frozen=True):
    """A resource; for a disk also a path on it."""

    resource: Resource
    path: str = ""

    def __str__(self) -> str:
        return f"{self.resource} on the disk of {self.path}" if self.path else str(self.resource)


class Need(Struct, frozen=True):
    """What the start of an instance takes."""

    instance: str
    amounts: Mapping[Kind, int]


class Start(Struct, frozen=True):
    """What is known of an instance that is to be started.

    ``parts`` are those that do not run. ``cache`` are the bytes that its Valkey loads. ``disk`` is
    a path on the disk of its data, empty if that is not known.
    """

    instance: Instance
    parts: frozenset[Part]
    has_network: bool
    has_database: bool
    cache: int
    max_cache: int
    disk: str = ""


def estimate(start: Start) -> Need:
    """Estimate what the start of an instance takes."""
    amounts = {
        Kind(Resource.MEMORY): sum(_estimate_memory(part, start) for part in start.parts),
        Kind(Resource.TASKS): sum(TASKS[part] for part in start.parts),
        Kind(Resource.FILES): sum(FILES[part] for part in start.parts),
        Kind(Resource.NETWORKS): int(not start.has_network),
    }
    if start.disk:
        amount = ROOM_TO_WRITE if start.has_database else NEW_DATABASE
        amounts[Kind(Resource.DISK, start.disk)] = amount if Part.POSTGRES in start.parts else 0
    return Need(start.instance.id, amounts)


def _estimate_memory(part: Part, start: Start) -> int:
    instance = start.instance
    limits = {
        Part.POSTGRES: instance.postgres_memory,
        Part.VALKEY: instance.valkey_memory,
        Part.WAL: None,
        Part.ADMIN: instance.admin_memory,
        Part.PLATFORM: instance.memory,
    }
    cache = min(start.cache, start.max_cache) if part is Part.VALKEY else 0
    wanted = MEMORY[part] + cache
    return min(wanted, limits[part] or wanted)


def find_shortages(needs: Iterable[Need], supply: Mapping[Kind, int]) -> dict[str, tuple[str, ...]]:
    """Find the instances that there is no room for, and say what is short, with the figures.

    The instances take what they need in the given order. One that finds no room takes nothing, so
    that a smaller one after it may. What is not in ``supply`` is not known, and is not short.
    """
    left = dict(supply)
    shortages = {}
    for need in needs:
        short = {
            kind: amount
            for kind, amount in need.amounts.items()
            if kind in left and amount > left[kind]
        }
        if short:
            shortages[need.instance] = tuple(
                _describe(kind, amount, left[kind]) for kind, amount in short.items()
            )
            continue
        for kind, amount in need.amounts.items():
            if kind in left:
                left[kind] -= amount
    return shortages


def _describe(kind: Kind, amount: int, left: int) -> str:
    if kind.resource is Resource.NETWORKS:
        return "no subnet is left for its network (`subnet_pool` is used up)"
    wanted, there = kind.resource.describe(amount), kind.resource.describe(left)
    return f"it needs about {wanted} {_join(kind)}, and {there} can be used"


def _join(kind: Kind) -> str:
    is_size = kind.resource in {Resource.MEMORY, Resource.DISK}
    return f"of {kind}" if is_size else str(kind)
