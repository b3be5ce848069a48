"""Which of several instances a machine has room for is decided by figures alone."""

from typing import Any

import pytest
from lifecycle.examples import DEMO
from msgspec.structs import replace

from wb_cli.contract import Part
from wb_cli.lifecycle.planning.capacity import (
    FILES,
    MEMORY,
    NEW_DATABASE,
    ROOM_TO_WRITE,
    TASKS,
    Kind,
    Need,
    Resource,
    Start,
    estimate,
    find_shortages,
)

MIB = 1024**2
PARTS = frozenset({Part.POSTGRES, Part.VALKEY, Part.PLATFORM})
MEMORY_KIND, DISK = Kind(Resource.MEMORY), Kind(Resource.DISK, "/mnt")
IDLE = MEMORY[Part.POSTGRES] + MEMORY[Part.VALKEY] + MEMORY[Part.PLATFORM]


def start(instance: dict[str, Any] | None = None, **changes: Any) -> Start:
    known = Start(
        instance=replace(DEMO, **(instance or {})),
        parts=PARTS,
        has_network=False,
        has_database=True,
        cache=0,
        max_cache=1024 * MIB,
        disk="/mnt",
    )
    return replace(known, **changes)


def needed(kind: Kind, given: Start) -> int:
    return estimate(given).amounts[kind]


def test_each_resource_has_an_estimate_for_each_part() -> None:
    assert set(MEMORY) == set(TASKS) == set(FILES) == set(Part)


def test_only_the_parts_that_do_not_run_take_something() -> None:
    rest = start(parts=frozenset({Part.VALKEY}), has_network=True)
    assert needed(MEMORY_KIND, rest) == MEMORY[Part.VALKEY]
    assert needed(Kind(Resource.NETWORKS), rest) == 0
    assert needed(Kind(Resource.NETWORKS), start()) == 1
    assert needed(DISK, rest) == 0


@pytest.mark.parametrize(
    ("given", "memory"),
    [
        (start(), IDLE),
        (start(cache=100 * MIB), IDLE + 100 * MIB),
        (start(cache=2000 * MIB), IDLE + 1024 * MIB),
        (start({"memory": 16 * MIB}), IDLE - MEMORY[Part.PLATFORM] + 16 * MIB),
        (start({"memory": 2048 * MIB}), IDLE),
        (
            start({"valkey_memory": 50 * MIB}, cache=500 * MIB),
            IDLE - MEMORY[Part.VALKEY] + 50 * MIB,
        ),
        (start({"postgres_memory": 10 * MIB}), IDLE - MEMORY[Part.POSTGRES] + 10 * MIB),
    ],
)
def test_memory_is_estimated_and_a_smaller_limit_counts_instead(given: Start, memory: int) -> None:
    assert needed(MEMORY_KIND, given) == memory


def test_a_new_database_takes_more_of_its_disk() -> None:
    assert needed(DISK, start(has_database=False)) == NEW_DATABASE
    assert needed(DISK, start()) == ROOM_TO_WRITE
    assert DISK not in estimate(start(disk="")).amounts


def need(instance: str, memory: int, **more: int) -> Need:
    others = {Kind(Resource[name.upper()]): amount for name, amount in more.items()}
    return Need(instance, {MEMORY_KIND: memory * MIB, **others})


def test_those_that_come_first_take_the_room() -> None:
    needs = [need("a", 60), need("b", 60), need("c", 30)]
    assert find_shortages(needs, {MEMORY_KIND: 100 * MIB}) == {
        "b": ("it needs about 60.0 MiB of memory, and 40.0 MiB can be used",)
    }


def test_everything_that_is_short_is_named_with_its_figures() -> None:
    short = find_shortages(
        [need("a", 60, tasks=1500, networks=1), Need("b", {DISK: 96 * MIB})],
        {
            MEMORY_KIND: 0,
            Kind(Resource.TASKS): 1000,
            Kind(Resource.NETWORKS): 0,
            DISK: 10 * MIB,
        },
    )
    assert short == {
        "a": (
            "it needs about 60.0 MiB of memory, and 0 B can be used",
            "it needs about 1,500 processes and threads, and 1,000 can be used",
            "no subnet is left for its network (`subnet_pool` is used up)",
        ),
        "b": ("it needs about 96.0 MiB of space on the disk of /mnt, and 10.0 MiB can be used",),
    }


def test_what_is_not_known_is_not_short() -> None:
    assert find_shortages([need("a", 60)], {}) == {}
