"""``GET /openapi.json``: made from the endpoints' declarations, so that it cannot differ."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from wb_cli.contract import Env
from wb_cli.server.http.access import Access
from wb_cli.server.http.endpoints import Answer, Endpoint, Parameter
from wb_cli.server.platform import Platform

PROBLEM_SCHEMA = {
    "type": "object",
    "description": "RFC 9457 problem details",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "hint": {"type": "string"},
    },
}
PROBLEM = {
    "description": "A problem document",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "wb platform server",
            "version": "1",
            "description": "Query results of an instance, from two cache tiers and PostgreSQL.",
        },
        "paths": paths,
        "components": {
            "schemas": {"Problem": PROBLEM_SCHEMA},
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
            **{str(status): dict(body) for status, body in endpoint.responses.items()},
        },
    }
    if endpoint.access is not Access.OPEN:
        described["security"] = [{"token": []}]
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
    statuses = [412, 500, 503]
    if endpoint.access is not Access.OPEN:
        statuses += [400, 401, 403]
    if HTTPStatus.NOT_MODIFIED in endpoint.responses:
        statuses += [406]
    if endpoint.parameters:
        statuses += [404, 409, 422]
    return sorted(statuses)


def openapi_endpoint(described: Sequence[Endpoint]) -> Endpoint:
    """The endpoint that shows the document. The bytes are made once."""
    body = orjson.dumps(document(described))

    async def openapi(_: Platform, __: Request) -> Response:
        return Response(body, media_type="application/json")

    answer: Answer = openapi
    return Endpoint(
        "GET", "/openapi.json", answer, "This document", {200: {"description": "OpenAPI 3.1"}}
    )
