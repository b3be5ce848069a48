"""What the server has answered: how often, how, and how fast."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

from wb_cli.server.cache import Metric, Sample

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass
class Histogram:
    """Durations, counted by upper bound; the last count is what exceeds every bound."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    total_s: float = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.total_s += seconds

    def samples(self, labels: dict[str, str]) -> list[Sample]:
        """Cumulative buckets, sum and count, as Prometheus wants them."""
        samples, below = [], 0
        for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), self.counts, strict=True):
            below += count
            samples.append(Sample(below, {**labels, "le": bound}, "_bucket"))
        return [*samples, Sample(self.total_s, labels, "_sum"), Sample(below, labels, "_count")]


@dataclass
class Traffic:
    """Requests by endpoint and status, and their durations."""

    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    durations: dict[str, Histogram] = field(default_factory=dict)

    def observe(self, endpoint: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self.requests[endpoint, status] += 1
        self.durations.setdefault(endpoint, Histogram()).observe(seconds)

    def metrics(self) -> list[Metric]:
        """For ``/metrics``."""
        requests = tuple(
            Sample(count, {"endpoint": endpoint, "status": str(status)})
            for (endpoint, status), count in sorted(self.requests.items())
        )
        durations = tuple(
            sample
            for endpoint, histogram in sorted(self.durations.items())
            for sample in histogram.samples({"endpoint": endpoint})
        )
        return [
            Metric(
                "wb_http_requests_total",
                "counter",
                "HTTP requests that ended, by endpoint and status.",
                requests,
            ),
            Metric(
                "wb_http_request_seconds",
                "histogram",
                "Seconds that it took to answer HTTP requests, by endpoint.",
                durations,
            ),
        ]
