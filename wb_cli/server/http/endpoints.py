"""An endpoint. Its declaration serves to route, check, count and describe it."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

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
class Endpoint:
    """One method on one path."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    answer: Answer
    summary: str
    # Its good answers, by status. Its errors follow from the other fields.
    responses: Mapping[int, Mapping[str, Any]]
    parameters: tuple[Parameter, ...] = ()
    access: Access = Access.OPEN

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
