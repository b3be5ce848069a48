"""Errors of the Docker SDK and of HTTP become wb's errors."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import docker.errors
import pytest
import requests
import urllib3.exceptions

from wb_cli.engine.docker import client
from wb_cli.engine.docker.client import connect, docker_errors, name_host
from wb_cli.engine.docker.docker_engine import DockerEngine
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
        "the Docker Engine broke off its answer at tcp://host:2375: Connection broken",
    ),
    "a socket error": (
        BrokenPipeError("gone"),
        EngineUnreachableError,
        "the Docker Engine does not answer at tcp://host:2375: gone",
    ),
}


@pytest.mark.parametrize(("foreign", "kind", "message"), CASES.values(), ids=CASES)
def test_a_foreign_error_becomes_wbs_error_with_the_engine_s_own_text(
    foreign: Exception, kind: type[WbError], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://host:2375")
    with pytest.raises(WbError) as caught, docker_errors():
        raise foreign
    assert type(caught.value) is kind
    assert caught.value.message == message
    assert caught.value.__cause__ is foreign


def test_an_error_in_wbs_own_code_is_not_translated() -> None:
    with pytest.raises(KeyError), docker_errors():
        raise KeyError("Id")


def test_the_hint_for_a_missing_image_says_how_to_get_it() -> None:
    with pytest.raises(WbError) as caught, docker_errors():
        raise refusal("No such image: x", docker.errors.ImageNotFound)
    assert "`wb pull`" in caught.value.hint


PERMISSION = docker.errors.DockerException(
    "('Connection aborted.', PermissionError(13, 'Permission denied'))"
)
REFUSED = requests.exceptions.ConnectionError("Failed: [Errno 111] Connection refused'))")
SILENT = requests.exceptions.ReadTimeout("UnixHTTPConnectionPool: Read timed out. (timeout=60)")
OWN: dict[str, str] = {}
HOST = {"DOCKER_HOST": "unix:///run/x.sock"}
FAR = {"DOCKER_HOST": "tcp://host:2375"}
NAMED = "DOCKER_HOST is unix:///run/x.sock "
GROUP = "Run wb as root, or as a member of the group `docker`"
REMEDIES: dict[str, tuple[Mapping[str, str], Exception, str, bool]] = {
    "nobody on this machine's socket": (OWN, REFUSED, "Is the Docker Engine running?", True),
    "a socket closed to this user": (OWN, PERMISSION, GROUP, False),
    "silence": (OWN, SILENT, "It is there, and busy or stuck", False),
    "an answer that breaks off": (OWN, BrokenPipeError("gone"), "Repeat the command.", False),
    "nobody where DOCKER_HOST says": (HOST, REFUSED, NAMED, False),
    "a socket that DOCKER_HOST names, closed to this user": (HOST, PERMISSION, NAMED, False),
    "an engine far away": (FAR, BrokenPipeError("gone"), "DOCKER_HOST is tcp://host:2375", False),
}


@pytest.mark.parametrize(
    ("environ", "reason", "remedy", "is_absent"), REMEDIES.values(), ids=REMEDIES
)
def test_the_hint_for_an_unreachable_engine_depends_on_the_choice_and_the_reason(
    environ: Mapping[str, str],
    reason: Exception,
    remedy: str,
    is_absent: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choose(monkeypatch, environ)
    with pytest.raises(EngineUnreachableError) as caught, docker_errors():
        raise reason
    assert caught.value.hint.startswith(remedy)
    assert caught.value.is_absent is is_absent
    assert ("--install-engine" in caught.value.hint) is is_absent


def choose(monkeypatch: pytest.MonkeyPatch, environ: Mapping[str, str]) -> None:
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)


def test_the_hint_first_names_the_docker_context_in_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    choose(monkeypatch, {"DOCKER_CONFIG": str(tmp_path)})
    (tmp_path / "config.json").write_text('{"currentContext": "elsewhere"}')
    monkeypatch.setattr(client, "find_endpoint", lambda: "unix:///run/elsewhere.sock")
    with pytest.raises(EngineUnreachableError) as caught, docker_errors():
        raise REFUSED
    assert caught.value.hint.startswith("The Docker context elsewhere is used: ")
    assert not caught.value.is_absent


def test_the_hint_for_a_network_in_use_says_how_to_find_its_container() -> None:
    with pytest.raises(EngineError) as caught, docker_errors():
        raise refusal("error while removing network: network demo has active endpoints")
    assert "`docker network inspect`" in caught.value.hint


def test_a_docker_context_that_does_not_exist_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONTEXT", "elsewhere")
    with pytest.raises(EngineUnreachableError, match="no Docker context elsewhere"):
        connect()


Answer = tuple[int, Mapping[str, str], bytes]
ENGINE = {"Api-Version": "1.41"}
HTML = b"<html><body>502 Bad Gateway</body></html>"


@contextmanager
def serve_answers(ping: Answer, version: Answer) -> Iterator[str]:
    """Serve one answer to a ping and another to every other request. Yield the server's address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = ping if self.path.endswith("_ping") else version
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.server_port}"
        server.shutdown()


