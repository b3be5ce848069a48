"""Move databases into a new folder, by the programs of the new image, beside what runs."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, field

from wb_cli.contract import RESTORED
from wb_cli.engine.task import TaskMount, TaskSpec
from wb_cli.errors import WbError
from wb_cli.lifecycle.exchanging.exchange import PURPOSE
from wb_cli.lifecycle.exchanging.upgraded_images import Images, render

if TYPE_CHECKING:
    from wb_cli.lifecycle.exchanging.exchange import Exchange
    from wb_cli.lifecycle.options import RunOptions
    from wb_cli.secret import Secret

INSIDE = "/copy"
SQL = ("obstacles", "making", "settings", "names", "compare")
LEFT_OUT, IN_THE_WAY = "left out ", "obstacle "
OLD, NEW = "old ", "new "
SHOWN_DIFFERENCES = 3

# What a database holds: a number for each database, kind and name.
Held = dict[tuple[str, str, str], int]


class Moved(Struct):
    """What was said of the old and of the new databases."""

    obstacles: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    old: Held = field(default_factory=dict)
    new: Held = field(default_factory=dict)

    def read(self, line: str) -> str:
        """Read a line of the script. Give the step that it names; "" if it names none."""
        if line.startswith(IN_THE_WAY):
            self.obstacles.append(line.removeprefix(IN_THE_WAY))
        elif line.startswith(LEFT_OUT):
            self.left_out.append(line.removeprefix(LEFT_OUT))
        elif line.startswith((OLD, NEW)):
            held = self.old if line.startswith(OLD) else self.new
            parsed = msgspec.json.decode(line[len(OLD) :], type=tuple[str, str, str, int])
            held[parsed[:3]] = parsed[3]
        else:
            return line
        return ""

    @property
    def differences(self) -> list[str]:
        """The differences between the old and the new databases, as sentences."""
        return [
            f"{database}: {kind} {name}: {_describe(self.old.get(key))}, and "
            f"{_describe(self.new.get(key))} in the copy"
            for key in sorted({*self.old, *self.new})
            for database, kind, name in [key]
            if self.old.get(key) != self.new.get(key)
        ]

    @property
    def tables(self) -> int:
        """How many tables were compared."""
        return len(self._rows)

    @property
    def rows(self) -> int:
        """How many rows they have."""
        return sum(self._rows)

    @property
    def _rows(self) -> list[int]:
        return [number for (_, kind, _), number in self.old.items() if kind == "rows of"]


class Move(Struct):
    """Moves the databases of one running PostgreSQL beside an instance's own folders."""

    exchange: Exchange
    postgres: str
    password: Secret
    image: str
    images: Images
    options: RunOptions

    def prepare(self) -> Moved:
        """Make the new folder, and try whether the image fits. What runs serves on.

        Raises:
            WbError: something of the databases cannot be brought over.
        """
        said = self._run("prepare")
        if said.obstacles:
            raise WbError(
                f"{self.exchange.instance.id} cannot be moved to {self.image}: "
                f"{'; '.join(said.obstacles)}",
                "Change that first. Nothing of the instance was changed.",
            )
        return said

    def copy(self) -> Moved:
        """Copy every database, and compare what both hold.

        Raises:
            WbError: a database cannot be copied, or the copy holds something else.
        """
        said = self._run("copy")
        if different := said.differences:
            more = len(different) - SHOWN_DIFFERENCES
            raise WbError(
                f"the copy is not what {self.exchange.instance.id} has: "
                f"{'; '.join(different[:SHOWN_DIFFERENCES])}"
                + (f"; and {more} more" if more > 0 else ""),
                "Does somebody write to it directly? A row may also break a rule of its own table.",
            )
        return said

    def _run(self, verb: str) -> Moved:
        folder = files("wb_cli.backup.another_postgres")
        spec = TaskSpec(
            purpose=PURPOSE,
            image=self.image,
            command=("sh", "-c", folder.joinpath("move.sh").read_text(), "move", verb),
            mounts=(TaskMount(str(self.exchange.root / RESTORED), INSIDE, is_read_only=False),),
            network=f"container:{self.postgres}",
            environment={"WB_IMAGES": render(self.images)},
            secrets={"PGPASSWORD": self.password},
            files={f"/{name}.sql": folder.joinpath(f"{name}.sql").read_bytes() for name in SQL},
            labels=self.exchange.fleet.settings.labels,
        )
        said = Moved()

        def hear(line: str) -> None:
            if step := said.read(line):
                self.options.report(step)

        end = self.exchange.fleet.engine.run_task(spec, hear, self.options.cancelled)
        if end.code:
            raise WbError(
                f"the databases of {self.exchange.instance.id} could not be moved to {self.image}: "
                f"{'; '.join(end.complaints) or f'exit {end.code}'}",
                "Is the old PostgreSQL a later release than the image? The latest minor release of "
                "a version knows what the others write.",
            )
        return said


def _describe(number: int | None) -> str:
    return "missing" if number is None else f"{number:,}"
