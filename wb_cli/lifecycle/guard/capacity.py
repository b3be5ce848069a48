"""Look whether this machine has room for several instances, before the first one is started."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from wb_cli.contract import DATABASES, VALKEY_DATA
from wb_cli.errors import AddressPoolError, UsageError, WbError
from wb_cli.host import disks, folders, kernel, memory
from wb_cli.host.database_files import VERSION_FILE
from wb_cli.lifecycle.fleet import find_listed
from wb_cli.lifecycle.guard import ports
from wb_cli.lifecycle.guard.preflight import PreflightError
from wb_cli.lifecycle.planning.capacity import Kind, Resource, Start, estimate, find_shortages
from wb_cli.lifecycle.planning.desired import instance_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from wb_cli.engine.types import Observed
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.guard.problem import Problem

# The machine itself needs room, too: this share of its memory, but at most this much.
KEPT_SHARE, KEPT_AT_MOST = 20, 512 * 1024**2
ELSEWHERE = "whether the engine's machine has room is not known: it is another machine"


class CapacityError(WbError):
    """This machine has no room for an instance; nothing was changed."""

    def __init__(self, instance: str, shortages: tuple[str, ...]) -> None:
        super().__init__(
            f"{instance} was left as it is: {'; '.join(shortages)}",
            f"Stop or limit another instance, or start it all the same: `wb run {instance} "
            "--force`. `wb doctor` shows how the machine stands.",
        )


class Room(Struct, frozen=True):
    """The instances that there is no room for, each with its reasons, and what is not known.

    ``taken`` are those whose ports something else has.
    """

    shortages: Mapping[str, tuple[str, ...]]
    unknown: tuple[str, ...] = ()
    taken: Mapping[str, list[Problem]] = field(default_factory=dict)

    def check(self, instance_id: str) -> None:
        """Raise an error if an instance cannot be started.

        Raises:
            PreflightError: something else has its ports.
            CapacityError: there is no room for it.
        """
        if problems := self.taken.get(instance_id):
            raise PreflightError(instance_id, problems)
        if shortages := self.shortages.get(instance_id):
            raise CapacityError(instance_id, shortages)


def find_room(fleet: Fleet, instances: Sequence[Instance]) -> Room:
    """Look which of the instances there is room for, if they are started in this order.

    Instances that run need no more room.
    """
    observed = fleet.engine.observe()
    starts = [start for each in instances if (start := _describe_start(fleet, each, observed))]
    if not starts:
        return Room({})
    taken = _find_taken_ports(fleet, starts, observed)
    if not fleet.engine.is_local:
        return Room({}, (ELSEWHERE,), taken)
    fit = [start for start in starts if start.instance.id not in taken]
    supply, unknown = _measure(fleet, observed, fit)
    return Room(find_shortages(map(estimate, fit), supply), tuple(unknown), taken)


def _find_taken_ports(
    fleet: Fleet, starts: Iterable[Start], observed: Observed
) -> dict[str, list[Problem]]:
    """Find whose ports something else has. They take no room from those that can start."""
    machine = fleet.machine
    if machine is None:
        return {}
    taken = {}
    for id_, instance in ((start.instance.id, start.instance) for start in starts):
        # Without its password an instance cannot be described. Its start tells that.
        with suppress(UsageError):
            wanted = fleet.describe(instance, create_secrets=False)
            current = find_listed(id_, observed)
            if problems := list(ports.find_taken(wanted, current, observed, machine)):
                taken[id_] = problems
    return taken


def _describe_start(fleet: Fleet, instance: Instance, observed: Observed) -> Start | None:
    """Describe what is to be started of an instance. ``None`` if all of it runs."""
    current = find_listed(instance.id, observed)
    active = {container.part for container in current.containers if container.is_active}
    wanted = set(instance.parts)
    if wanted <= active:
        return None
    folder = instance_path(instance, fleet.settings)
    return Start(
        instance=instance,
        parts=frozenset(wanted - active),
        has_network=bool(current.networks),
        has_database=folders.can_be_present(folder / DATABASES / VERSION_FILE),
        cache=_measure_files(folder / VALKEY_DATA) if fleet.engine.is_local else 0,
        max_cache=instance.valkey_max_memory or fleet.settings.valkey_max_memory,
        disk=_find_disk(folder / DATABASES) if fleet.engine.is_local else "",
    )


def _measure_files(folder: Path) -> int:
    """Measure what Valkey has on disk, and loads: its snapshot, or its log."""
    sizes = [0]
    with suppress(OSError):
        sizes += [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return sum(sizes)


def _find_disk(folder: Path) -> str:
    """Find a path that names the disk of a folder: the same for all folders on that disk."""
    there = next((place for place in (folder, *folder.parents) if folders.is_present(place)), None)
    if there is None:
        return ""
    device = there.stat().st_dev
    above = [place for place in there.parents if _is_on(place, device)]
    return str(above[-1] if above else there)


def _is_on(place: Path, device: int) -> bool:
    with suppress(OSError):
        return place.stat().st_dev == device
    return False


def _measure(
    fleet: Fleet, observed: Observed, starts: Sequence[Start]
) -> tuple[dict[Kind, int], list[str]]:
    """Measure what there is. What cannot be measured is named."""
    supply: dict[Kind, int] = {}
    unknown = []
    questions: dict[Resource, Callable[[], int]] = {
        Resource.MEMORY: _measure_memory,
        Resource.TASKS: lambda: kernel.read_tasks().left,
        Resource.FILES: lambda: kernel.read_open_files().left,
        Resource.NETWORKS: lambda: _count_subnets(fleet, observed, len(starts)),
    }
    for resource, question in questions.items():
        try:
            supply[Kind(resource)] = question()
        except (OSError, ValueError, KeyError) as error:
            unknown.append(f"whether there is room for more {resource} is not known: {error}")
    for disk in disks.measure_disks(Path(path) for path in _list_disks(starts)):
        supply[Kind(Resource.DISK, disk.path)] = max(disk.free - folders.ENOUGH_BYTES, 0)
    return supply, unknown


def _list_disks(starts: Iterable[Start]) -> Iterator[str]:
    return iter(dict.fromkeys(start.disk for start in starts if start.disk))


def _measure_memory() -> int:
    found = memory.read_memory()
    return max(found.available - min(found.size // KEPT_SHARE, KEPT_AT_MOST), 0)


def _count_subnets(fleet: Fleet, observed: Observed, wanted: int) -> int:
    """Count the free subnets, as far as they are wanted."""
    found = 0
    with suppress(AddressPoolError):
        for _ in islice(fleet.find_subnets(observed), wanted):
            found += 1
    return found