PONG: Answer = (200, ENGINE, b"OK")
WRONG: dict[str, tuple[Answer, Answer, type[WbError], str]] = {
    "another server's page": (
        (404, {}, HTML), (404, {}, HTML), EngineUnreachableError, "is not what answers",
    ),
    "another server's JSON": (
        (200, {}, b"{}"), (200, {}, b"{}"), EngineUnreachableError, "is not what answers",
    ),
    "a proxy's page": (PONG, (502, {}, HTML), EngineUnreachableError, "it sent a web page"),
    "a proxy's page, as if all were well": (
        PONG, (200, {}, HTML), EngineUnreachableError, "it is cut or no JSON",
    ),
    "cut JSON": (
        PONG, (200, {}, b'{"Version": "2'), EngineUnreachableError, "it is cut or no JSON",
    ),
    "an answer that ends too early": (
        PONG, (200, {"Content-Length": "9"}, b"{}"), EngineUnreachableError, "broke off its answer",
    ),
    "a failure in the engine's words": (
        PONG, (500, {}, b'{"message": "no such layer"}'), EngineError, "no such layer",
    ),
    "a failure without words": (PONG, (500, {}, b""), EngineError, "500 Server Error"),
}  # fmt: skip


@pytest.mark.network
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_the_error_for_a_wrong_answer_describes_it_and_does_not_advise_an_installation(
    wrong: tuple[Answer, Answer, type[WbError], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ping, version, kind, words = wrong
    with serve_answers(ping, version) as address:
        choose(monkeypatch, {"DOCKER_HOST": address})
        with pytest.raises(WbError) as caught:
            DockerEngine(connect()).read_info()
    assert type(caught.value) is kind
    assert words in caught.value.message
    assert "install" not in caught.value.hint
    if isinstance(caught.value, EngineUnreachableError):
        assert caught.value.hint.startswith(f"DOCKER_HOST is {address}")


def test_the_error_of_a_host_of_the_registry_file_names_that_host_alone() -> None:
    with pytest.raises(EngineUnreachableError) as caught, docker_errors():
        raise requests.exceptions.ConnectionError("Failed: [Errno 111] Connection refused'))")
    named = name_host(caught.value, "context:west")
    said = "the Docker Engine there does not answer: Connection refused"
    assert named.message == f"context:west: {said}"
    assert "Its address is that of context:west." in named.hint
    assert "DOCKER_HOST" not in named.hint
    told = EngineUnreachableError("ssh says no")
    assert name_host(told, "ssh://far") is told


def test_the_remedy_of_a_host_is_that_of_its_reason() -> None:
    with pytest.raises(EngineUnreachableError) as caught, docker_errors():
        raise requests.exceptions.ReadTimeout("Pool: Read timed out. (timeout=60)")
    assert "busy or stuck" in name_host(caught.value, "ssh://far").hint
