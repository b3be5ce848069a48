"""The status page and its few files."""

from collections.abc import Iterable, Mapping
from dataclasses import astuple
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from wb_cli import __version__
from wb_cli.server.http.endpoints import Endpoint, Reply
from wb_cli.server.http.health import Health, as_one, report
from wb_cli.server.http.whole import KNOWN_WITHIN_S, Question
from wb_cli.server.page.page import page
from wb_cli.server.page.view import PageView
from wb_cli.server.platform import Platform
from wb_cli.server.watch.history import Origins, side_by_side

# The page may run and load only what this server itself serves.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def view_of(platform: Platform, others: Iterable[Mapping[str, Any]] = ()) -> PageView:
    """What the page shows now: the sums of this worker and of the others that have answered."""
    settings, database = platform.settings, platform.databases.state
    states = [state_of(platform), *(state for state in others if state["isServing"])]
    health = as_one([state["health"] for state in states])
    place = platform.siblings.place
    return PageView(
        id=settings.instance_id,
        label=settings.instance_name,
        version=settings.version,
        wb=__version__,
        now=datetime.now(UTC),
        status=Health(health["status"]),
        uptime_s=platform.server_uptime_s,
        database="connected" if database.connected else database.reason,
        database_connections=sum(state["connections"] for state in states),
        l2=platform.valkey.state,
        l2_reason=platform.valkey.reason or "",
        l2_usage=platform.stored.usage,
        l1_entries=health["l1"]["entries"],
        l1_bytes=health["l1"]["bytes"],
        l1_max_bytes=health["l1"]["maxBytes"],
        saved_s=sum(state["saved"] for state in states),
        has_token=settings.admin_token is not None,
        progress=platform.warm_up,
        answers=sum((Origins(*state["answers"]) for state in states), Origins()),
        intervals=side_by_side(
            [[Origins(*each) for each in state["intervals"]] for state in states]
        ),
        workers=(place.number, len(states), place.count),
    )


def state_of(platform: Platform) -> dict[str, Any]:
    """What this worker alone adds to the page, as plain values."""
    return {
        "isServing": platform.siblings.is_serving,
        "health": report(platform),
        "connections": platform.databases.open_connections,
        "saved": platform.caches.seconds_saved(),
        "answers": astuple(platform.caches.origins()),
        "intervals": [astuple(each) for each in platform.history.with_current()],
    }


async def status_page(platform: Platform, _: Request) -> Response:
    """Show the page, even while there is no database."""
    others = await platform.siblings.ask(Question.STATE, within_s=KNOWN_WITHIN_S)
    return Response(page(view_of(platform, others.values())), 200, HEADERS, "text/html")


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
