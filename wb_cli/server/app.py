"""The application: every endpoint, bound to the parts it answers from."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from wb_cli.server import health, metrics
from wb_cli.server.endpoints import Endpoint
from wb_cli.server.platform import Platform
from wb_cli.server.problems import on_failure, on_http_exception

ENDPOINTS: tuple[Endpoint, ...] = (*health.ENDPOINTS, *metrics.ENDPOINTS)


def build_app(platform: Platform) -> Starlette:
    """The ASGI application. It opens nothing: `__main__` does."""
    return Starlette(
        routes=[endpoint.route(platform) for endpoint in ENDPOINTS],
        exception_handlers={HTTPException: on_http_exception, Exception: on_failure},
    )
