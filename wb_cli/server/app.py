"""The application: every endpoint, bound to the platform that it answers from."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from wb_cli.server.http import health, metrics, routes_change, routes_read
from wb_cli.server.http.endpoints import Endpoint
from wb_cli.server.http.front import Front
from wb_cli.server.http.hot_door import HotDoor
from wb_cli.server.http.openapi import openapi_endpoint
from wb_cli.server.http.problems import on_failure, on_http_exception
from wb_cli.server.http.whole import answer_others
from wb_cli.server.http.workers_metrics import pack
from wb_cli.server.page import routes as page_routes
from wb_cli.server.platform import Platform

DESCRIBED: tuple[Endpoint, ...] = (
    *health.ENDPOINTS,
    *metrics.ENDPOINTS,
    *routes_read.ENDPOINTS,
    *routes_change.ENDPOINTS,
    *page_routes.ENDPOINTS,
)
ENDPOINTS = (*DESCRIBED, openapi_endpoint(DESCRIBED))


def build_app(platform: Platform) -> Front:
    """Build the ASGI application. It opens no connection; `__main__` does that."""
    answer_others(
        platform,
        state=lambda: page_routes.state_of(platform),
        metrics=lambda: pack(metrics.registry_of(platform).collect()),
    )
    routes = [endpoint.route(platform) for endpoint in ENDPOINTS]
    app = Starlette(
        routes=[*routes, page_routes.STATIC],
        exception_handlers={HTTPException: on_http_exception, Exception: on_failure},
    )
    # Starlette would redirect to the host that the request's Host header names.
    app.router.redirect_slashes = False
    return Front(HotDoor(app, platform.bus, platform.caches), platform.traffic)
