"""Read how much of what the kernel counts is used: open files and tasks. ``proc`` is its folder."""

import os
from pathlib import Path

from msgspec import Struct

from wb_cli.host.memory import PROC

ONE_TREE_OF_CONTROL_GROUPS = Path("/sys/fs/cgroup/cgroup.controllers")


class Usage(Struct, frozen=True):
    """How many there are, and how many there may be."""

    used: int
    most: int

    @property
    def left(self) -> int:
        """How many more there may be."""
        return max(self.most - self.used, 0)


def read_open_files(proc: Path = PROC) -> Usage:
    """Read the open files of the whole machine."""
    used, _, most = (proc / "sys/fs/file-nr").read_text().split()
    return Usage(int(used), int(most))


def read_tasks(proc: Path = PROC) -> Usage:
    """Read the tasks of the whole machine: its processes, with each of their threads."""
    _, used = (proc / "loadavg").read_text().split()[3].split("/")
    limits = ("sys/kernel/pid_max", "sys/kernel/threads-max")
    return Usage(int(used), min(int((proc / limit).read_text()) for limit in limits))


def read_inotify_limit(
    proc: Path = PROC, controllers: Path = ONE_TREE_OF_CONTROL_GROUPS
) -> int | None:
    """Read how many inotify instances a user may have. ``None`` where an engine needs none.

    Where there is one tree of control groups, the engine has one for each container, by which it
    hears that the kernel ended a process for want of memory.
    """
    if not controllers.exists():
        return None
    return int((proc / "sys/fs/inotify/max_user_instances").read_text())


def count_processors() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0))
