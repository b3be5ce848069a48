"""Plan: what will be done to the engine, as data that reads as text. Pure.

A plan is a sequence of stages. The lanes of a stage run side by side, the operations of a lane one
after another. An operation is one engine call. Its cause stands in its lane. Operations name their
containers; the executor looks up the ids.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from wb_cli.contract import Part
from wb_cli.engine.types import ContainerSpec, NetworkSpec, ObservedContainer

# The causes below in EXPECTED are not told to an operator: the command itself says them.
NOT_THERE = "not there"
CREATED = "created"
STARTED = "started"
READY = "ready"
STOP = "stop"
STOPPED = "stopped"
RESTART = "restart"
AWAKE = "set aside, but it runs"
LEFT_OVER = "left over from an interrupted run"
SUCCEEDED = "its successor is ready"
CARRIED = "what it caches is carried over"
SAVED = "what it caches is saved"
TAKEN_OVER = "taken over from an older tool"
EXPECTED = {NOT_THERE, CREATED, STARTED, READY, STOP, STOPPED, RESTART, CARRIED, SAVED, TAKEN_OVER}


class Persistence(StrEnum):
    """How Valkey keeps its data on disk: as snapshots, or as a log of every write."""

    RDB = "rdb"
    AOF = "aof"

    @property
    def other(self) -> "Persistence":
        """The form to change from, where this is the form to change to."""
        return Persistence.AOF if self is Persistence.RDB else Persistence.RDB


class CreateNetwork(Struct, frozen=True):
    """Create the instance's network."""

    spec: NetworkSpec

    def __str__(self) -> str:
        # The subnet is not shown: a plan does not reserve it, so the network may get another one.
        return f"create network {self.spec.name}"


class RemoveNetwork(Struct, frozen=True):
    """Remove a network that nothing is attached to."""

    id: str
    name: str

    def __str__(self) -> str:
        return f"remove network {self.name}"


class Create(Struct, frozen=True):
    """Create a container, not started, with restart policy ``no``."""

    spec: ContainerSpec

    def __str__(self) -> str:
        return f"create {self.spec.name} from {self.spec.image}"


class Start(Struct, frozen=True):
    """Start a container."""

    spec: ContainerSpec

    def __str__(self) -> str:
        return f"start {self.spec.name}"


class StartAgain(Struct, frozen=True):
    """Start a container that an undone step had stopped."""

    container: ObservedContainer

    def __str__(self) -> str:
        return f"start {self.container.name} again"


class MakeAgain(Struct, frozen=True):
    """Make a container again that removed itself when it was stopped."""

    container: ObservedContainer

    def __str__(self) -> str:
        return f"make {self.container.name} again"


class Await(Struct, frozen=True):
    """Wait until a container is ready."""

    spec: ContainerSpec

    def __str__(self) -> str:
        return f"wait until {self.spec.name} is ready"


class SetRestartPolicy(Struct, frozen=True):
    """Switch a container's restart policy."""

    name: str
    policy: str

    def __str__(self) -> str:
        return f"set restart policy of {self.name} to {self.policy}"


class Stop(Struct, frozen=True):
    """Stop a container; the engine kills it after ``timeout`` seconds.

    A container without a part is not wb's. One that ``removes_itself`` is gone once it has stopped.
    """

    name: str
    part: Part | None
    timeout: int
    is_auto_removed: bool = False

    def __str__(self) -> str:
        return f"stop {self.name} (at most {self.timeout} s)"


class Rename(Struct, frozen=True):
    """Give a container another name."""

    name: str
    to: str

    def __str__(self) -> str:
        return f"rename {self.name} to {self.to}"


class Remove(Struct, frozen=True):
    """Remove a stopped container and wait until it is gone.

    If it has a ``successor`` that did not become ready, the container is kept.
    """

    name: str
    successor: str = ""

    def __str__(self) -> str:
        return f"remove {self.name}"


