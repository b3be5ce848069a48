"""What a restore left of its work, as the folders of the instance tell it."""

from __future__ import annotations

from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli import contract
from wb_cli.host.database_files import VERSION_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from wb_cli.lifecycle.machine.base import Machine

DATABASE = PurePath(contract.DATABASES) / VERSION_FILE


class Left(Enum):
    """What a restore left. The value says it of the instance."""

    NOTHING = ""
    FETCHED = "a restore or an upgrade was cut off before it changed anything"
    FETCHED_ALONE = "a restore or a clone was cut off before its data was in place"
    HALF_IN = "a restore or an upgrade was cut off while it moved folders"
    HALF_IN_ALONE = "a first restore was cut off while it moved folders"
    HALF_BACK = "the way back from a restore or an upgrade was cut off while it moved folders"
    KEPT = "it has restored or upgraded folders, and those from before are kept"
    REMAINS = "the removal of folders from before a restore or an upgrade was cut off"


# A start takes none of these as it is. Before it, ``wb run`` settles those that it can settle.
IN_THE_WAY = {Left.FETCHED_ALONE, Left.HALF_IN, Left.HALF_IN_ALONE, Left.HALF_BACK}


class Folders(Struct, frozen=True):
    """What is there of a restore.

    ``has_old``: folders from before are put away. ``had_none``: it is noted that some had none.
    ``has_database`` is said of the instance's own database, in its place or put away, and not of
    one that was restored where there was none.
    """

    is_fetched: bool = False
    is_moving: bool = False
    is_going_back: bool = False
    has_before: bool = False
    has_old: bool = False
    had_none: bool = False
    has_given_up: bool = False
    has_database: bool = False


def judge(folders: Folders) -> Left:
    """Judge how far a restore came. Pure."""
    if folders.is_going_back:
        return Left.HALF_BACK
    if folders.is_moving:
        return Left.HALF_IN if folders.has_database else Left.HALF_IN_ALONE
    if folders.is_fetched:
        return Left.FETCHED if folders.has_database else Left.FETCHED_ALONE
    if folders.has_old or (folders.had_none and folders.has_database):
        return Left.KEPT
    return Left.REMAINS if folders.has_before or folders.has_given_up else Left.NOTHING


def look(machine: Machine, root: Path) -> Left:
    """Look what a restore left in the folder of an instance. A closed folder is told elsewhere."""
    if machine.find_problem(root):
        return Left.NOTHING
    names = {path.name for path in machine.list_entries(root)}
    if names.isdisjoint(contract.OF_RESTORE):
        return Left.NOTHING
    old = {path.name for path in machine.list_entries(root / contract.BEFORE_RESTORE)}
    moving, going_back = PurePath(contract.MOVING).name, PurePath(contract.GOING_BACK).name
    return judge(
        Folders(
            is_fetched=contract.RESTORED in names,
            is_moving=moving in old,
            is_going_back=going_back in old,
            has_before=contract.BEFORE_RESTORE in names,
            has_old=any(not name.startswith(".") for name in old),
            had_none=PurePath(contract.ABSENT_BEFORE).name in old,
            has_given_up=contract.GIVEN_UP in names,
            has_database=has_database(machine, root),
        )
    )


def has_database(machine: Machine, root: Path) -> bool:
    """Whether an instance has a database of its own: in its place, or put away by a restore."""
    if machine.can_be_present(root / contract.BEFORE_RESTORE / DATABASE):
        return True
    is_new = machine.is_present(root / contract.ABSENT_BEFORE / contract.DATABASES)
    return not is_new and machine.can_be_present(root / DATABASE)


def suggest(left: Left, instance_id: str) -> str:
    """Say what to do about what a restore left; "" if there is nothing to do."""
    match left:
        case Left.NOTHING:
            return ""
        case Left.FETCHED_ALONE:
            return (
                "Repeat that command; or give it up: "
                f"`wb remove-dirs {instance_id}`, then `wb config remove {instance_id}`."
            )
        case Left.KEPT:
            return (
                f"`wb restore {instance_id} --accept` removes those from before, "
                "`--undo` goes back to them."
            )
        case _:
            return f"`wb run {instance_id}` puts it in order."
