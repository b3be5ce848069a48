"""Errors of the Docker SDK and of HTTP, as they become ours."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import docker.errors
import pytest
import requests
import urllib3.exceptions

from wb_cli.engine.client import connect, engine_errors
from wb_cli.errors import (
    AddressPoolError,
    EngineError,
    EngineUnreachableError,
    ImageMissingError,
    NotFoundError,
    WbError,
)


def refusal(words: str, kind: type[docker.errors.APIError] = docker.errors.APIError) -> Exception:
    return kind("500 Server Error for http+docker://localhost/v1.41", explanation=words)


CASES: dict[str, tuple[Exception, type[WbError], str]] = {
    "no image": (
        refusal("No such image: postgres:17.4", docker.errors.ImageNotFound),
        ImageMissingError,
        "No such image: postgres:17.4",
    ),
    "no image, told as a plain 404": (
        refusal("No such image: x:1", docker.errors.NotFound),
        ImageMissingError,
        "No such image: x:1",
    ),
    "no container": (
        refusal("No such container: abc", docker.errors.NotFound),
        NotFoundError,
        "No such container: abc",
    ),
    "a subnet in use": (
        refusal("Pool overlaps with other one on this address space"),
        AddressPoolError,
        "Pool overlaps with other one on this address space",
    ),
    "a subnet in use, in the words of newer engines": (
        refusal("invalid pool request: Pool overlaps with other one on this address space"),
        AddressPoolError,
        "invalid pool request: Pool overlaps with other one on this address space",
    ),
    "a name that nobody knows": (
        requests.exceptions.ConnectionError(
            "HTTPConnectionPool(host='x', port=2375): Max retries exceeded (Caused by "
            "NameResolutionError(\"Failed to resolve 'x' ([Errno -2] Name or service not known)\"))"
        ),
        EngineUnreachableError,
        "the Docker Engine does not answer at tcp://host:2375: Name or service not known",
    ),
    "a server that is no engine": (
        refusal("<!DOCTYPE HTML>\n<html><h1>Error 404</h1></html>", docker.errors.NotFound),
        EngineUnreachableError,
        "the Docker Engine is not what answers at tcp://host:2375: it sent a web page",
    ),
    "any other refusal, in the engine's words": (
        refusal("  driver failed programming external connectivity \n"),
        EngineError,
        "driver failed programming external connectivity",
    ),
    "a refusal without words": (
        docker.errors.APIError("409 Client Error"),
        EngineError,
        "409 Client Error",
    ),
    "no answer in time": (
        requests.exceptions.ReadTimeout("UnixHTTPConnectionPool: Read timed out. (timeout=60)"),
        EngineUnreachableError,
        "the Docker Engine does not answer at tcp://host:2375: Read timed out",
    ),
    "no socket": (
        docker.errors.DockerException(
            "Error while fetching server API version: ('Connection aborted.', "
            "FileNotFoundError(2, 'No such file or directory'))"
        ),
        EngineUnreachableError,
        "the Docker Engine does not answer at tcp://host:2375: No such file or directory",
    ),
    "a refused connection": (
        requests.exceptions.ConnectionError("Failed: [Errno 111] Connection refused'))"),
        EngineUnreachableError,
        "the Docker Engine does not answer at tcp://host:2375: Connection refused",
    ),
    "an answer that breaks off": (
        urllib3.exceptions.ProtocolError("Connection broken"),
        EngineUnreachableError,
        "the Docker Engine does not answer at tcp://host:2375: Connection broken",
    ),
    "a socket error": (
        BrokenPipeError("gone"),
        EngineUnreachableError,
        "the Docker Engine does not answer at tcp://host:2375: gone",
    ),
}


@pytest.mark.parametrize(("foreign", "kind", "message"), CASES.values(), ids=CASES)
def test_a_foreign_error_becomes_one_of_ours_with_the_engine_s_own_words(
    foreign: Exception, kind: type[WbError], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://host:2375")
    with pytest.raises(WbError) as caught, engine_errors():
        raise foreign
    assert type(caught.value) is kind
    assert caught.value.message == message
    assert caught.value.__cause__ is foreign


def test_our_own_mistakes_pass_as_they_are() -> None:
    with pytest.raises(KeyError), engine_errors():
        raise KeyError("Id")


def test_a_missing_image_says_how_it_is_had() -> None:
    with pytest.raises(WbError) as caught, engine_errors():
        raise refusal("No such image: x", docker.errors.ImageNotFound)
    assert "`wb pull`" in caught.value.hint


PERMISSION = docker.errors.DockerException(
    "('Connection aborted.', PermissionError(13, 'Permission denied'))"
)


@pytest.mark.parametrize(
    ("host", "reason", "remedy"),
    [
        ("unix:///run/x.sock", BrokenPipeError("gone"), "`wb setup --install-engine`"),
        ("unix:///run/x.sock", PERMISSION, "group `docker`"),
        ("tcp://host:2375", BrokenPipeError("gone"), "Is it running there?"),
    ],
)
def test_an_engine_that_cannot_be_reached_is_remedied_by_where_it_is_and_why(
    host: str, reason: Exception, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(EngineUnreachableError) as caught, engine_errors():
        raise reason
    assert remedy in caught.value.hint


def test_a_docker_context_that_does_not_exist_is_not_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONTEXT", "elsewhere")
    with pytest.raises(EngineUnreachableError, match="no Docker context elsewhere"):
        connect()


@pytest.mark.network
def test_a_server_that_is_no_engine_is_told_by_its_answer_to_a_ping(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.server_port}")
        with pytest.raises(EngineUnreachableError, match="is not what answers at tcp://127"):
            connect()
