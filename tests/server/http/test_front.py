"""The front counts every request, however it ends."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response

from wb_cli.server.cache import LocalTier, RemoteTier, ValkeyLink
from wb_cli.server.db.pool import Databases
from wb_cli.server.http.endpoints import Endpoint
from wb_cli.server.http.front import Front
from wb_cli.server.http.problems import on_failure
from wb_cli.server.platform import Platform
from wb_cli.server.results.bus import VersionBus
from wb_cli.server.results.caches import Caches
from wb_cli.server.settings import Settings
from wb_cli.server.warmup.progress import Progress
from wb_cli.server.watch.history import History
from wb_cli.server.watch.loop_lag import LoopLag
from wb_cli.server.watch.stored import Stored
from wb_cli.server.watch.traffic import Traffic


def build_platform() -> Platform:
    """A platform of which no part is started."""
    settings = Settings()
    valkey = ValkeyLink(settings.valkey_url.reveal())
    caches = Caches(LocalTier(0), RemoteTier(valkey), "1.0")
    databases = Databases(settings.postgres)
    return Platform(
        settings=settings,
        databases=databases,
        bus=VersionBus(databases),
        valkey=valkey,
        caches=caches,
        warm_up=Progress(),
        history=History(caches.origins),
        loop_lag=LoopLag(),
        stored=Stored(valkey),
    )


async def fails(_platform, _request) -> Response:
    """A fault of ours."""
    raise ValueError


async def test_a_fault_is_counted_and_timed_under_its_endpoint():
    traffic = Traffic()
    endpoint = Endpoint("GET", "/", fails, "Fails", {})
    routes = [endpoint.route(build_platform())]
    app = Starlette(routes=routes, exception_handlers={Exception: on_failure})
    transport = httpx.ASGITransport(Front(app, traffic), raise_app_exceptions=False)

    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        answers = [await client.get("/") for _ in range(5)]

    assert {answer.status_code for answer in answers} == {500}
    assert traffic.requests == {("fails", 500): 5}
    assert sum(traffic.durations["fails"].counts) == 5


async def test_a_request_that_is_cancelled_from_within_is_not_told_that_the_server_stops(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody cancels its task: a part that it waits for was given up."""

    async def gives_up(_scope, _receive, _send) -> None:
        raise asyncio.CancelledError

    transport = httpx.ASGITransport(Front(gives_up, Traffic()))
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        answer = await client.get("/it")

    assert answer.status_code == 503
    assert answer.json()["detail"] == "what the answer needs was given up"
    assert "The request /it was cancelled from within" in caplog.text
    assert "gives_up" in caplog.text  # the place