class Save(Struct, frozen=True):
    """Have a running Valkey write its snapshot, within ``timeout`` seconds."""

    name: str
    timeout: int

    def __str__(self) -> str:
        return f"save what {self.name} caches"


class CarryOver(Struct, frozen=True):
    """Give the files of a Valkey that is down the form that ``spec`` reads at its start."""

    spec: ContainerSpec
    to: Persistence

    def __str__(self) -> str:
        return f"carry the cache of {self.spec.name} over from {self.to.other} to {self.to}"


Operation = (
    CreateNetwork
    | RemoveNetwork
    | Create
    | Start
    | StartAgain
    | MakeAgain
    | Await
    | SetRestartPolicy
    | Stop
    | Rename
    | Remove
    | Save
    | CarryOver
)


class Lane(Struct, frozen=True):
    """Operations that follow one another, for one cause, on one part of the instance."""

    subject: str
    cause: str
    operations: tuple[Operation, ...]

    def split(self, at: int, cause: str) -> tuple["Lane", "Lane"]:
        """Split off the operations from ``at`` on, under a cause of their own."""
        before, after = self.operations[:at], self.operations[at:]
        return Lane(self.subject, self.cause, before), Lane(self.subject, cause, after)

    def __str__(self) -> str:
        return "\n".join([f"{self.subject}: {self.cause}", *(f"  {op}" for op in self.operations)])


Stage = tuple[Lane, ...]


class Plan(Struct, frozen=True):
    """The steps that change one instance into what it should be.

    ``cleanup`` follows when everything is ready. It removes containers for good, so nothing is
    undone once it has begun. ``untouched`` are the parts that run as declared; at the end they are
    asked, too, whether they are ready. ``drift`` is reported and not changed. ``new_folder`` is
    made before the first stage, with the folders in it; it is empty if they are there. ``basis`` is
    what a dry run made the plan from.
    """

    instance: str
    stages: tuple[Stage, ...] = ()
    cleanup: Stage = ()
    drift: tuple[str, ...] = ()
    untouched: tuple[ContainerSpec, ...] = ()
    new_folder: str = ""
    basis: Mapping[str, str] = {}

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.stages and not self.cleanup

    @property
    def lanes(self) -> Iterator[Lane]:
        """All lanes, in the order of their stages."""
        return (lane for stage in (*self.stages, self.cleanup) for lane in stage)

    @property
    def operations(self) -> Iterator[Operation]:
        """All operations, in order."""
        return (operation for lane in self.lanes for operation in lane.operations)

    @property
    def steps(self) -> tuple[str, ...]:
        """All operations with their causes, each in one line."""
        return tuple(
            f"{lane.subject}: {lane.cause}: {operation}"
            for lane in self.lanes
            for operation in lane.operations
        )

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why parts that were there already are changed: ``platform: image 1.6.7 -> 1.7.0``."""
        lanes = (lane for stage in self.stages for lane in stage)
        return tuple(
            f"{lane.subject}: {lane.cause}" for lane in lanes if lane.cause not in EXPECTED
        )

    def __str__(self) -> str:
        lines = [str(lane) for lane in self.lanes] or ["nothing to do"]
        drift = (f"drift: {difference} (applied by restart)" for difference in self.drift)
        return "\n".join([*lines, *drift])

    def as_document(self) -> dict[str, Any]:
        """Give the plan for ``--json``."""
        return {
            "instance": self.instance,
            "steps": [
                {"subject": lane.subject, "cause": lane.cause, "operation": str(operation)}
                for lane in self.lanes
                for operation in lane.operations
            ],
            "drift": list(self.drift),
        }


def drop_empty(*stages: tuple[Lane | None, ...]) -> tuple[Stage, ...]:
    """Drop the lanes that have no operations, and the stages that have no lanes."""
    filled = (tuple(lane for lane in stage if lane and lane.operations) for stage in stages)
    return tuple(stage for stage in filled if stage)
