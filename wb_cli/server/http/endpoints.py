"""An endpoint. Its declaration serves to route, check, count and describe it."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from wb_cli.server.db.errors import (
    DatabaseMissingError,
    DatabaseUnavailableError,
    QueryTimeoutError,
    RecordMissingError,
)
from wb_cli.server.db.fetch_config import InvalidConfigError
from wb_cli.server.http.access import Access, check_access
from wb_cli.server.http.problems import RETRY_AFTER_S, Problem, response_of
from wb_cli.server.http.raw_path import RawPathRoute
from wb_cli.server.platform import Platform

Answer = Callable[[Platform, Request], Awaitable[Response]]


@dataclass(frozen=True)
class Parameter:
    """A part of the path or of the query."""

    name: str
    description: str
    pattern: str
    place: Literal["path", "query"] = "path"
    example: str = ""
    is_required: bool = True

    def check(self, request: Request) -> None:
        """Refuse a value that cannot be right, and name the parameter."""
        values = request.path_params if self.place == "path" else request.query_params
        value = values.get(self.name)
        if value is None and not self.is_required:
            return
        if value is None or not re.fullmatch(self.pattern, value):
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"{self.name} is {value!r}, which does not match {self.pattern}",
                self.description,
            )


@dataclass(frozen=True)
class Reply:
    """A good answer, as the OpenAPI document describes it.

    Args:
        description: when it is given, or what it is.
        schema: the name of its schema in `schemas.SCHEMAS`, for JSON; empty if it has no such body.
        media_type: what the body is.
        headers: the headers that clients may use, with their descriptions.
    """

    description: str
    schema: str = ""
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Endpoint:
    """One method on one path."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    answer: Answer
    summary: str
    # Its good answers, by status. Its errors follow from the other fields.
    responses: Mapping[int, Reply]
    parameters: tuple[Parameter, ...] = ()
    access: Access = Access.OPEN

    @property
    def is_strict(self) -> bool:
        """Whether it refuses query parameters that it does not have.

        Monitors and browsers add parameters of their own, but not to data.
        """
        return self.path.startswith("/api/")

    @property
    def name(self) -> str:
        """Its name in the metrics and in the OpenAPI document."""
        return self.answer.__name__

    def route(self, platform: Platform) -> RawPathRoute:
        """The route of this endpoint, bound to the platform that it answers from."""

        async def respond(request: Request) -> Response:
            return await self._respond(platform, request)

        respond.wb_name = self.name  # type: ignore[attr-defined]
        return RawPathRoute(self.path, respond, methods=[self.method], name=self.name)

    async def _respond(self, platform: Platform, request: Request) -> Response:
        try:
            check_access(self.access, platform.settings.admin_token, request)
            if self.is_strict and request.query_params:
                check_query(self.parameters, request)
            for parameter in self.parameters:
                parameter.check(request)
            check_precondition(self.method, request)
            return await self.answer(platform, request)
        except Problem as problem:
            return response_of(problem, request.url.path)
        except (DatabaseMissingError, RecordMissingError) as error:
            missing = Problem(HTTPStatus.NOT_FOUND, error.message, error.hint)
            return response_of(missing, request.url.path)
        except InvalidConfigError as error:
            conflict = Problem(HTTPStatus.CONFLICT, error.message, error.hint)
            return response_of(conflict, request.url.path)
        except (DatabaseUnavailableError, QueryTimeoutError) as error:
            return response_of(unavailable(error.message, error.hint), request.url.path)


def check_query(parameters: Sequence[Parameter], request: Request) -> None:
    """Refuse a query parameter that is not known or is given twice. Say which was meant."""
    known = [parameter.name for parameter in parameters if parameter.place == "query"]
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in known:
            unknown = f'there is no query parameter "{name}" here'
            raise Problem(HTTPStatus.BAD_REQUEST, unknown, meant(name, known))
        if given.count(name) > 1:
            twice = f'the query parameter "{name}" is given more than once'
            raise Problem(HTTPStatus.BAD_REQUEST, twice, "Send it once.")


def meant(name: str, known: Sequence[str]) -> str:
    """The hint for a query parameter that is not known."""
    from difflib import get_close_matches  # (slow, and needed only for an error)

    near = get_close_matches(name.lower(), known, n=1)
    if near:
        return f'Did you mean "{near[0]}"?'
    return f"It takes {', '.join(known)}." if known else "Leave it out: this route takes none."


def check_precondition(method: str, request: Request) -> None:
    """Refuse ``If-Match``: it asks for strong tags, which no answer has (RFC 9110, 13.1.1).

    An endpoint that changes something has no representation, so it refuses ``*`` too.
    """
    asked = request.headers.get("if-match")
    if asked is not None and (method != "GET" or asked.strip() != "*"):
        raise Problem(
            HTTPStatus.PRECONDITION_FAILED,
            f"If-Match is {asked!r}, which nothing here can match",
            "Leave it out.",
        )


def unavailable(detail: str, hint: str) -> Problem:
    """The problem that the database does not answer now. The client may ask again."""
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, hint, headers)
