"""The server's answers: how many, with which status, and how fast."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from wb_cli.server.cache import Histogram

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(eq=False)
class Traffic(Collector):
    """Requests by endpoint and status, and their durations; a collector of metrics."""

    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    durations: dict[str, Histogram] = field(default_factory=dict)

    def observe(self, endpoint: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self.requests[endpoint, status] += 1
        durations = self.durations.get(endpoint)
        if durations is None:
            durations = self.durations[endpoint] = Histogram(BOUNDS_S)
        durations.observe(seconds)

    def collect(self) -> Iterator[Metric]:
        """Every metric, with its value now."""
        requests = CounterMetricFamily(
            "wb_http_requests_total",
            "HTTP requests that ended, by endpoint and status.",
            labels=("endpoint", "status"),
        )
        for (endpoint, status), count in sorted(self.requests.items()):
            requests.add_metric((endpoint, str(status)), count)
        yield requests
        durations = HistogramMetricFamily(
            "wb_http_request_seconds",
            "Seconds that it took to answer HTTP requests, by endpoint.",
            labels=("endpoint",),
        )
        for endpoint, histogram in sorted(self.durations.items()):
            histogram.add_to(durations, (endpoint,))
        yield durations
