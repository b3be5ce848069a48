"""``GET /metrics``: the numbers that Prometheus collects."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from wb_cli import __version__, contract
from wb_cli.server.cache import CacheCollector, LinkState, Usage
from wb_cli.server.http.access import Access
from wb_cli.server.http.answers import json_answer
from wb_cli.server.http.endpoints import Endpoint, Reply
from wb_cli.server.http.whole import KNOWN_WITHIN_S, Question
from wb_cli.server.http.workers_metrics import merged, unpack
from wb_cli.server.platform import Platform
from wb_cli.server.results.bus import VersionBus
from wb_cli.server.warmup.progress import Progress
from wb_cli.server.watch.last_hour import add_up
from wb_cli.server.watch.loop_lag import LoopLag

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class ServerCollector(Collector):
    """The process, the two servers behind it, the bus, the warm-up and the event loop."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def collect(self) -> Iterator[Metric]:
        """Every metric, with its value now."""
        yield from server_metrics(self._platform)
        yield from bus_metrics(self._platform.bus)
        yield from warm_up_metrics(self._platform.warm_up)
        yield from loop_metrics(self._platform.loop_lag)


def server_metrics(platform: Platform) -> Iterator[Metric]:
    """The process and the two servers behind it."""
    settings, databases = platform.settings, platform.databases
    about = {"instance": settings.instance_id, "version": settings.version, "wb": __version__}
    info = GaugeMetricFamily(
        "wb_info",
        "Instance and versions that this platform server runs as; always 1.",
        labels=tuple(about),
    )
    info.add_metric(tuple(about.values()), 1)
    yield info
    yield GaugeMetricFamily(
        "wb_uptime_seconds", "Seconds since this process began.", platform.uptime_s
    )
    yield GaugeMetricFamily(
        "wb_database_up",
        "Whether PostgreSQL answers this platform server: 1 or 0.",
        databases.state.connected,
    )
    yield GaugeMetricFamily(
        "wb_database_connections",
        "Connections to PostgreSQL that are open.",
        databases.open_connections,
    )
    yield GaugeMetricFamily(
        "wb_l2_up", "Whether Valkey, which holds L2, answers: 1 or 0.", platform.valkey.is_ready
    )
    states = GaugeMetricFamily(
        "wb_l2_state",
        "State of the connection to Valkey: 1 for the current state, 0 for the others.",
        labels=("state",),
    )
    for state in LinkState:
        states.add_metric((state,), platform.valkey.state is state)
    yield states
    yield from usage_metrics(platform.stored.usage)


def usage_metrics(usage: Usage | None) -> Iterator[Metric]:
    """How much Valkey holds. There is no sample while it is not known."""
    yield GaugeMetricFamily(
        "wb_l2_keys", "Keys that Valkey holds, as it said last.", usage.keys if usage else None
    )
    yield GaugeMetricFamily(
        "wb_l2_memory_bytes",
        "Bytes of memory that Valkey uses, as it said last.",
        usage.bytes if usage else None,
    )
    yield GaugeMetricFamily(
        "wb_l2_max_memory_bytes",
        "Bytes of memory that Valkey may use, as it said last; 0 for no bound.",
        usage.max_bytes if usage else None,
    )


def bus_metrics(bus: VersionBus) -> Iterator[Metric]:
    """What is known of versions without a question to PostgreSQL."""
    yield GaugeMetricFamily(
        "wb_bus_databases", "Databases whose changes this process hears now.", bus.heard
    )
    yield GaugeMetricFamily(
        "wb_bus_addresses", "Addresses whose meaning is remembered.", len(bus.addresses)
    )
    yield CounterMetricFamily(
        "wb_bus_answers", "Answers that needed no question to PostgreSQL.", bus.answers
    )


