"""Look which WAL of an instance was received, and have the receiver note what has come by now."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from wb_cli import contract
from wb_cli.backup.copying.counting import MAINTENANCE, Postgres
from wb_cli.backup.moments.stretch import parse_stretches
from wb_cli.contract import Part
from wb_cli.engine.task import TaskMount, TaskSpec
from wb_cli.errors import WbError
from wb_cli.lifecycle.planning.desired import instance_path
from wb_cli.lifecycle.planning.images import choose_images
from wb_cli.lifecycle.receiving.part import LOOK

if TYPE_CHECKING:
    from pathlib import Path

    from wb_cli.backup.moments.stretch import Stretch
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet

# A commit from after the moment that is asked for: where one is, PostgreSQL knows where to stop.
MARK = "set synchronous_commit = on;\nselect pg_logical_emit_message(true, 'wb', 'now')"
LIST = r"""
cd /wal || exit
for name in *.*; do
    segments=$(ls "$name" 2>/dev/null | grep -E '^[0-9A-F]{24}(\.partial)?$' | sort)
    [ -n "$segments" ] || continue
    first=$(echo "$segments" | head -n 1) last=$(echo "$segments" | tail -n 1)
    until=$(cat "$name/until" 2>/dev/null) || until=0
    if [ ! -e "$name/behind" ]; then
        written=$(stat -c %Y "$name/$last")
        until=$(awk -v "a=$until" -v "b=$written" 'BEGIN { print (a + 0 > b + 0 ? a : b) }')
    fi
    echo "$name ${first%.partial} ${last%.partial} $(stat -c %s "$name/$last") $until"
done
"""
REMOVE = r"""
cd /wal || exit
for word in "$@"; do
    name=${word%%/*} first=${word#*/}
    if [ -z "$first" ]; then
        rm -rf -- "$name"
        continue
    fi
    ls "$name" | grep -E '^[0-9A-F]{24}$' | awk -v "first=$first" '$0 "" < first ""' |
        while read -r segment; do
            rm -f -- "$name/$segment"
        done
done
"""


# Links to what has come by now. The receiver renames its files, and a backup reads for a while.
KEPT = ".kept"
KEEP = rf"""
cd /wal || exit
keep() {{
    rm -rf {KEPT} && mkdir {KEPT} || return
    for name in *.*; do
        [ ! -d "$name" ] || cp -al "$name" {KEPT}/ || return
    done
}}
# A file may get its last name just now.
keep 2>/dev/null || keep 2>/dev/null || keep
"""
LET_GO = f"rm -rf /wal/{KEPT}"


def find_folder(fleet: Fleet, instance: Instance) -> Path:
    """Find the folder with the WAL that was received."""
    return instance_path(instance, fleet.settings) / contract.WAL_RECEIVED


def note_now(fleet: Fleet, instance: Instance, *, marks: bool = True) -> bool:
    """Have everything received that was written until now; say whether it was.

    With ``marks``, PostgreSQL commits something now, so that the WAL goes beyond this moment.
    """
    own = [each for each in fleet.engine.observe().containers if each.instance == instance.id]
    running = {each.part: each.id for each in own if each.is_running}
    if not {Part.POSTGRES, Part.WAL} <= set(running):
        return False
    with suppress(WbError):
        if marks:
            Postgres(fleet.engine, running[Part.POSTGRES]).ask(MAINTENANCE, MARK)
        code, _ = fleet.engine.execute(running[Part.WAL], LOOK)
        return code == 0
    return False


def list_stretches(fleet: Fleet, instance: Instance) -> tuple[Stretch, ...]:
    """List the WAL on the disk of the instance's machine."""
    folder = find_folder(fleet, instance)
    if fleet.machine is None:
        raise WbError("the machine of the engine cannot be looked at, so its WAL is unknown")
    if not fleet.machine.can_be_present(folder):
        return ()
    return parse_stretches(_run(fleet, instance, ("sh", "-c", LIST)))


def keep_for_backup(fleet: Fleet, instance: Instance) -> Path | None:
    """Keep what has come by now in a folder that a backup can read; ``None`` if nothing has."""
    folder = find_folder(fleet, instance)
    if fleet.machine is None or not fleet.machine.can_be_present(folder):
        return None
    note_now(fleet, instance, marks=False)
    _run(fleet, instance, ("sh", "-c", KEEP), is_read_only=False)
    return folder / KEPT


def let_go(fleet: Fleet, instance: Instance) -> None:
    """Remove what was kept for a backup. What cannot be removed now is by the next backup."""
    if fleet.machine and fleet.machine.can_be_present(find_folder(fleet, instance)):
        with suppress(WbError):
            _run(fleet, instance, ("sh", "-c", LET_GO), is_read_only=False)


def remove_unneeded(fleet: Fleet, instance: Instance, unneeded: dict[str, str]) -> None:
    """Remove WAL: of each stretch what comes before a segment, or all of it."""
    words = [f"{name}/{first}" for name, first in unneeded.items()]
    if words:
        _run(fleet, instance, ("sh", "-c", REMOVE, "remove", *words), is_read_only=False)


def _run(
    fleet: Fleet, instance: Instance, command: tuple[str, ...], *, is_read_only: bool = True
) -> list[str]:
    lines: list[str] = []
    spec = TaskSpec(
        purpose="wal",
        image=choose_images(instance, fleet.settings)[Part.POSTGRES],
        command=command,
        mounts=(TaskMount(str(find_folder(fleet, instance)), contract.WAL_PATH, is_read_only),),
        labels=fleet.settings.labels,
    )
    end = fleet.engine.run_task(spec, lines.append, threading.Event())
    if end.code:
        said = "; ".join(end.complaints) or f"exit {end.code}"
        raise WbError(f"the WAL of {instance.id} cannot be read: {said}")
    return lines
