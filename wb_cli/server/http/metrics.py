"""``GET /metrics``: what Prometheus asks for."""

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response

from wb_cli import __version__
from wb_cli.server.cache import (
    LinkState,
    Metric,
    Sample,
    cache_metrics,
    l1_metrics,
    l2_metrics,
    prometheus_text,
)
from wb_cli.server.http.access import Access
from wb_cli.server.http.endpoints import Endpoint
from wb_cli.server.platform import Platform
from wb_cli.server.warmup.progress import Progress
from wb_cli.server.watch.loop_lag import LoopLag

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def server_metrics(platform: Platform) -> Iterator[Metric]:
    """The process and the two servers behind it."""
    settings, databases = platform.settings, platform.databases
    about = {"instance": settings.instance_id, "version": settings.version, "wb": __version__}
    yield Metric(
        "wb_info",
        "gauge",
        "Instance and versions that this platform server runs as; always 1.",
        (Sample(1, about),),
    )
    yield gauge("wb_uptime_seconds", "Seconds since this platform server began.", platform.uptime_s)
    yield gauge(
        "wb_database_up",
        "Whether PostgreSQL answers this platform server: 1 or 0.",
        databases.state.connected,
    )
    yield gauge(
        "wb_database_connections",
        "Connections to PostgreSQL that are open.",
        databases.open_connections,
    )
    yield gauge(
        "wb_l2_up", "Whether Valkey, which holds L2, answers: 1 or 0.", platform.valkey.is_ready
    )
    states = (Sample(platform.valkey.state is each, {"state": each.value}) for each in LinkState)
    yield Metric(
        "wb_l2_state",
        "gauge",
        "State of the connection to Valkey: 1 for the current state, 0 for the others.",
        tuple(states),
    )


def warm_up_metrics(progress: Progress) -> Iterator[Metric]:
    """How far the warm-up is."""
    yield gauge(
        "wb_warm_up_ready",
        "Whether the warm-up has copied all that L2 had into L1: 1 or 0.",
        progress.is_ready,
    )
    yield gauge(
        "wb_warm_up_done",
        "Whether the warm-up has brought all that is known into L1: 1 or 0.",
        progress.is_warm,
    )
    yield gauge(
        "wb_warm_up_objects",
        "Presentation objects and datasets that the warm-up knows.",
        progress.total("objects"),
    )
    yield gauge(
        "wb_warm_up_skipped",
        "Presentation objects that the warm-up skips, as their module has no results yet.",
        progress.total("skipped"),
    )
    yield gauge(
        "wb_warm_up_entries",
        "Distinct cache entries that the warm-up wants in L1.",
        progress.total("entries"),
    )
    parts = ("held", "from_l2", "from_database", "failed")
    samples = tuple(Sample(progress.total(part), {"outcome": part}) for part in parts)
    yield Metric(
        "wb_warm_up_entries_done",
        "gauge",
        "Cache entries that the warm-up has dealt with, by outcome.",
        samples,
    )
    yield gauge(
        "wb_warm_up_seconds", "Seconds that the warm-up has taken so far.", progress.elapsed_s
    )


def loop_metrics(lag: LoopLag) -> Iterator[Metric]:
    """How late the event loop runs."""
    yield gauge(
        "wb_loop_lag_seconds",
        "Longest delay of the event loop since the last scrape, in seconds.",
        lag.take_recent(),
    )
    yield gauge(
        "wb_loop_lag_worst_seconds",
        "Longest delay of the event loop since the process began, in seconds.",
        lag.worst_s,
    )


def gauge(name: str, text: str, value: float) -> Metric:
    """A metric that is one number of now."""
    return Metric(name, "gauge", text, (Sample(value),))


def all_metrics(platform: Platform) -> Iterator[Metric]:
    """Every number there is."""
    yield from server_metrics(platform)
    yield from warm_up_metrics(platform.warm_up)
    yield from loop_metrics(platform.loop_lag)
    yield from platform.traffic.metrics()
    yield from cache_metrics(list(platform.caches))
    yield from l1_metrics(platform.caches.l1)
    yield from l2_metrics(platform.caches.l2)


async def metrics(platform: Platform, _: Request) -> Response:
    """Every number, as text."""
    return Response(prometheus_text(all_metrics(platform)), media_type=MEDIA_TYPE)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/metrics",
        metrics,
        "Numbers for Prometheus",
        {
            200: {
                "description": "Prometheus text format",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            }
        },
        access=Access.TOKEN_IF_SET,
    ),
)
