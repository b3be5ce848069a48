"""``GET /health_check``: whether the server can do its work, and how far it has come.

Several workers answer as one: it is as far as the worker that is least far.
"""

from collections.abc import Sequence
from enum import StrEnum
from http import HTTPStatus
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from wb_cli import __version__
from wb_cli.contract import HEALTH_PATH
from wb_cli.server.http.endpoints import Endpoint, Reply
from wb_cli.server.http.whole import KNOWN_WITHIN_S, Question
from wb_cli.server.platform import Platform


class Health(StrEnum):
    """How far the server has come. A later state includes the earlier states."""

    WAITING = "waiting"  # no database: answers 503
    ALIVE = "alive"  # answers requests
    READY = "ready"  # all that L2 had is in L1
    WARM = "warm"  # all known entries are in L1


def health_of(platform: Platform) -> Health:
    """The state of the server in a word."""
    if not platform.databases.state.connected:
        return Health.WAITING
    if platform.warm_up.is_warm:
        return Health.WARM
    return Health.READY if platform.warm_up.is_ready else Health.ALIVE


def report(platform: Platform) -> dict[str, Any]:
    """The whole answer."""
    database, settings = platform.databases.state, platform.settings
    l1 = platform.caches.l1
    return {
        "status": health_of(platform),
        "version": settings.version,
        "wb": __version__,
        "instance": {"id": settings.instance_id, "label": settings.instance_name},
        "uptimeSeconds": round(platform.server_uptime_s, 3),
        "database": {"connected": database.connected, "reason": database.reason or None},
        "l1": {"entries": len(l1), "bytes": l1.bytes, "maxBytes": l1.max_bytes},
        "l2": {"state": platform.valkey.state, "reason": platform.valkey.reason},
        "warmUp": platform.warm_up.report(),
        "workers": {"count": platform.siblings.place.count, "answering": 1},
    }


def as_one(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The report of all workers, the one that was asked first.

    The server is as far as the worker that is least far, whose state is told. L1 is added up, for
    the workers that answer.
    """
    states = list(Health)
    least = min(reports, key=lambda report: states.index(Health(report["status"])))
    own = reports[0]
    return {
        **own,
        **{name: least[name] for name in ("status", "database", "warmUp")},
        "l1": {name: sum(report["l1"][name] for report in reports) for name in own["l1"]},
        "workers": {**own["workers"], "answering": len(reports)},
    }


async def health_check(platform: Platform, _: Request) -> Response:
    """Answer 503 while there is no database. A missing Valkey is only reported."""
    others = await platform.siblings.ask(Question.STATE, within_s=KNOWN_WITHIN_S)
    # A worker that replaces another one, and does not accept yet, does not count.
    serving = [other["health"] for other in others.values() if other["isServing"]]
    body = as_one([report(platform), *serving])
    is_alive = body["status"] != Health.WAITING
    status = HTTPStatus.OK if is_alive else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(
        orjson.dumps(body), int(status), {"Cache-Control": "no-store"}, "application/json"
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        HEALTH_PATH,
        health_check,
        "Whether the platform can do its work",
        {
            200: Reply("It can", "Health"),
            503: Reply("There is no database, or the server is about to stop", "Health"),
        },
    ),
)
