"""Whether a disk has room for a copy, and whether a program that worked on it had its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.errors import WbError
from wb_cli.quantities import describe_size

if TYPE_CHECKING:
    from pathlib import Path

    from wb_cli.engine.task import TaskEnd
    from wb_cli.lifecycle.machine.base import Machine

# A copy may have more than the databases: WAL that is written meanwhile.
WAL_BYTES = 256 * 1024**2


def require_room(machine: Machine, folder: Path, needed: int, what: str, hint: str = "") -> None:
    """Refuse to copy so many bytes to a disk that has not as many free.

    Raises:
        WbError: there is no room for ``what``.
    """
    for disk in machine.find_disks([folder]):
        if disk.free_bytes < needed:
            raise WbError(
                f"there is no room for {what} below {disk.path}: it takes "
                f"{describe_size(needed)}, and {describe_size(disk.free_bytes)} are free",
                hint,
            )


def require_room_for_copy(machine: Machine, folder: Path, size: int) -> None:
    """Refuse to copy databases of so many bytes to a disk without room for them.

    Raises:
        WbError: there is none.
    """
    require_room(
        machine,
        folder,
        size + WAL_BYTES,
        "a copy of the databases",
        "Make room there; the copy is removed once it is stored.",
    )


def require_room_for_wal(
    machine: Machine, repository: Path, wal: int, copy_folder: Path, size: int
) -> None:
    """Refuse to store so many bytes of WAL in a folder without room for them.

    The copy of the databases, of so many bytes, may lie on the same disk meanwhile.

    Raises:
        WbError: there is none.
    """
    is_shared = len(machine.find_disks([copy_folder, repository])) == 1
    require_room(
        machine,
        repository,
        wal + (size + WAL_BYTES if is_shared else 0),
        "the WAL of the backup" + (" beside a copy of the databases" if is_shared else ""),
        "Make room there. `wb backup forget` frees what no rule keeps.",
    )


def refuse_cut_off(end: TaskEnd, what: str) -> None:
    """Refuse to judge data by a program that had no room, or was killed.

    Raises:
        WbError: that is so of the one that did ``what``.
    """
    if end.no_room:
        raise WbError(f"{what} had no room on the disk: {end.no_room}", "Make room there.")
    if end.was_killed:
        raise WbError(f"{what} was ended from outside", "Was there too little memory? Ask again.")
