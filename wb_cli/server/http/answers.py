"""Make the HTTP answer of a cached query, and remember what its address means."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from wb_cli.server.cache import LoadAbandonedError
from wb_cli.server.http.endpoints import Answer, unavailable
from wb_cli.server.http.representation import Asked, not_acceptable, represent
from wb_cli.server.platform import Platform
from wb_cli.server.results.addresses import Address, Find


@dataclass(frozen=True, slots=True)
class Subject:
    """What a request asks for.

    Args:
        database: where its version stands.
        find: reads the version, and gives the cached query.
        object_id: the object whose changes concern it; None if any change in the database does.
    """

    database: str
    find: Find
    object_id: str | None = None


def from_cache(subject_of: Callable[[Platform, Request], Subject]) -> Answer:
    """An endpoint's answer: the entry of the subject that a request asks for."""

    @wraps(subject_of)
    async def answered(platform: Platform, request: Request) -> Response:
        return await answer(platform, request, subject_of(platform, request))

    return answered


async def answer(platform: Platform, request: Request, subject: Subject) -> Response:
    """The entry of the version that the database has now, or a 304 if the client has its data."""
    mark = platform.bus.mark(subject.database)
    query = await subject.find()
    platform.bus.attend(subject.database)
    try:
        entry = await platform.caches.get_first(query)
    except LoadAbandonedError:
        raise unavailable("the server is shutting down", "Ask again.") from None
    # The data may have changed since its version was read. The answer has the data's own version.
    if mark is not None and entry.version is not None and entry.version == query.key.version:
        path, endpoint = request.scope["raw_path"], request.scope.get("endpoint")
        address = Address(path, query.key, subject.find, endpoint, subject.object_id)
        platform.bus.addresses.remember(address, mark)
    representation = await represent(entry, Asked.by(request))
    if representation is None:
        raise not_acceptable()
    return representation.response()


def json_answer(body: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """A JSON answer that clients do not keep."""
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(body), int(status), headers, "application/json")
