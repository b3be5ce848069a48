"""How much sample data there is to be."""

from dataclasses import asdict, dataclass
from random import Random
from typing import Any

# Moves when the same arguments give other data than before, so that old samples are made anew.
GENERATION = 1


class Chance(Random):
    """A source of chance that can be asked whether something happens."""

    def happens(self, share: float) -> bool:
        """Yes, in this share of all cases."""
        return self.random() < share


@dataclass(frozen=True, slots=True)
class Size:
    """What the command line asks for.

    Args:
        projects: how many projects, each with a database of its own.
        objects: how many presentation objects, over all projects.
        rows: about how many rows each results table has.
        seed: decides everything that is left to chance.
    """

    projects: int = 1
    objects: int = 200
    rows: int = 5_000
    seed: int = 1

    def __str__(self) -> str:
        return (
            f"{self.objects} objects in {self.projects} project{'s' * (self.projects > 1)}, "
            f"{self.rows} rows a table, seed {self.seed}"
        )

    def mark(self) -> dict[str, Any]:
        """What is kept in the database, to know the sample again."""
        return {**asdict(self), "generation": GENERATION}

    def chance(self, *topic: object) -> Chance:
        """A source of chance of a topic's own, so that one topic's draws do not shift another's."""
        return Chance(":".join(str(part) for part in (self.seed, *topic)))

    def project_ids(self) -> list[str]:
        """The sample's projects."""
        return [f"sample-{number:02d}" for number in range(1, self.projects + 1)]

    def objects_of(self, project: int) -> int:
        """How many objects one project has; the numbers differ by one at most."""
        share, left = divmod(self.objects, self.projects)
        return share + (project < left)
