"""A program that runs beside the instances for a while, in a container of its own."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wb_cli.secret import Secret

# Every container of a task has this label. Its value says what the task is for.
LABEL_TASK = "wb.task"
NO_NETWORK, BRIDGE = "none", "bridge"
# So many lines of what it complains of are kept: the first ones, which often say why, and the last.
FIRST_COMPLAINTS, COMPLAINTS_KEPT = 5, 20
# A shell adds this to the number of the signal that ended a program.
SIGNAL = 128


class Priority(StrEnum):
    """How a program stands behind others that want the processors and the disks."""

    NORMAL = "normal"
    LOW = "low"
    IDLE = "idle"


class TaskMount(Struct, frozen=True):
    """A host folder that the program sees. The source must exist."""

    source: str
    target: str
    is_read_only: bool = True


class TaskSpec(Struct, frozen=True):
    """What runs, on which image, and what it sees.

    ``network`` is the name of a network, or ``container:<id>``: then it shares the network of that
    container, and the other's loopback is its own. ``secrets`` are environment variables that the
    description of the container does not show. ``files`` are the contents of small files by path.
    ``hostname`` is what the program takes for the name of its machine; "" for the container's id.
    ``memory`` is how many bytes it may take; 0 is no limit.
    """

    purpose: str
    image: str
    command: tuple[str, ...]
    mounts: tuple[TaskMount, ...] = ()
    network: str = NO_NETWORK
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    priority: Priority = Priority.NORMAL
    hostname: str = ""
    memory: int = 0


class TaskEnd(Struct, frozen=True):
    """How the program ended: its exit code, and the first and last lines of its complaints."""

    code: int
    complaints: tuple[str, ...] = ()

    @property
    def was_killed(self) -> bool:
        """Whether a signal ended it."""
        return self.code > SIGNAL

    @property
    def no_room(self) -> str:
        """What it said of a full disk; "" if it said nothing of one."""
        said = (line for line in self.complaints if "no space left on device" in line.lower())
        return next(said, "")

    @property
    def why(self) -> str:
        """Why it failed: what it said, or else the exit code."""
        silent = "it was ended from outside" if self.was_killed else f"exit {self.code}"
        return "; ".join(self.complaints) or silent
