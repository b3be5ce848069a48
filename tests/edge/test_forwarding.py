"""What people get through a real nginx: answers, streams, WebSockets, and a page in between."""

import base64
import html
import json
import os
import re
import socket
import ssl

import pytest
from edge.conftest import Edge
from support.platform_server import PlatformServer, environment_for
from support.services import free_port
from support.wb_host import free_pair_of_ports
from support.web.upstream import COMPRESSED, DATA, Upstream

from wb_cli.contract import CHANGING_ROUTES
from wb_cli.edge.site import CertificateFiles

pytestmark = pytest.mark.edge


def test_a_request_reaches_the_platform_with_what_it_must_know(edge: Edge) -> None:
    assert "written: http://demo.example.org" in edge.init()
    answer = edge.nginx.ask(
        "/a%2Fb/c?d=%20e",
        "POST",
        body=b"hello",
        X_Forwarded_For="6.6.6.6",
        X_Real_IP="6.6.6.6",
        Forwarded="for=6.6.6.6",
    )
    told = json.loads(answer.body)
    assert (answer.status, told["method"], told["path"]) == (200, "POST", "/a%2Fb/c?d=%20e")
    assert told["body"] == "hello"
    headers = told["headers"]
    assert headers["host"] == headers["x-forwarded-host"] == "demo.example.org"
    assert headers["x-real-ip"] == headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"
    assert "forwarded" not in headers


def test_a_site_answers_to_its_own_name_alone(edge: Edge) -> None:
    edge.init()
    assert edge.nginx.ask(host="other.example.org").status == 421
    assert edge.nginx.ask(host="127.0.0.1").status == 421
    assert edge.upstream.seen == []


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_a_compressed_answer_is_passed_as_it_is(edge: Edge, encoding: str) -> None:
    edge.init()
    answer = edge.nginx.ask(f"/{encoding}", Accept_Encoding="gzip, zstd")
    assert answer.headers["Content-Encoding"] == encoding
    assert answer.headers["ETag"] == '"strong"'
    assert answer.body == COMPRESSED[encoding]


def test_nothing_is_compressed_that_the_platform_did_not_compress(edge: Edge) -> None:
    edge.init()
    answer = edge.nginx.ask("/plain", Accept_Encoding="gzip")
    assert answer.headers["Content-Encoding"] is None
    assert answer.headers["ETag"] == '"strong"'
    assert answer.body == DATA


def test_the_first_event_of_a_stream_arrives_before_the_second_is_sent(edge: Edge) -> None:
    edge.init()
    connection = edge.nginx.connect()
    connection.request("GET", "/stream", headers={"Host": "demo.example.org"})
    response = connection.getresponse()
    assert response.readline() == b"data: first\n"
    edge.upstream.release.set()
    assert response.read() == b"\ndata: second\n\n"
    connection.close()


def send_frame(connection: socket.socket, text: bytes) -> None:
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(text))
    connection.sendall(bytes([0x81, 0x80 | len(text)]) + mask + masked)


