"""The way of an ACME server to this machine is tried over HTTP."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from wb_cli.errors import WbError
from wb_cli.host.web import challenge
from wb_cli.host.web.challenge import CHALLENGES, ask, probe
from wb_cli.host.web.served_certificate import ask_for_certificate

pytestmark = pytest.mark.network
NAME = "demo.example.org"
Serve = Callable[[Callable[[str], tuple[int, dict[str, str], str]]], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server that answers as a function says."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Callable[[str], tuple[int, dict[str, str], str]]) -> int:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = answer(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return int(servers[-1].server_address[1])

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_file_of_the_webroot_is_there_only_meanwhile(tmp_path: Path) -> None:
    with probe(tmp_path / "new") as (name, content):
        file = tmp_path / "new" / CHALLENGES / name
        assert file.read_text() == content
        assert file.stat().st_mode & 0o777 == 0o644
    assert not file.exists()


def test_a_webroot_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WbError, match=f"cannot write {tmp_path}/file/"), probe(tmp_path / "file"):
        pass


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (200, "content", ""),
        (200, "content\n", ""),
        (404, "content", "answered 404 Not Found"),
        (421, "", "answered 421 Misdirected Request"),
        (200, "Welcome!", "answered with something else, so another server or site is there"),
    ],
)
def test_what_is_answered_is_said(serve: Serve, status: int, body: str, problem: str) -> None:
    port = serve(lambda _: (status, {}, body))
    assert ask(NAME, "127.0.0.1", port, ("name", "content")).problem == problem


def test_a_redirect_is_followed(serve: Serve) -> None:
    def answer(path: str) -> tuple[int, dict[str, str], str]:
        if path == "/elsewhere":
            return 200, {}, "content"
        return 301, {"Location": f"http://127.0.0.1:{port}/elsewhere"}, ""

    port = serve(answer)
    assert ask(NAME, "127.0.0.1", port, ("name", "content")).problem == ""


def test_a_circle_of_redirects_ends(serve: Serve) -> None:
    port = serve(lambda path: (302, {"Location": f"http://127.0.0.1:{port}{path}"}, ""))
    assert "answered 302" in ask(NAME, "127.0.0.1", port, ("name", "content")).problem


def test_nobody_there_is_said(serve: Serve) -> None:
    port = serve(lambda _: (200, {}, ""))
    assert ask(NAME, "127.0.0.9", port, ("name", "x")).problem == "connection refused"


def test_an_answer_that_is_no_http_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import http.client

    def fail(*_: Any) -> Any:
        raise http.client.BadStatusLine("SSH-2.0")

    monkeypatch.setattr(challenge, "_get", fail)
    assert "no answer of HTTP" in ask(NAME, "127.0.0.1", 1, ("name", "x")).problem


def test_silence_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(*_: Any) -> Any:
        raise TimeoutError

    monkeypatch.setattr(challenge, "_get", wait)
    assert "gave no answer within 10 s" in ask(NAME, "127.0.0.1", 1, ("name", "x")).problem


def test_a_server_without_tls_serves_no_certificate(serve: Serve) -> None:
    port = serve(lambda _: (200, {}, ""))
    with pytest.raises(WbError, match=f"port {port} of 127.0.0.1 serves no TLS for {NAME}"):
        ask_for_certificate("127.0.0.1", port, NAME)
    with pytest.raises(WbError, match="does not answer: connection refused"):
        ask_for_certificate("127.0.0.9", port, NAME)
