"""Probes of servers on loopback. A connection alone does not mean that a server is ready."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from support.services import free_port

from wb_cli.lifecycle.readiness import probes
from wb_cli.lifecycle.readiness.probes import Answer, Verdict

pytestmark = pytest.mark.network
HOST = "127.0.0.1"
Probe = Callable[[str, int], Answer]


@contextmanager
def server(reply: bytes | None) -> Iterator[tuple[int, list[bytes]]]:
    """Answers every request with ``reply``. It hangs up for ``b""`` and is silent for ``None``."""
    asked: list[bytes] = []
    with socket.create_server((HOST, 0)) as listener:
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                connection, _ = listener.accept()
                with connection:
                    asked.append(connection.recv(1024))
                    if reply is None:
                        ended.wait(10)
                    else:
                        connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        port = listener.getsockname()[1]
        yield port, asked
        ended.set()
        with socket.create_connection((HOST, port)):
            pass
        thread.join(10)


def http(host: str, port: int) -> Answer:
    return probes.ask_http(host, port, "/health_check")


def error(code: bytes) -> bytes:
    return b"E\x00\x00\x00\x40SFATAL\x00C" + code + b"\x00Mthe database system says so\x00\x00"


PASSWORD_PLEASE = b"R\x00\x00\x00\x08\x00\x00\x00\x05"
NO_AUTH = b"-NOAUTH Authentication required.\r\n"


def response(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: 11\r\n\r\nit warms up".encode()


ANSWERS: dict[str, tuple[Probe, bytes, Verdict]] = {
    "postgres asks for a password": (probes.ask_postgres, PASSWORD_PLEASE, Verdict.READY),
    "postgres refuses this user": (probes.ask_postgres, error(b"28000"), Verdict.READY),
    "postgres is starting up": (probes.ask_postgres, error(b"57P03"), Verdict.NOT_YET),
    "postgres hangs up": (probes.ask_postgres, b"", Verdict.NOT_YET),
    "valkey answers": (probes.ask_valkey, b"+PONG\r\n", Verdict.READY),
    "valkey wants a password": (probes.ask_valkey, NO_AUTH, Verdict.READY),
    "valkey is loading": (probes.ask_valkey, b"-LOADING Valkey is loading\r\n", Verdict.NOT_YET),
    "valkey hangs up": (probes.ask_valkey, b"", Verdict.NOT_YET),
    "a healthy platform": (http, response("200 OK"), Verdict.READY),
    "a platform that wants a login": (http, response("401 Unauthorized"), Verdict.READY),
    "a platform without that page": (http, response("404 Not Found"), Verdict.READY),
    "a platform without its database": (http, response("503 Unavailable"), Verdict.NOT_YET),
    "a platform that hangs up": (http, b"", Verdict.NOT_YET),
    "something that is no platform": (http, b"SSH-2.0-OpenSSH\r\n", Verdict.NOT_YET),
}  # fmt: skip


@pytest.mark.parametrize(("probe", "reply", "verdict"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_and_its_verdict(probe: Probe, reply: bytes, verdict: Verdict) -> None:
    with server(reply) as (port, _):
        assert probe(HOST, port).verdict is verdict


@pytest.mark.parametrize("probe", [probes.ask_postgres, probes.ask_valkey, http])
def test_a_refused_connection_shows_that_the_machine_answers(probe: Probe) -> None:
    assert probe(HOST, free_port()).verdict is Verdict.NOT_YET


@pytest.mark.parametrize("probe", [probes.ask_postgres, probes.ask_valkey, http])
def test_a_server_that_is_silent_counts_as_unreachable(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A firewall that drops packets looks the same, so the container is asked from inside."""
    monkeypatch.setattr(probes, "WIRE_TIMEOUT_S", 0.1)
    monkeypatch.setattr(probes, "HEALTH_TIMEOUT_S", 0.1)
    with server(None) as (port, _):
        assert probe(HOST, port).verdict is Verdict.UNREACHABLE


def test_postgres_is_sent_a_startup_message_of_protocol_3() -> None:
    with server(b"R") as (port, asked):
        probes.ask_postgres(HOST, port)
    assert asked[0][4:8] == b"\x00\x03\x00\x00"
    assert int.from_bytes(asked[0][:4], "big") == len(asked[0])
    assert asked[0].endswith(b"user\0postgres\0database\0postgres\0\0")


def test_the_text_of_a_server_is_kept_for_the_operator() -> None:
    with server(response("503 Unavailable")) as (port, _):
        assert http(HOST, port).text == "it warms up"
    with server(error(b"57P03")) as (port, _):
        assert "the database system says so" in probes.ask_postgres(HOST, port).text
