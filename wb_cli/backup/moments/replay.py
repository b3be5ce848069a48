"""Replay received WAL on a fetched database up to a moment, before anything can reach it."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING

from wb_cli import contract
from wb_cli.backup.moments.spans import name_moment
from wb_cli.engine.task import TaskMount, TaskSpec
from wb_cli.errors import WbError

if TYPE_CHECKING:
    from pathlib import Path

    from wb_cli.backup.moments.spans import Way
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions

INSIDE = "/copy"
REPLAYING, REACHED = "replaying ", "reached"


def replay(  # noqa: PLR0913, PLR0917  (what, on what, and up to when)
    fleet: Fleet, image: str, databases: Path, wal: Path, way: Way, options: RunOptions
) -> None:
    """Replay WAL in a throw-away PostgreSQL of the database's image, without a network.

    Raises:
        WbError: the moment was not reached.
        InterruptedError: a signal came.
    """
    options.report("replaying the WAL")
    said: list[str] = []

    def hear(line: str) -> None:
        said.append(line)
        if line.startswith(REPLAYING):
            done, total = line.removeprefix(REPLAYING), way.stretch.count(way.backup.wal)
            options.report(f"replaying the WAL: file {done} of at most {total}")

    spec = TaskSpec(
        purpose="restore",
        image=image,
        command=("sh", "-c", files(__package__).joinpath("replay.sh").read_text(), "replay"),
        mounts=(
            TaskMount(str(databases), INSIDE, is_read_only=False),
            TaskMount(str(wal), contract.WAL_PATH),
        ),
        environment={
            "WB_MOMENT": datetime.fromtimestamp(way.moment, UTC).isoformat(),
            "WB_MAY_END": "" if way.is_live else "1",
        },
        labels=fleet.settings.labels,
    )
    end = fleet.engine.run_task(spec, hear, options.cancelled)
    if end.code:
        raise WbError(
            f"the WAL could not be replayed up to {name_moment(way.moment)}: "
            f"{'; '.join(end.complaints) or f'exit {end.code}'}",
            "Nothing was changed. `--at` brings a backup back as it is.",
        )
    last = said[-1].removeprefix(REACHED).strip() if said else ""
    options.tell(f"the last change in it is of {last}" if last else "nothing was written meanwhile")