def warm_up_metrics(progress: Progress) -> Iterator[Metric]:
    """How far the warm-up has come."""
    yield GaugeMetricFamily(
        "wb_warm_up_ready",
        "Whether the warm-up has copied all that L2 had into L1: 1 or 0.",
        progress.is_ready,
    )
    yield GaugeMetricFamily(
        "wb_warm_up_done",
        "Whether the warm-up has brought all that is known into L1: 1 or 0.",
        progress.is_warm,
    )
    yield GaugeMetricFamily(
        "wb_warm_up_objects",
        "Presentation objects and datasets that the warm-up knows.",
        progress.total("objects"),
    )
    yield GaugeMetricFamily(
        "wb_warm_up_skipped",
        "Presentation objects that the warm-up skips, as their module has no results yet.",
        progress.total("skipped"),
    )
    yield GaugeMetricFamily(
        "wb_warm_up_entries",
        "Distinct cache entries that the warm-up wants in L1.",
        progress.total("entries"),
    )
    done = GaugeMetricFamily(
        "wb_warm_up_entries_done",
        "Cache entries that the warm-up has dealt with, by outcome.",
        labels=("outcome",),
    )
    for outcome in ("held", "from_l2", "from_database", "failed"):
        done.add_metric((outcome,), progress.total(outcome))
    yield done
    yield GaugeMetricFamily(
        "wb_warm_up_seconds", "Seconds that the warm-up has taken so far.", progress.elapsed_s
    )


def loop_metrics(lag: LoopLag) -> Iterator[Metric]:
    """How late the event loop runs."""
    yield GaugeMetricFamily(
        "wb_loop_lag_seconds",
        "Longest delay of the event loop since the last scrape, in seconds.",
        lag.take_recent(),
    )
    yield GaugeMetricFamily(
        "wb_loop_lag_worst_seconds",
        "Longest delay of the event loop since the process began, in seconds.",
        lag.worst_s,
    )


def registry_of(platform: Platform) -> CollectorRegistry:
    """A registry of this platform's metrics. It leaves out the library's global registry."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(ServerCollector(platform))
    registry.register(platform.traffic)
    caches = platform.caches
    registry.register(CacheCollector(list(caches), caches.l1, caches.l2))
    return registry


class Merged(Collector):
    """Metrics that were collected before."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """Every metric, with its value of then."""
        return self._metrics


async def registry_of_all(platform: Platform) -> CollectorRegistry:
    """A registry of the metrics of all workers."""
    place = platform.siblings.place
    packed = await platform.siblings.ask(Question.METRICS, within_s=KNOWN_WITHIN_S)
    known = {number: unpack(each) for number, each in packed.items()}
    known[place.number] = list(registry_of(platform).collect())
    registry = CollectorRegistry()
    registry.register(Merged(merged(place.number, known, place.count)))
    return registry


async def metrics(platform: Platform, _: Request) -> Response:
    """Every metric, as text. Where there are several workers, each sample names its worker."""
    is_alone = platform.siblings.place.count == 1
    registry = registry_of(platform) if is_alone else await registry_of_all(platform)
    return Response(generate_latest(registry), media_type=MEDIA_TYPE)


async def last_hour(platform: Platform, _: Request) -> Response:
    """What each endpoint answered in each minute of the last hour."""
    others = await platform.siblings.ask(Question.LAST_HOUR, within_s=KNOWN_WITHIN_S)
    return json_answer(
        {
            "minutes": add_up([platform.last_hour.describe(), *others.values()]),
            "workers": {"count": platform.siblings.place.count, "answering": 1 + len(others)},
        }
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        contract.LAST_HOUR_PATH,
        last_hour,
        "What each endpoint answered in each minute of the last hour",
        {200: Reply("The minutes that are over, the oldest first", "LastHour")},
        access=Access.TOKEN_IF_SET,
    ),
    Endpoint(
        "GET",
        "/metrics",
        metrics,
        "Numbers for Prometheus",
        {200: Reply("Prometheus text format", media_type="text/plain")},
        access=Access.TOKEN_IF_SET,
    ),
)
