"""Make the HTTP answer of a cached query."""

from http import HTTPStatus
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from wb_cli.server.cache import LoadAbandonedError
from wb_cli.server.http.endpoints import unavailable
from wb_cli.server.http.representation import etag_of, has_client, not_modified, representation
from wb_cli.server.platform import Platform
from wb_cli.server.results.wants import CachedQuery


async def answer(platform: Platform, request: Request, query: CachedQuery) -> Response:
    """A 304 if the client has this version, which asks no cache; else the entry."""
    key, fingerprint = query.key, platform.caches[query.key.cache].fingerprint
    if key.version is not None:
        current = etag_of(key.uniqueness, key.version, fingerprint)
        if has_client(request, current):
            return not_modified(current)
    try:
        entry = await platform.caches.get_first(query)
    except LoadAbandonedError:
        raise unavailable("the server is shutting down", "Ask again.") from None
    # The data may have changed since its version was read. The answer has the data's own version.
    version = entry.version
    tag = None if version is None else etag_of(key.uniqueness, version, fingerprint)
    return await representation(request, entry, tag)


def json_answer(body: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """A JSON answer that clients do not keep."""
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(body), int(status), headers, "application/json")
