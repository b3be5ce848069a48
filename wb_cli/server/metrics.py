"""``GET /metrics``: what Prometheus asks for."""

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from wb_cli import __version__
from wb_cli.server.access import Access
from wb_cli.server.cache.valkey import LinkState
from wb_cli.server.endpoints import Endpoint
from wb_cli.server.exposition import MEDIA_TYPE, Metric, Sample, exposition, single
from wb_cli.server.platform import Platform


def frame_metrics(platform: Platform) -> Iterable[Metric]:
    """The process and its two servers."""
    settings, databases = platform.settings, platform.databases
    about = {"instance": settings.instance_id, "version": settings.version, "wb": __version__}
    yield Metric("wb_info", "gauge", "This process.", (Sample(1, about),))
    yield single("wb_uptime_seconds", "gauge", "Since the process began.", platform.uptime_s)
    yield single(
        "wb_database_up", "gauge", "Whether PostgreSQL answers.", databases.state.connected
    )
    yield single(
        "wb_database_connections", "gauge", "Connections open.", databases.open_connections
    )
    yield single("wb_l2_up", "gauge", "Whether Valkey answers.", platform.valkey.is_ready)
    states = (Sample(platform.valkey.state is each, {"state": each.value}) for each in LinkState)
    yield Metric("wb_l2_state", "gauge", "1 for the state Valkey's link is in.", tuple(states))


async def metrics(platform: Platform, _: Request) -> Response:
    """Every number, as text."""
    text = exposition([*frame_metrics(platform), *platform.traffic.metrics()])
    return Response(text, media_type=MEDIA_TYPE)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/metrics",
        metrics,
        "Numbers for Prometheus",
        {200: {"description": "Prometheus text format", "content": {"text/plain": {}}}},
        access=Access.TOKEN_IF_SET,
    ),
)
