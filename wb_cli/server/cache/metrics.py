"""What the caches count, as metrics of Prometheus' client library."""

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from wb_cli.server.cache.breaker import BreakerState
from wb_cli.server.cache.local import LocalTier
from wb_cli.server.cache.remote import RemoteTier
from wb_cli.server.cache.tiered import Cache


class CacheCollector(Collector):
    """The metrics of named caches and of both tiers, for a `CollectorRegistry`."""

    def __init__(self, caches: Sequence[Cache], l1: LocalTier, l2: RemoteTier) -> None:
        self._caches = caches
        self._l1 = l1
        self._l2 = l2

    def collect(self) -> Iterator[Metric]:
        """Every metric, with its value now."""
        yield from cache_metrics(self._caches)
        yield from l1_metrics(self._l1)
        yield from l2_metrics(self._l2)


def cache_metrics(caches: Sequence[Cache]) -> Iterator[Metric]:
    """The metrics of named caches."""
    counts = {cache.name: cache.counts for cache in caches}
    yield _counter(
        "wb_cache_hits_total",
        "Answers that a tier gave without a load, by cache and tier.",
        ("cache", "tier"),
        _pairs({name: {"l1": c.l1_hits, "l2": c.l2_hits} for name, c in counts.items()}),
    )
    yield _counter(
        "wb_cache_misses_total",
        "Loads that began because no tier had the entry, by cache and reason.",
        ("cache", "reason"),
        _pairs({name: c.misses for name, c in counts.items()}),
    )
    yield _counter(
        "wb_cache_unstored_total",
        "Loaded answers that were sent but not stored, by cache and reason.",
        ("cache", "reason"),
        _pairs({name: c.unstored for name, c in counts.items()}),
    )
    yield _counter(
        "wb_cache_hydrated_total",
        "Entries that a warm-up copied from L2 into L1, by cache.",
        ("cache",),
        {(name,): c.hydrated for name, c in counts.items()},
    )
    yield _counter(
        "wb_cache_flights_joined_total",
        "Callers that shared a load already in progress, by cache.",
        ("cache",),
        {(name,): c.joined for name, c in counts.items()},
    )
    yield _counter(
        "wb_cache_load_failures_total",
        "Loads that ended with an error, by cache.",
        ("cache",),
        {(name,): c.failures for name, c in counts.items()},
    )
    durations = HistogramMetricFamily(
        "wb_cache_load_seconds", "Seconds that a load took, by cache.", labels=("cache",)
    )
    for name, c in counts.items():
        c.load_durations.add_to(durations, (name,))
    yield durations
    yield _counter(
        "wb_cache_seconds_saved_total",
        "Seconds of loading that hits made needless, as their number times the mean load.",
        ("cache", "by"),
        _pairs({name: c.seconds_saved() for name, c in counts.items()}),
    )
    yield _gauge(
        "wb_cache_entries",
        "Entries that L1 holds, by cache.",
        ("cache",),
        {(cache.name,): len(cache) for cache in caches},
    )


def l1_metrics(l1: LocalTier) -> Iterator[Metric]:
    """The metrics of L1."""
    yield GaugeMetricFamily(
        "wb_cache_l1_bytes", "Bytes of memory that the entries in L1 take.", l1.bytes
    )
    yield GaugeMetricFamily(
        "wb_cache_l1_max_bytes", "Bytes of memory that the entries in L1 may take.", l1.max_bytes
    )
    yield CounterMetricFamily(
        "wb_cache_l1_evictions_total",
        "Entries that L1 evicted to stay within its bound.",
        l1.evictions,
    )


def l2_metrics(l2: RemoteTier) -> Iterator[Metric]:
    """The metrics of L2."""
    queue, breaker = l2.queue, l2.breaker
    yield GaugeMetricFamily(
        "wb_cache_l2_queue_depth", "Writes that wait in the queue to L2.", len(queue)
    )
    yield GaugeMetricFamily(
        "wb_cache_l2_queue_bytes",
        "Bytes of memory that the writes waiting for L2 take.",
        queue.bytes,
    )
    yield CounterMetricFamily("wb_cache_l2_writes_total", "Writes that L2 has taken.", l2.written)
    yield _counter(
        "wb_cache_l2_drops_total",
        "Writes to L2 that were given up, by reason.",
        ("reason",),
        {(reason,): count for reason, count in queue.dropped.items()},
    )
    yield _gauge(
        "wb_cache_l2_breaker",
        "State of the breaker in front of L2: 1 for the current state, 0 for the others.",
        ("state",),
        {(state,): breaker.state is state for state in BreakerState},
    )
    yield CounterMetricFamily(
        "wb_cache_l2_breaker_openings_total",
        "Times that the breaker in front of L2 opened.",
        breaker.openings,
    )


def _pairs(nested: Mapping[str, Mapping[str, float]]) -> dict[tuple[str, ...], float]:
    """The numbers of each cache, by the values of both labels."""
    return {(name, key): n for name, numbers in nested.items() for key, n in numbers.items()}


def _counter(
    name: str, text: str, labels: Sequence[str], numbers: Mapping[tuple[str, ...], float]
) -> Metric:
    """A counter with labels, from its numbers by the labels' values."""
    return _filled(CounterMetricFamily(name, text, labels=labels), numbers)


def _gauge(
    name: str, text: str, labels: Sequence[str], numbers: Mapping[tuple[str, ...], float]
) -> Metric:
    """A gauge with labels, from its numbers by the labels' values."""
    return _filled(GaugeMetricFamily(name, text, labels=labels), numbers)


def _filled(
    metric: CounterMetricFamily | GaugeMetricFamily, numbers: Mapping[tuple[str, ...], float]
) -> Metric:
    for values, number in numbers.items():
        metric.add_metric(values, number)
    return metric
