"""How far the warm-up has come: it counts, and the health check, page and metrics read."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

# The name of the tally of the datasets, which belong to no project.
DATASETS = "datasets"


class Phase(StrEnum):
    """The phase of the warm-up."""

    WAITING = "waiting"  # for PostgreSQL
    VERSIONS = "versions"  # reads all versions, with one query for each project
    L2 = "l2"  # fetches the entries that Valkey has
    DATABASE = "database"  # loads the other entries
    DONE = "done"


@dataclass
class Tally:
    """The entries of one project, or of the datasets. An entry is a key of a cache."""

    label: str
    objects: int = 0
    skipped: int = 0
    entries: int = 0
    held: int = 0  # in L1 before the warm-up came to it
    from_l2: int = 0
    from_database: int = 0
    failed: int = 0
    unfinished_runs: int = 0  # modules whose run was begun and never completed

    @property
    def done(self) -> int:
        """Entries that need no more work."""
        return self.held + self.from_l2 + self.from_database + self.failed


@dataclass
class Progress:
    """The whole warm-up."""

    clock: Callable[[], float] = time.monotonic
    phase: Phase = Phase.WAITING
    tallies: dict[str, Tally] = field(default_factory=dict)
    # The seconds that each ended phase took.
    seconds: dict[Phase, float] = field(default_factory=dict)
    # Why the last attempt failed as a whole; empty if it did not.
    problem: str = ""
    _entered: float | None = None

    def enter(self, phase: Phase) -> None:
        """Go on to the next phase."""
        now = self.clock()
        self.seconds[self.phase] = self.seconds.get(self.phase, 0.0) + now - (self._entered or now)
        self.phase, self._entered = phase, now

    @property
    def has_begun(self) -> bool:
        """Whether the database has answered since the process began."""
        return self._entered is not None

    @property
    def is_ready(self) -> bool:
        """Whether all entries that L2 had are in L1."""
        return self.phase in (Phase.DATABASE, Phase.DONE)

    @property
    def is_warm(self) -> bool:
        """Whether all known entries are in L1."""
        return self.phase is Phase.DONE

    def total(self, name: str) -> int:
        """The sum of one number over all tallies."""
        return sum(getattr(tally, name) for tally in self.tallies.values())

    @property
    def elapsed_s(self) -> float:
        """The seconds since the database answered. They stop when the warm-up is done."""
        spent = sum(s for phase, s in self.seconds.items() if phase is not Phase.WAITING)
        is_running = self.phase not in (Phase.WAITING, Phase.DONE)
        return spent + (self.clock() - self._entered if is_running and self._entered else 0.0)

    @property
    def ready_s(self) -> float:
        """The seconds that it took to read versions and to fetch entries from L2."""
        return self.seconds.get(Phase.VERSIONS, 0.0) + self.seconds.get(Phase.L2, 0.0)

    @property
    def remaining_s(self) -> float | None:
        """An estimate from the pace of the loads so far; None before the first load."""
        if self.is_warm:
            return 0.0
        loaded = self.total("from_database")
        if self.phase is not Phase.DATABASE or not loaded or self._entered is None:
            return None
        pace = (self.clock() - self._entered) / loaded
        return pace * (self.total("entries") - self.total("done"))

    def summary(self) -> str:
        """One line for the log."""
        return (
            f"{self.total('done')} of {self.total('entries')} entries of"
            f" {self.total('objects')} objects, {self.total('from_l2')} from Valkey,"
            f" {self.total('from_database')} from the database, {self.total('failed')} failed,"
            f" in {self.elapsed_s:.2f} s"
        )

    def report(self) -> dict[str, Any]:
        """For ``/health_check``."""
        names = ("objects", "skipped", "entries", "done", "held", "from_l2", "from_database")
        remaining = self.remaining_s
        return {
            "phase": self.phase,
            "problem": self.problem or None,
            **{
                camel_case(name): self.total(name) for name in (*names, "failed", "unfinished_runs")
            },
            # An operator waits for this part. None until it is over.
            "readySeconds": round(self.ready_s, 3) if self.is_ready else None,
            "elapsedSeconds": round(self.elapsed_s, 3),
            "remainingSeconds": None if remaining is None else round(remaining, 1),
        }


def camel_case(name: str) -> str:
    """``from_l2`` as JSON says it: ``fromL2``."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
