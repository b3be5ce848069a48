"""Read how this machine's memory stands, as the kernel tells it. ``proc`` is the kernel's folder.

A kernel that does not measure pressure, as in some containers and old releases, has no such file.
"""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

PROC = Path("/proc")
KIB = 1024
RESOURCES = ("memory", "io")


class Memory(Struct, frozen=True):
    """The memory of this machine in bytes, and how the kernel promises it to processes.

    ``overcommit`` is 0 (by the kernel's judgement), 1 (always) or 2 (never more than there is).
    """

    size: int
    available: int
    swap: int
    free_swap: int
    overcommit: int


class Pressure(Struct, frozen=True):
    """The percentage of the last minute in which processes waited for a resource.

    ``some`` counts the time in which at least one of them waited, ``full`` the time in which all
    of them did.
    """

    resource: str
    some: float
    full: float


def read_memory(proc: Path = PROC) -> Memory:
    """Read the sizes, and the rule of overcommitment."""
    sizes = dict(re.findall(r"^(\w+): +(\d+) kB$", (proc / "meminfo").read_text(), re.MULTILINE))
    return Memory(
        size=int(sizes["MemTotal"]) * KIB,
        available=int(sizes["MemAvailable"]) * KIB,
        swap=int(sizes["SwapTotal"]) * KIB,
        free_swap=int(sizes["SwapFree"]) * KIB,
        overcommit=int((proc / "sys/vm/overcommit_memory").read_text()),
    )


def read_pressures(proc: Path = PROC) -> tuple[Pressure, ...]:
    """Read the pressures that the kernel measures; none where it measures none."""
    found = []
    for resource in RESOURCES:
        try:
            text = (proc / "pressure" / resource).read_text()
        except OSError:  # a kernel can have the file and refuse to read it
            continue
        shares = dict(re.findall(r"^(some|full) .*avg60=([\d.]+)", text, re.MULTILINE))
        found.append(Pressure(resource, float(shares["some"]), float(shares.get("full", 0))))
    return tuple(found)
