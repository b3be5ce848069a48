"""The status page and its few files."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from wb_cli import __version__
from wb_cli.server.http.endpoints import Endpoint, Reply
from wb_cli.server.http.health import health_of
from wb_cli.server.page.page import page
from wb_cli.server.page.view import PageView
from wb_cli.server.platform import Platform

# The page may run and load only what this server itself serves.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def view_of(platform: Platform) -> PageView:
    """What the page shows now."""
    settings, database, l1 = platform.settings, platform.databases.state, platform.caches.l1
    return PageView(
        id=settings.instance_id,
        label=settings.instance_name,
        version=settings.version,
        wb=__version__,
        now=datetime.now(UTC),
        status=health_of(platform),
        uptime_s=platform.uptime_s,
        database="connected" if database.connected else database.reason,
        database_connections=platform.databases.open_connections,
        l2=platform.valkey.state,
        l2_reason=platform.valkey.reason or "",
        l2_usage=platform.stored.usage,
        l1_entries=len(l1),
        l1_bytes=l1.bytes,
        l1_max_bytes=l1.max_bytes,
        saved_s=platform.caches.seconds_saved(),
        has_token=settings.admin_token is not None,
        progress=platform.warm_up,
        answers=platform.caches.origins(),
        intervals=platform.history.with_current(),
    )


async def status_page(platform: Platform, _: Request) -> Response:
    """Show the page, even while there is no database."""
    return Response(page(view_of(platform)), 200, HEADERS, "text/html")


ENDPOINTS = (
    Endpoint(
        "GET",
        "/",
        status_page,
        "The status page",
        {200: Reply("HTML", media_type="text/html")},
    ),
)


class Static(StaticFiles):
    """The page's files."""

    wb_name = "static"  # for the metrics


STATIC = Mount("/static", Static(packages=[("wb_cli.server.page", "static")]))
