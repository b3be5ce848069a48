"""``GET /openapi.json``: made from the endpoints' declarations, so that it cannot differ."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from wb_cli import __version__
from wb_cli.contract import Env
from wb_cli.server.http.access import Access
from wb_cli.server.http.endpoints import Answer, Endpoint, Parameter, Reply
from wb_cli.server.http.problems import MEDIA_TYPE as PROBLEM_TYPE
from wb_cli.server.http.schemas import SCHEMAS, ref
from wb_cli.server.platform import Platform

PROBLEM_MEDIA = {PROBLEM_TYPE: {"schema": ref("Problem")}}
PROBLEM = {"description": "A problem document", "content": PROBLEM_MEDIA}


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "wb platform server",
            "version": __version__,
            "description": "Query results of an instance, from two cache tiers and PostgreSQL.",
        },
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": f"The instance's {Env.WB_ADMIN_TOKEN}",
                }
            },
        },
    }


def operation(endpoint: Endpoint) -> dict[str, Any]:
    """One method on one path."""
    described = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "parameters": [parameter_of(parameter) for parameter in endpoint.parameters],
        "responses": {
            **{str(status): PROBLEM for status in problems_of(endpoint)},
            **{
                str(status): reply_of(status, reply) for status, reply in endpoint.responses.items()
            },
        },
    }
    if endpoint.access is not Access.OPEN:
        described["security"] = [{"token": []}]
    return described


def reply_of(status: int, reply: Reply) -> dict[str, Any]:
    """One good answer. A status of the errors may come as a problem document, too."""
    described: dict[str, Any] = {"description": reply.description}
    if reply.media_type:
        body = ref(reply.schema) if reply.schema else {"type": "string"}
        described["content"] = {reply.media_type: {"schema": body}}
        if status >= HTTPStatus.BAD_REQUEST:
            described["content"] |= PROBLEM_MEDIA
    if reply.headers:
        described["headers"] = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in reply.headers.items()
        }
    return described


def parameter_of(parameter: Parameter) -> dict[str, Any]:
    """One parameter."""
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.is_required,
        "description": parameter.description,
        "schema": {"type": "string", "pattern": f"^(?:{parameter.pattern})$"},
        **({"example": parameter.example} if parameter.example else {}),
    }


def problems_of(endpoint: Endpoint) -> list[int]:
    """The errors that the endpoint can answer, as they follow from its declaration."""
    statuses = {412, 500, 503}
    if endpoint.is_strict:
        statuses |= {400}
    if endpoint.access is not Access.OPEN:
        statuses |= {400, 401, 403}
    if HTTPStatus.NOT_MODIFIED in endpoint.responses:
        statuses |= {406}
    if endpoint.parameters:
        statuses |= {404, 409, 422}
    return sorted(statuses)


def openapi_endpoint(described: Sequence[Endpoint]) -> Endpoint:
    """The endpoint that shows the document. The bytes are made once."""
    body = b""

    async def openapi(_: Platform, __: Request) -> Response:
        return Response(body, media_type="application/json")

    answer: Answer = openapi
    own = Endpoint(
        "GET", "/openapi.json", answer, "This document", {200: Reply("OpenAPI 3.1", "Document")}
    )
    body = orjson.dumps(document((*described, own)), option=orjson.OPT_INDENT_2)
    return own
