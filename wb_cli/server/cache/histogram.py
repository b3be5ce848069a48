"""Durations, counted by upper bound in plain numbers: a request must not pay for a lock."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from prometheus_client.core import HistogramMetricFamily


@dataclass(slots=True)
class Histogram:
    """The number of durations in each bucket. The last bucket is above every bound."""

    bounds: tuple[float, ...]
    counts: list[int] = field(init=False)
    total_s: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    @property
    def count(self) -> int:
        """How many durations were observed."""
        return sum(self.counts)

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total_s += seconds

    def add_to(self, metric: HistogramMetricFamily, labels: Sequence[str]) -> None:
        """Add the counts to a metric. Prometheus wants each bucket to include the smaller ones."""
        buckets, below = [], 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            below += count
            buckets.append((bound, below))
        metric.add_metric(labels, buckets, self.total_s)
