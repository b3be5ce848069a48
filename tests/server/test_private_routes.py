"""The routes that nginx keeps private are those of the server that change something."""

from wb_cli.contract import CHANGING_ROUTES, METRICS_PATH, OPENAPI_PATH
from wb_cli.server.app import ENDPOINTS
from wb_cli.server.http.access import Access


def test_the_changing_routes_of_the_contract_are_those_of_the_server() -> None:
    changing = {(e.method, e.path) for e in ENDPOINTS if e.method != "GET"}
    assert set(CHANGING_ROUTES) == changing
    assert changing == {(e.method, e.path) for e in ENDPOINTS if e.access is Access.TOKEN}


def test_the_private_pages_of_the_contract_are_those_of_the_server() -> None:
    assert {METRICS_PATH, OPENAPI_PATH} <= {endpoint.path for endpoint in ENDPOINTS}
