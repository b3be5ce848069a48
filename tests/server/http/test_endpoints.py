"""Rules that hold for every endpoint, and for those that will be added."""

import re

import pytest

from wb_cli.server.app import ENDPOINTS
from wb_cli.server.http.access import Access
from wb_cli.server.http.openapi import document

BY_NAME = {endpoint.name: endpoint for endpoint in ENDPOINTS}


def test_names_are_unique_because_metrics_and_the_document_use_them():
    assert len(BY_NAME) == len(ENDPOINTS)


@pytest.mark.parametrize("name", BY_NAME)
def test_every_part_of_a_path_is_declared_and_so_checked(name):
    endpoint = BY_NAME[name]

    in_path = set(re.findall(r"{(\w+)}", endpoint.path))

    assert in_path == {part.name for part in endpoint.parameters if part.place == "path"}


@pytest.mark.parametrize("name", BY_NAME)
def test_every_example_is_one_that_would_be_accepted(name):
    for parameter in BY_NAME[name].parameters:
        assert re.fullmatch(parameter.pattern, parameter.example), parameter.name


def test_every_endpoint_that_changes_something_needs_the_token():
    changing = {endpoint.name for endpoint in ENDPOINTS if endpoint.method != "GET"}

    closed = {endpoint.name for endpoint in ENDPOINTS if endpoint.access is Access.TOKEN}
    assert changing == closed
    assert len(changing) == 6


def test_the_document_describes_every_endpoint_and_asks_for_the_token_where_it_is_needed():
    paths = document(ENDPOINTS)["paths"]

    described = {
        operation["operationId"]: operation
        for path in paths.values()
        for operation in path.values()
    }
    assert set(described) == set(BY_NAME)
    for name, operation in described.items():
        assert ("security" in operation) is (BY_NAME[name].access is not Access.OPEN)
