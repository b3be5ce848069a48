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
        "Answers without a load, by tier.",
        per_cache(
            (c, hits, {"tier": tier})
            for c in caches
            for tier, hits in (("l1", c.counts.l1_hits), ("l2", c.counts.l2_hits))
        ),
    )
    yield Metric(
        "wb_cache_misses_total",
        "counter",
        "Loads begun, by the reason they were needed.",
        per_cache(
            (c, count, {"reason": reason})
            for c in caches
            for reason, count in c.counts.misses.items()
        ),
    )
    yield Metric(
        "wb_cache_unstored_total",
        "counter",
        "Answers that were passed on and not stored, by reason.",
        per_cache(
            (c, count, {"reason": reason})
            for c in caches
            for reason, count in c.counts.unstored.items()
        ),
    )
    simple = (
        ("hydrated_total", "Entries put into L1 by a warm-up from L2.", "hydrated"),
        ("flights_joined_total", "Callers that joined a load in progress.", "joined"),
        ("load_failures_total", "Loads that failed.", "failures"),
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
        "How long loads took.",
        tuple(sample for c in caches for sample in _histogram(c)),
    )
    yield Metric(
        "wb_cache_minutes_saved_total",
        "counter",
        "Minutes of loading that were not needed: their number times the mean load.",
        per_cache(
            (c, seconds / 60, {"by": by})
            for c in caches
            for by, seconds in c.counts.seconds_saved().items()
        ),
    )
    yield Metric(
        "wb_cache_entries",
        "gauge",
        "Entries in L1.",
        per_cache((c, len(c), {}) for c in caches),
    )


def l1_metrics(l1: LocalTier) -> Iterator[Metric]:
    """The metrics of L1."""
    yield _single("wb_cache_l1_bytes", "gauge", "Bytes held in L1.", l1.bytes)
    yield _single("wb_cache_l1_max_bytes", "gauge", "Bytes L1 may hold.", l1.max_bytes)
    yield _single("wb_cache_l1_evictions_total", "counter", "Entries evicted.", l1.evictions)


def l2_metrics(l2: RemoteTier) -> Iterator[Metric]:
    """The metrics of L2."""
    queue, breaker = l2.queue, l2.breaker
    yield _single("wb_cache_l2_queue_depth", "gauge", "Writes that wait.", len(queue))
    yield _single("wb_cache_l2_queue_bytes", "gauge", "Bytes that wait.", queue.bytes)
    yield _single("wb_cache_l2_writes_total", "counter", "Writes done.", l2.written)
    drops = tuple(Sample(count, {"reason": why}) for why, count in queue.dropped.items())
    yield Metric("wb_cache_l2_drops_total", "counter", "Writes given up, by reason.", drops)
    states = tuple(Sample(breaker.state is each, {"state": each}) for each in BreakerState)
    yield Metric("wb_cache_l2_breaker", "gauge", "1 for the breaker's state.", states)
    yield _single(
        "wb_cache_l2_breaker_openings_total", "counter", "Times it opened.", breaker.openings
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
