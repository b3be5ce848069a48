"""Ask a server over the network whether it is ready.

A connection alone proves nothing. A published port accepts connections before its server listens,
PostgreSQL refuses clients while it starts, and Valkey answers LOADING while it reads its snapshot.
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
    """The result of a probe. UNREACHABLE: no route leads to the server, so nothing is known."""

    READY = "ready"
    NOT_YET = "not yet"
    UNREACHABLE = "unreachable"


class Answer(Struct, frozen=True):
    """A verdict, with the text that the server sent."""

    verdict: Verdict
    text: str = ""


Judge = Callable[[bytes], Answer]


def ask_postgres(host: str, port: int) -> Answer:
    """Ask PostgreSQL whether it takes clients. Any answer but "starting up" means that it does.

    ``pg_isready`` has the same rule: a server that refuses a password is ready.
    """
    return _exchange(host, port, POSTGRES_STARTUP, _judge_postgres)


def _judge_postgres(reply: bytes) -> Answer:
    if reply.startswith(b"R") or (reply.startswith(b"E") and CANNOT_CONNECT_NOW not in reply):
        return Answer(Verdict.READY)
    return Answer(Verdict.NOT_YET, _keep_printable(reply))


def ask_valkey(host: str, port: int) -> Answer:
    """Ask Valkey whether it is ready: it answers PONG, or asks for a password."""
    return _exchange(host, port, b"PING\r\n", _judge_valkey)


def _judge_valkey(reply: bytes) -> Answer:
    is_ready = reply.startswith((b"+PONG", b"-NOAUTH"))
    return Answer(Verdict.READY if is_ready else Verdict.NOT_YET, _keep_printable(reply))


def read_valkey_info(host: str, port: int) -> dict[str, str]:
    """Read the fields of Valkey's INFO. Empty if it does not answer."""
    try:
        with _connect(host, port) as connection:
            connection.sendall(b"INFO\r\n")
            return parse_valkey_info(_read_bulk(connection))
    except OSError:
        return {}


def _read_bulk(connection: socket.socket) -> bytes:
    """Read one bulk string of the protocol: ``$<length>``, then that many bytes."""
    with connection.makefile("rb") as stream:
        header = stream.readline()
        return stream.read(int(header[1:])) if header.startswith(b"$") else b""


def parse_valkey_info(info: bytes) -> dict[str, str]:
    """Read the fields of Valkey's INFO."""
    lines = (line.partition(":") for line in info.decode(errors="replace").splitlines())
    return {name: value for name, colon, value in lines if colon}


def ask_http(host: str, port: int, path: str) -> Answer:
    """Ask an HTTP server: it is ready if its status is below 500. The answer's text is the body.

    A failed connection gives no text, because the system's message does not help an operator.
    """
    connection = http.client.HTTPConnection(host, port, timeout=HEALTH_TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read(MAX_BODY_BYTES).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return Answer(_judge_error(error))
    finally:
        connection.close()
    verdict = Verdict.READY if response.status < SERVER_ERROR else Verdict.NOT_YET
    return Answer(verdict, body)


def _exchange(host: str, port: int, request: bytes, judge: Judge) -> Answer:
    try:
        with _connect(host, port) as connection:
            connection.sendall(request)
            return judge(connection.recv(1024))
    except OSError as error:
        return Answer(_judge_error(error), str(error))


def _connect(host: str, port: int) -> socket.socket:
    return socket.create_connection((host, port), timeout=WIRE_TIMEOUT_S)


def _judge_error(error: Exception) -> Verdict:
    """Tell whether the server's machine answered.

    It did if the connection was refused or reset. It did not after a time-out or "no route".
    """
    answered = (ConnectionError, http.client.HTTPException)
    return Verdict.NOT_YET if isinstance(error, answered) else Verdict.UNREACHABLE


def _keep_printable(reply: bytes) -> str:
    return " ".join(re.findall(r"[ -~]{3,}", reply.decode(errors="replace")))[:200]
