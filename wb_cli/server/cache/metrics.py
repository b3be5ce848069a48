"""What the caches count, as Prometheus text."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from wb_cli.server.cache.breaker import BreakerState
from wb_cli.server.cache.counts import LOAD_BUCKETS_S
from wb_cli.server.cache.local import LocalTier
from wb_cli.server.cache.remote import RemoteTier
from wb_cli.server.cache.tiered import Cache

ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(frozen=True)
class Sample:
    """One number; the suffix tells the parts of a histogram apart."""

    value: float
    labels: Mapping[str, str] | None = None
    suffix: str = ""


@dataclass(frozen=True)
class Metric:
    """One name with its samples."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    samples: tuple[Sample, ...]


def cache_metrics(caches: Sequence[Cache]) -> Iterator[Metric]:
    """The metrics of named caches."""

    def per_cache(values: Iterable[tuple[Cache, float, dict[str, str]]]) -> tuple[Sample, ...]:
        return tuple(Sample(value, {"cache": c.name} | labels) for c, value, labels in values)

    yield Metric(
        "wb_cache_hits_total",
        "counter",
        "Answers that a tier gave without a load, by cache and tier.",
        per_cache(
            (c, hits, {"tier": tier})
            for c in caches
            for tier, hits in (("l1", c.counts.l1_hits), ("l2", c.counts.l2_hits))
        ),
    )
    yield Metric(
        "wb_cache_misses_total",
        "counter",
        "Loads that began because no tier had the entry, by cache and reason.",
        per_cache(
            (c, count, {"reason": reason})
            for c in caches
            for reason, count in c.counts.misses.items()
        ),
    )
    yield Metric(
        "wb_cache_unstored_total",
        "counter",
        "Loaded answers that were sent but not stored, by cache and reason.",
        per_cache(
            (c, count, {"reason": reason})
            for c in caches
            for reason, count in c.counts.unstored.items()
        ),
    )
    simple = (
        ("hydrated_total", "Entries that a warm-up copied from L2 into L1, by cache.", "hydrated"),
        (
            "flights_joined_total",
            "Callers that shared a load already in progress, by cache.",
            "joined",
        ),
        ("load_failures_total", "Loads that ended with an error, by cache.", "failures"),
    )
    for name, text, attribute in simple:
        yield Metric(
            f"wb_cache_{name}",
            "counter",
            text,
            per_cache((c, getattr(c.counts, attribute), {}) for c in caches),
        )
    yield Metric(
        "wb_cache_load_seconds",
        "histogram",
        "Seconds that a load took, by cache.",
        tuple(sample for c in caches for sample in _histogram(c)),
    )
    yield Metric(
        "wb_cache_seconds_saved_total",
        "counter",
        "Seconds of loading that hits made needless, as their number times the mean load.",
        per_cache(
            (c, seconds, {"by": by})
            for c in caches
            for by, seconds in c.counts.seconds_saved().items()
        ),
    )
    yield Metric(
        "wb_cache_entries",
        "gauge",
        "Entries that L1 holds, by cache.",
        per_cache((c, len(c), {}) for c in caches),
    )


def l1_metrics(l1: LocalTier) -> Iterator[Metric]:
    """The metrics of L1."""
    yield _single(
        "wb_cache_l1_bytes", "gauge", "Bytes of memory that the entries in L1 take.", l1.bytes
    )
    yield _single(
        "wb_cache_l1_max_bytes",
        "gauge",
        "Bytes of memory that the entries in L1 may take.",
        l1.max_bytes,
    )
    yield _single(
        "wb_cache_l1_evictions_total",
        "counter",
        "Entries that L1 evicted to stay within its bound.",
        l1.evictions,
    )


def l2_metrics(l2: RemoteTier) -> Iterator[Metric]:
    """The metrics of L2."""
    queue, breaker = l2.queue, l2.breaker
    yield _single(
        "wb_cache_l2_queue_depth", "gauge", "Writes that wait in the queue to L2.", len(queue)
    )
    yield _single(
        "wb_cache_l2_queue_bytes",
        "gauge",
        "Bytes of memory that the writes waiting for L2 take.",
        queue.bytes,
    )
    yield _single("wb_cache_l2_writes_total", "counter", "Writes that L2 has taken.", l2.written)
    drops = tuple(Sample(count, {"reason": why}) for why, count in queue.dropped.items())
    yield Metric(
        "wb_cache_l2_drops_total", "counter", "Writes to L2 that were given up, by reason.", drops
    )
    states = tuple(Sample(breaker.state is each, {"state": each}) for each in BreakerState)
    yield Metric(
        "wb_cache_l2_breaker",
        "gauge",
        "State of the breaker in front of L2: 1 for the current state, 0 for the others.",
        states,
    )
    yield _single(
        "wb_cache_l2_breaker_openings_total",
        "counter",
        "Times that the breaker in front of L2 opened.",
        breaker.openings,
    )


def prometheus_text(metrics: Iterable[Metric]) -> str:
    """Metrics in Prometheus' text format."""
    return "".join(line for metric in metrics for line in _lines(metric))


def _single(name: str, kind: Literal["counter", "gauge"], text: str, value: float) -> Metric:
    return Metric(name, kind, text, (Sample(value),))


def _histogram(cache: Cache) -> Iterator[Sample]:
    total = 0
    bounds = [*map(str, LOAD_BUCKETS_S), "+Inf"]
    for bound, count in zip(bounds, cache.counts.load_buckets, strict=True):
        total += count
        yield Sample(total, {"cache": cache.name, "le": bound}, "_bucket")
    yield Sample(cache.counts.load_seconds, {"cache": cache.name}, "_sum")
    yield Sample(total, {"cache": cache.name}, "_count")


def _lines(metric: Metric) -> Iterator[str]:
    yield f"# HELP {metric.name} {metric.help}\n"
    yield f"# TYPE {metric.name} {metric.kind}\n"
    for sample in metric.samples:
        pairs = ",".join(
            f'{name}="{value.translate(ESCAPES)}"' for name, value in (sample.labels or {}).items()
        )
        labels = f"{{{pairs}}}" if pairs else ""
        yield f"{metric.name}{sample.suffix}{labels} {sample.value:.15g}\n"
