"""Ask a server whether it answers: over the wire, the cheapest signal first.

Connected is not ready: a published port accepts before its server listens, PostgreSQL refuses
clients while it starts, and Valkey answers LOADING while it reads its snapshot.
"""

import http.client
import re
import socket
import struct
from collections.abc import Callable
from enum import Enum

from msgspec import Struct

WIRE_TIMEOUT_S = 0.5
HEALTH_TIMEOUT_S = 2.0
SERVER_ERROR = 500
MAX_BODY_BYTES = 64 * 1024

# The startup message of protocol 3.0 (PostgreSQL documentation, "Message Formats").
_STARTUP_BODY = struct.pack("!I", 3 << 16) + b"user\0postgres\0database\0postgres\0\0"
POSTGRES_STARTUP = struct.pack("!I", len(_STARTUP_BODY) + 4) + _STARTUP_BODY
CANNOT_CONNECT_NOW = b"57P03"


class Verdict(Enum):
    """What a probe found. UNREACHABLE: there is no way there from here, so it says nothing."""

    READY = "ready"
    NOT_YET = "not yet"
    UNREACHABLE = "unreachable"


class Answer(Struct, frozen=True):
    """A verdict with what the server said."""

    verdict: Verdict
    words: str = ""


Judge = Callable[[bytes], Answer]


def postgres(host: str, port: int) -> Answer:
    """Whether PostgreSQL would let a client in: any answer but "starting up" counts.

    The same rule as ``pg_isready``, which takes a refused password for readiness too.
    """
    return _exchange(host, port, POSTGRES_STARTUP, _judge_postgres)


def _judge_postgres(reply: bytes) -> Answer:
    if reply.startswith(b"R") or (reply.startswith(b"E") and CANNOT_CONNECT_NOW not in reply):
        return Answer(Verdict.READY)
    return Answer(Verdict.NOT_YET, _printable(reply))


def valkey(host: str, port: int) -> Answer:
    """Whether Valkey answers PONG (or asks for a password), and not LOADING."""
    return _exchange(host, port, b"PING\r\n", _judge_valkey)


def _judge_valkey(reply: bytes) -> Answer:
    is_ready = reply.startswith((b"+PONG", b"-NOAUTH"))
    return Answer(Verdict.READY if is_ready else Verdict.NOT_YET, _printable(reply))


def valkey_info(host: str, port: int) -> dict[str, str]:
    """What Valkey says of itself (INFO), by field; empty where it does not say."""
    try:
        with _connection(host, port) as connection:
            connection.sendall(b"INFO\r\n")
            return _fields(_bulk(connection))
    except OSError:
        return {}


def _bulk(connection: socket.socket) -> bytes:
    """One bulk string of the protocol: ``$<length>``, then that many bytes."""
    with connection.makefile("rb") as stream:
        header = stream.readline()
        return stream.read(int(header[1:])) if header.startswith(b"$") else b""


def _fields(info: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in info.decode(errors="replace").splitlines())
    return {name: value for name, colon, value in lines if colon}


def http_below_500(host: str, port: int, path: str) -> Answer:
    """Whether an HTTP server answers a GET with a status below 500; its words are the body.

    A connection that fails has no words: what the system says of it tells an operator nothing.
    """
    connection = http.client.HTTPConnection(host, port, timeout=HEALTH_TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read(MAX_BODY_BYTES).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return Answer(_verdict_of(error))
    finally:
        connection.close()
    verdict = Verdict.READY if response.status < SERVER_ERROR else Verdict.NOT_YET
    return Answer(verdict, body)


def _exchange(host: str, port: int, request: bytes, judge: Judge) -> Answer:
    try:
        with _connection(host, port) as connection:
            connection.sendall(request)
            return judge(connection.recv(1024))
    except OSError as error:
        return Answer(_verdict_of(error), str(error))


def _connection(host: str, port: int) -> socket.socket:
    return socket.create_connection((host, port), timeout=WIRE_TIMEOUT_S)


def _verdict_of(error: Exception) -> Verdict:
    """A refused or reset connection came from there; a time-out or "no route" did not."""
    answered = (ConnectionError, http.client.HTTPException)
    return Verdict.NOT_YET if isinstance(error, answered) else Verdict.UNREACHABLE


def _printable(reply: bytes) -> str:
    return " ".join(re.findall(r"[ -~]{3,}", reply.decode(errors="replace")))[:200]
