"""How much sample data to make."""

from dataclasses import asdict, dataclass
from random import Random
from typing import Any

# Raise this when the same arguments make other data, so that old samples are made anew.
GENERATION = 1


class Chance(Random):
    """A random source that can also say whether something happens."""

    def happens(self, share: float) -> bool:
        """Whether it happens, which is so in this share of all cases."""
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
        """The mark in the database by which the sample is known again."""
        return {**asdict(self), "generation": GENERATION}

    def chance(self, *topic: object) -> Chance:
        """A random source for one topic, so that its draws do not shift those of another topic."""
        return Chance(":".join(str(part) for part in (self.seed, *topic)))

    def project_ids(self) -> list[str]:
        """The sample's projects."""
        return [f"sample-{number:02d}" for number in range(1, self.projects + 1)]

    def objects_of(self, project: int) -> int:
        """The number of a project's objects. Projects differ by one object at most."""
        share, left = divmod(self.objects, self.projects)
        return share + (project < left)
