"""The private members that wb uses exist in the installed Docker SDK."""

import ast
import socket
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import docker
import pytest
import requests
import urllib3
from docker.types.daemon import CancellableStream

import wb_cli.engine
from wb_cli.engine.docker.sdk_internals import (
    close_response,
    get_reader,
    get_response,
    get_socket,
    set_api_version,
)

ENGINE = Path(wb_cli.engine.__file__).parent
INTERNALS = ENGINE / "docker" / "sdk_internals.py"
OURS = {"self", "cls"}
HEAD = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"


@pytest.fixture
def api() -> Iterator[Any]:
    """A client of the SDK; its stubs do not know its private members."""
    client = docker.APIClient("unix:///nowhere/docker.sock", version="1.24")
    yield client
    client.close()


def test_the_version_of_the_api_can_be_set(api: Any) -> None:
    set_api_version(api, "1.41")
    assert api.api_version == "1.41"
    assert api._url("/info").endswith("/v1.41/info")


def test_the_response_of_a_stream_can_be_closed() -> None:
    response = requests.Response()
    response.raw = urllib3.HTTPResponse(body=b"", preload_content=False)
    close_response(CancellableStream(iter(()), response))
    assert response.raw.closed


def test_the_reader_and_the_socket_of_a_response_can_be_reached(api: Any) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(HEAD + b"said")
        answer = HTTPResponse(ours)
        answer.begin()
        given = requests.Response()
        given.status_code = answer.status
        given.raw = urllib3.HTTPResponse(body=answer, preload_content=False)
        started = api._get_raw_response_socket(given)
        response = get_response(started)
        reader = get_reader(response)
        assert response is given
        assert reader.peek() == b"said"
        assert get_socket(reader) is ours
        given.close()


def find_private_members(path: Path) -> list[str]:
    """Find the private members of other objects that a file uses."""
    return [
        f"{path.name}:{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and is_private(node.attr) and not is_ours(node.value)
    ]


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def is_ours(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in OURS


def test_no_other_file_of_the_engine_uses_private_members() -> None:
    others = sorted({*ENGINE.rglob("*.py")} - {INTERNALS})
    assert len(find_private_members(INTERNALS)) == 10
    assert [use for path in others for use in find_private_members(path)] == []
