"""Replay received WAL on a fetched database, before anything can reach it."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from importlib.resources import files
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli import contract
from wb_cli.backup.copying.room import refuse_cut_off
from wb_cli.backup.moments.spans import name_moment
from wb_cli.backup.throw_away import read_common_script, see_whether_killed
from wb_cli.engine.task import TaskMount, TaskSpec
from wb_cli.errors import WbError

if TYPE_CHECKING:
    from pathlib import Path

    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions

INSIDE = "/copy"
REPLAYING, REACHED, CHECKING, MORE = "replaying ", "reached", "checking", "more"


class AtEnd(StrEnum):
    """What is done where the WAL holds nothing from after the moment."""

    STAY = "stay"
    TAKE = "take"
    ASK = "ask"


class Wal(Struct, frozen=True):
    """The folders with the WAL: of the repository, of the disk, or both.

    Of both, ``near`` goes on where ``stored`` ends. ``first`` and ``last`` are the numbers of the
    segments that are replayed, ``last_name`` is the name of the last.
    """

    first: int
    last: int
    last_name: str
    stored: Path | None = None
    near: Path | None = None

    @property
    def mounts(self) -> tuple[TaskMount, ...]:
        """The folders, as the program sees them."""
        places = {"stored": self.stored, "near": self.near}
        return tuple(
            TaskMount(str(folder), f"{contract.WAL_PATH}/{name}")
            for name, folder in places.items()
            if folder
        )


class NotReplayedError(WbError):
    """The WAL is damaged, or does not lead where it should."""


class Replay(Struct):
    """Replays WAL in a throw-away PostgreSQL of the database's image, without a network.

    The database is in the folder ``name`` below ``root``.
    """

    fleet: Fleet
    image: str
    root: Path
    name: str
    options: RunOptions

    def to_moment(self, wal: Wal, moment: float, at_end: AtEnd) -> bool:
        """Bring the database to a moment, and say whether the WAL led there.

        ``False`` is only given for ``AtEnd.ASK``: then there may be more WAL.

        Raises:
            WbError: the moment was not reached.
            InterruptedError: a signal came.
        """
        until = datetime.fromtimestamp(moment, UTC).isoformat()
        try:
            said = self._run(wal, {"WB_MOMENT": until, "WB_AT_END": at_end})
        except NotReplayedError as error:
            raise WbError(
                f"the WAL could not be replayed up to {name_moment(moment)}: {error.message}",
                "Nothing was changed. `--at` brings a backup back as it is.",
            ) from error
        if said == MORE:
            return False
        last = said.removeprefix(REACHED).strip()
        self.options.tell(
            f"the last change in it is of {last}" if last else "nothing was written meanwhile"
        )
        return True

    def to_end(self, wal: Wal) -> None:
        """Replay all of the WAL, and check every page of what comes of it.

        Raises:
            NotReplayedError: the WAL is damaged, or the database is on it.
            WbError: the program was cut off, so nothing is known.
            InterruptedError: a signal came.
        """
        self._run(wal, {"WB_CHECK": "1"})

    def _run(self, wal: Wal, environment: dict[str, str]) -> str:
        """Run the program, and give its last line."""
        self.options.report("replaying the WAL")
        said = [""]
        total = wal.last - wal.first + 1

        def hear(line: str) -> None:
            said.append(line)
            if line.startswith(REPLAYING):
                done = line.removeprefix(REPLAYING)
                self.options.report(f"replaying the WAL: file {done} of at most {total}")
            elif line == CHECKING:
                self.options.report("checking every page of what came of the WAL")

        spec = TaskSpec(
            purpose="restore",
            image=self.image,
            command=("sh", "-c", files(__package__).joinpath("replay.sh").read_text(), "replay"),
            mounts=(TaskMount(str(self.root), INSIDE, is_read_only=False), *wal.mounts),
            environment=dict.fromkeys(("WB_MOMENT", "WB_AT_END", "WB_CHECK"), "")
            | {"WB_DATA": f"{INSIDE}/{self.name}", "WB_LAST": wal.last_name}
            | environment,
            files=read_common_script(),
            labels=self.fleet.settings.labels,
        )
        end = self.fleet.engine.run_task(spec, hear, self.options.cancelled)
        refuse_cut_off(see_whether_killed(end, said), "the replay")
        if end.code:
            raise NotReplayedError(end.why)
        return said[-1]
