"""What a cache counts."""

from collections import Counter
from dataclasses import dataclass, field

from wb_cli.server.cache.histogram import Histogram
from wb_cli.server.cache.local import Shelf

LOAD_BOUNDS_S = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)


@dataclass(slots=True)
class Counts:
    """One cache's counters, since the process began."""

    shelf: Shelf
    l2_hits: int = 0
    hydrated: int = 0
    joined: int = 0
    misses: Counter[str] = field(default_factory=Counter)  # by reason; each is a load
    failures: int = 0
    unstored: Counter[str] = field(
        default_factory=Counter
    )  # answers that were sent but not stored, by reason
    past_loads: int = 0  # of earlier processes
    past_seconds: float = 0.0
    load_durations: Histogram = field(default_factory=lambda: Histogram(LOAD_BOUNDS_S))

    @property
    def loads(self) -> int:
        """Loads that succeeded."""
        return self.load_durations.count

    @property
    def l1_hits(self) -> int:
        """Answers from L1. The entries count them, so that a hit costs almost nothing."""
        return self.shelf.hits

    @property
    def mean_load_seconds(self) -> float:
        """The mean duration of a load, also of earlier processes; 0 before the first load."""
        loads = self.past_loads + self.loads
        return (self.past_seconds + self.load_durations.total_s) / loads if loads else 0.0

    def seconds_saved(self) -> dict[str, float]:
        """The time that needless loads would have taken, by what made them needless."""
        mean = self.mean_load_seconds
        return {
            "l1": self.l1_hits * mean,
            "l2": self.l2_hits * mean,
            "warm_up": self.hydrated * mean,
            "flight": self.joined * mean,
        }
