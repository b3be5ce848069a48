"""The front counts every request, however it ends."""

from types import SimpleNamespace

import httpx
from starlette.applications import Starlette
from starlette.responses import Response

from wb_cli.server.http.endpoints import Endpoint
from wb_cli.server.http.front import Front
from wb_cli.server.http.problems import on_failure
from wb_cli.server.watch.traffic import Traffic

PLATFORM = SimpleNamespace(settings=SimpleNamespace(admin_token=None))


async def fails(_platform, _request) -> Response:
    """A fault of ours."""
    raise ValueError


async def test_a_fault_is_counted_and_timed_under_its_endpoint():
    traffic = Traffic()
    endpoint = Endpoint("GET", "/", fails, "Fails", {})
    app = Starlette(routes=[endpoint.route(PLATFORM)], exception_handlers={Exception: on_failure})
    transport = httpx.ASGITransport(Front(app, traffic), raise_app_exceptions=False)

    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        answers = [await client.get("/") for _ in range(5)]

    assert {answer.status_code for answer in answers} == {500}
    assert traffic.requests == {("fails", 500): 5}
    assert sum(traffic.durations["fails"].counts) == 5
