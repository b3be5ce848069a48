"""Ask a machine elsewhere how its disks, memory and ports stand, through its engine."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wb_cli.host import memory, ports
from wb_cli.host.disks import Disk
from wb_cli.observe.doctor.look_at_machine import FIELDS, list_places

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from wb_cli.lifecycle.machine.far import FarMachine
    from wb_cli.observe.doctor.facts import Facts
    from wb_cli.observe.doctor.gather import Job, Question

    T = TypeVar("T")

PROC = Path("/proc")
# What the functions of `wb_cli.host` read, below the kernel's folder.
MEMORY = ("meminfo", "sys/vm/overcommit_memory")
PRESSURES = tuple(f"pressure/{resource}" for resource in memory.RESOURCES)
PORTS = ("sys/net/ipv4/ip_local_port_range", "sys/net/ipv4/ip_local_reserved_ports")


def ask_about_machine_elsewhere(facts: Facts, machine: FarMachine) -> dict[Question, Job]:
    """The questions about a machine elsewhere. Nginx and systemd cannot be asked from here."""
    places = list_places(facts, is_here=False)
    jobs: dict[str, Job] = {
        "disks": lambda: tuple(Disk(*measured) for measured in machine.measure_disks(places)),
        "memory": partial(_read_there, machine, MEMORY, memory.read_memory),
        "pressures": partial(_read_there, machine, PRESSURES, memory.read_pressures),
        "ephemeral_ports": partial(_read_there, machine, PORTS, _read_ports),
        "routes": lambda: tuple(machine.read_routes()),
        "mount_path": lambda: machine.find_problem(facts.settings.mount_path),
    }
    return {("", FIELDS[name]): job for name, job in jobs.items()}


def _read_there(machine: FarMachine, names: tuple[str, ...], read: Callable[[Path], T]) -> T:
    """Read files of the kernel there with a function that reads them here."""
    with tempfile.TemporaryDirectory(prefix="wb-") as folder:
        for name in names:
            if text := machine.read_file(PROC / name):
                copy = Path(folder, name)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_text(text)
        return read(Path(folder))


def _read_ports(proc: Path) -> ports.PortRange:
    return ports.read_ephemeral_ports(proc / "sys/net/ipv4")
