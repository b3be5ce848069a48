"""In front of the application: every request is counted, and a cut request gets an answer."""

import asyncio
import logging
import time
from http import HTTPStatus
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wb_cli.contract import HEALTH_PATH
from wb_cli.server.http.problems import RETRY_AFTER_S, Problem, response_of
from wb_cli.server.watch.traffic import Traffic

log = logging.getLogger(__name__)

# The name in the metrics for requests without an endpoint. The path itself is never a label.
UNKNOWN = "unknown"
REFUSED = "refused"


class Front:
    """The application as the listener sees it.

    Args:
        app: answers the requests.
        traffic: counts them.
    """

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self._app = app
        self._traffic = traffic
        self.is_over_cap = never  # the listener sets its own

    def refused(self, status: HTTPStatus) -> None:
        """Count a request that never became a whole one."""
        self._traffic.observe(REFUSED, status, 0.0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        began = time.perf_counter()
        # This status stays if the client goes away before the answer, or if the request fails.
        status, seconds = int(HTTPStatus.INTERNAL_SERVER_ERROR), None

        async def watched_send(message: Message) -> None:
            nonlocal status, seconds
            if message["type"] == "http.response.start":
                status, seconds = message["status"], time.perf_counter() - began
            await send(message)

        to_origin_form(scope)
        try:
            if self.is_over_cap() and scope["path"] != HEALTH_PATH:
                await too_many_connections(scope, receive, watched_send)
            else:
                await self._app(scope, receive, watched_send)
        except asyncio.CancelledError:
            if not (stops := is_cancelled()):
                log.exception("[Server] The request %s was cancelled from within", scope["path"])
            if seconds is None:
                await cut(scope, receive, watched_send, stops=stops)
        finally:
            taken = time.perf_counter() - began if seconds is None else seconds
            self._traffic.observe(endpoint_of(scope), status, taken)


def never() -> bool:
    """The answer without a listener: the cap is never reached."""
    return False


def to_origin_form(scope: Scope) -> None:
    """Turn a request for ``http://host/path`` into one for ``/path`` (RFC 9112, 3.2.2)."""
    scheme, has_scheme, rest = scope["raw_path"].partition(b"://")
    if not has_scheme or scheme.lower() not in (b"http", b"https"):
        return
    _, slash, path = rest.partition(b"/")
    scope["raw_path"] = (slash + path) or b"/"
    scope["path"] = unquote(scope["raw_path"].decode("ascii"))


def endpoint_of(scope: Scope) -> str:
    """The endpoint that the router found, by its name in the metrics."""
    return getattr(scope.get("endpoint"), "wb_name", UNKNOWN)


async def too_many_connections(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse the request, because the cap of connections is reached."""
    problem = unavailable("too many connections are open")
    await response_of(problem, scope["path"])(scope, receive, send)


def is_cancelled() -> bool:
    """Whether somebody cancels this task. Only the listener does, when the server stops."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def cut(scope: Scope, receive: Receive, send: Send, *, stops: bool) -> None:
    """Refuse the request, because it was cut before it was answered."""
    why = "the server is shutting down" if stops else "what the answer needs was given up"
    await response_of(unavailable(why), scope["path"])(scope, receive, send)


def unavailable(detail: str) -> Problem:
    """The problem that the server cannot answer now. The connection is closed."""
    headers = {"Retry-After": str(RETRY_AFTER_S), "Connection": "close"}
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, "Ask again.", headers)
