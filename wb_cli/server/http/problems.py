"""Errors as RFC 9457 problem details."""

import logging
from collections.abc import Mapping
from http import HTTPStatus

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1


class Problem(Exception):  # noqa: N818  (RFC 9457's word for it)
    """A request that cannot be answered as asked.

    Args:
        status: the HTTP status.
        detail: what was wrong with this request, with the value.
        hint: what to do next.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        hint: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.hint = hint
        self.headers = dict(headers or {})


def response_of(problem: Problem, path: str) -> Response:
    """The problem as an answer. ``about:blank`` says that the title only names the status."""
    body = {
        "type": "about:blank",
        "title": problem.status.phrase,
        "status": int(problem.status),
        "detail": problem.detail,
        "instance": path,
    }
    if problem.hint:
        body["hint"] = problem.hint
    headers = {"Cache-Control": "no-store", **problem.headers}
    return Response(orjson.dumps(body), int(problem.status), headers, MEDIA_TYPE)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer an unknown path or method, which the router refuses."""
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for this type alone)
    problem = Problem(HTTPStatus(error.status_code), error.detail, headers=error.headers)
    return response_of(problem, request.url.path)


async def on_failure(request: Request, error: Exception) -> Response:
    """Answer after a fault of ours. The client learns only that; the log says why."""
    log.error("%s %s failed: %r", request.method, request.url.path, error)
    problem = Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "the server failed to answer this request",
        "Its log says why.",
    )
    return response_of(problem, request.url.path)