def shake_hands(connection: socket.socket) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall(
        "GET /ws HTTP/1.1\r\nHost: demo.example.org\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    return head


def test_a_websocket_passes_and_lives_through_a_reload(edge: Edge) -> None:
    edge.init()
    with socket.create_connection(("127.0.0.1", edge.nginx.http_port), timeout=30) as connection:
        speak_through(connection, edge)


def test_a_websocket_passes_through_https(edge: Edge, certificate: CertificateFiles) -> None:
    edge.init()
    context = ssl.create_default_context(cafile=str(certificate.chain))
    context.check_hostname = False
    address = ("127.0.0.1", edge.nginx.https_port)
    with (
        socket.create_connection(address, timeout=30) as plain,
        context.wrap_socket(plain) as connection,
    ):
        speak_through(connection, edge)


def speak_through(connection: socket.socket, edge: Edge) -> None:
    """Say something before and after a reload."""
    assert b" 101 " in shake_hands(connection).splitlines()[0]
    send_frame(connection, b"hello")
    assert connection.recv(7) == b"\x81\x05hello"
    edge.declare("second")
    edge.init("second")
    send_frame(connection, b"again")
    assert connection.recv(7) == b"\x81\x05again"


def test_with_a_certificate_http_leads_to_https(edge: Edge, certificate: CertificateFiles) -> None:
    url = f"https://demo.example.org:{edge.nginx.https_port}"
    assert f"written: {url}" in edge.init()
    answer = edge.nginx.ask("/a?b=c")
    assert (answer.status, answer.headers["Location"]) == (301, f"{url}/a?b=c")
    told = json.loads(edge.nginx.ask("/a?b=c", secure=True).body)
    assert told["path"] == "/a?b=c"
    assert told["headers"]["x-forwarded-proto"] == "https"
    assert certificate.chain.exists()


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_challenges_are_answered_on_http_before_anything_is_redirected(
    edge: Edge, secure: bool, request: pytest.FixtureRequest
) -> None:
    if secure:
        request.getfixturevalue("certificate")
    edge.init()
    folder = edge.nginx.webroot / ".well-known" / "acme-challenge"
    folder.mkdir(parents=True)
    (folder / "token").write_text("proof")
    answer = edge.nginx.ask("/.well-known/acme-challenge/token")
    assert (answer.status, answer.text) == (200, "proof")
    assert edge.nginx.ask("/.well-known/acme-challenge/other").status == 404
    assert edge.upstream.seen == []


def test_a_body_beyond_the_setting_is_refused(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WB_NGINX_MAX_BODY", "6m")
    edge.init()
    assert edge.nginx.ask("/", "PUT", body=b"x" * 2**20).status == 200
    assert edge.nginx.ask("/", "PUT", body=b"x" * (6 * 2**20 + 1)).status == 413


def test_a_platform_that_is_silent_beyond_the_setting_is_given_up(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WB_NGINX_TIMEOUT", "1")
    edge.init()
    with socket.create_server(("127.0.0.1", free_pair_of_ports())) as silent:
        edge.declare("demo", port=silent.getsockname()[1])
        edge.init()
        assert edge.nginx.ask("/").status == 504


PRIVATE = [
    *(("GET", path) for path in ("/metrics", "/openapi.json", "/%6detrics", "//metrics?a=b")),
    *(
        (method, re.sub("{.*?}", "a%2Fb", path) + more)
        for method, path in CHANGING_ROUTES
        for more in ("", "?a=b", "#c")
    ),
    ("DELETE", "/api/%63aches"),
    ("DELETE", "http://demo.example.org/api/caches"),
    ("POST", "/api/projects/..%2F..%2Fx/objects/%2e%2e/touch"),
]


@pytest.mark.parametrize(("method", "path"), PRIVATE)
def test_private_routes_are_not_forwarded(edge: Edge, method: str, path: str) -> None:
    edge.init()
    assert edge.nginx.ask(path, method).status == 403
    assert edge.upstream.seen == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/elsewhere"),
        ("GET", "/api/caches"),
        ("POST", "/upload/a%20b?x=%63"),
        ("GET", "/api/projects/p/objects/%63"),
        ("GET", "/metrics/of/mine"),
        ("DELETE", "/api/projects/p"),
    ],
)
def test_all_other_routes_are_forwarded(edge: Edge, method: str, path: str) -> None:
    edge.init()
    assert edge.nginx.ask(path, method).status == 200
    assert edge.upstream.seen == [f"{method} {path}"]


def test_private_routes_that_the_operator_asks_for_are_forwarded(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WB_NGINX_FORWARD", "metrics,openapi,changes")
    edge.init()
    asked = [("GET", "/metrics"), ("GET", "/openapi.json"), ("DELETE", "/api/caches")]
    assert [edge.nginx.ask(path, method).status for method, path in asked] == [200, 200, 200]


@pytest.mark.parametrize(("french", "words"), [(False, "right back"), (True, "tout de suite")])
def test_while_the_platform_is_away_people_see_a_page_that_loads_itself_again(
    edge: Edge, french: bool, words: str
) -> None:
    label = """Côte d'Ivoire "$host" </p><script>; } \\ `x` & $1"""
    edge.declare("demo", label=label, french=french)
    edge.init()
    assert edge.nginx.ask().status == 200
    edge.upstream.close()
    answer = edge.nginx.ask("/some/page.json")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert words in answer.text
    assert '<meta http-equiv="refresh" content="5">' in answer.text
    assert label in html.unescape(answer.text)
    assert "<script" not in answer.text


def test_the_platform_s_own_503_is_passed_as_it_is(edge: Edge) -> None:
    edge.init()
    answer = edge.nginx.ask("/broken")
    assert (answer.status, answer.body) == (503, b"mine!")


def test_people_are_back_as_soon_as_the_platform_is(edge: Edge) -> None:
    edge.init()
    port = edge.upstream.port
    edge.upstream.close()
    assert edge.nginx.ask().status == 503
    again = Upstream(port)
    try:
        assert edge.nginx.ask().status == 200
    finally:
        again.close()


def test_the_real_platform_server_answers_through_nginx(edge: Edge) -> None:
    """It has no database, which it says itself, and its private routes stay private."""
    nobody = f"postgresql://postgres:x@127.0.0.1:{free_port()}"
    environment = environment_for(nobody, f"redis://127.0.0.1:{free_port()}")
    server = PlatformServer(environment | {"PORT": str(free_pair_of_ports())})
    try:
        server.wait_listening()
        edge.declare("demo", port=server.port)
        edge.init()
        health = edge.nginx.ask("/health_check")
        assert (health.status, "database" in json.loads(health.body)) == (503, True)
        assert edge.nginx.ask("/").status == 200
        assert server.http.get("/openapi.json").status_code == 200
        assert edge.nginx.ask("/openapi.json").status == 403
    finally:
        server.close()


def test_a_site_leads_to_a_platform_on_another_machine(edge: Edge) -> None:
    edge.init()
    there = Upstream(edge.upstream.port, "127.0.0.77")
    try:
        edge.declare("demo", nginxUpstream="127.0.0.77")
        assert "demo: written" in edge.init()
        assert edge.nginx.ask("/there").status == 200
        assert len(there.seen) == 1
        assert edge.upstream.seen == []
    finally:
        there.close()
    assert edge.nginx.ask("/").status == 503
    edge.init()
    assert edge.state() == ("ours", "yes")
