"""Containers that wb made and never started, because it was killed or cut off in between."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wb_cli.engine.docker.client import docker_errors
from wb_cli.engine.types import State
from wb_cli.errors import WbError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# The process that made a container which is to be started at once: its machine, pid and beginning.
LABEL_MAKER = "wb.maker"
# What waits longer is left, also where its maker is on another machine.
STARTED_WITHIN_S = 60


@cache
def name_machine() -> str:
    """Name this machine since its boot, with the processes that this one sees; "" if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def name_maker() -> str:
    """Name this process. No process after it has the same name."""
    return f"{name_machine()} {os.getpid()} {_read_beginning(os.getpid())}"


def is_dead(maker: str) -> bool:
    """Whether a process has surely ended. Of one on another machine that is not known."""
    machine, _, process = maker.partition(" ")
    pid, _, beginning = process.partition(" ")
    if not machine or machine != name_machine() or not pid.isdecimal():
        return False
    return _read_beginning(int(pid)) != beginning


def _read_beginning(pid: int) -> str:
    """Read when a process began, in ticks since the boot; "" if there is none."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return ""


def remove_never_started(api: Any, own: str) -> None:
    """Remove what other commands have left. ``own`` is a container that was made just now."""
    with suppress(WbError), docker_errors():
        listed = api.containers(all=True, filters={"label": [LABEL_MAKER]})
        for container in choose_never_started(listed, own, is_dead):
            with suppress(WbError), docker_errors():
                api.remove_container(container)  # refused if it runs by now


def choose_never_started(
    listed: Sequence[Mapping[str, Any]], own: str, has_ended: Callable[[str], bool]
) -> list[str]:
    """Choose the containers that nobody will start. Pure.

    The time is that of the engine's clock: ``own`` was made now.
    """
    now = next((each["Created"] for each in listed if each["Id"] == own), 0)
    return [
        str(each["Id"])
        for each in listed
        if each["State"] == State.CREATED
        and (
            now - each["Created"] > STARTED_WITHIN_S
            or has_ended((each.get("Labels") or {}).get(LABEL_MAKER, ""))
        )
    ]
