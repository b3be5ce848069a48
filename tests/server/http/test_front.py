"""What stands in front of the application counts whatever becomes of a request."""

import resource
from types import SimpleNamespace

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response

from wb_cli.server.http.endpoints import Endpoint
from wb_cli.server.http.front import Front
from wb_cli.server.http.problems import on_failure
from wb_cli.server.process import connections
from wb_cli.server.process.connections import RESERVE, cap_of
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


@pytest.mark.parametrize(
    ("descriptors", "setting", "cap"),
    [
        (20_000, 8192, 8192),
        (20_000, 100, 100),
        (1024, 8192, 1024 - 256 - RESERVE),
        (256, 8192, 256 - 128 - RESERVE),
        (40, 8192, 1),
    ],
)
def test_the_cap_lies_below_the_limit_of_descriptors(monkeypatch, descriptors, setting, cap):
    limits = (descriptors, descriptors)
    monkeypatch.setattr(connections.resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(connections.resource, "setrlimit", lambda *_: None)

    assert cap_of(setting) == cap


def test_a_low_limit_is_raised_as_far_as_it_may_be(monkeypatch):
    given = []
    unlimited = resource.RLIM_INFINITY
    monkeypatch.setattr(connections.resource, "getrlimit", lambda _: (1024, unlimited))
    monkeypatch.setattr(connections.resource, "setrlimit", lambda _, limits: given.append(limits))

    assert cap_of(8192) == 8192
    assert given == [(8192 + 256 + RESERVE, unlimited)]
