"""The part of HTTP that a Docker client and its engine use."""

import json
import re
import select
import socket
from http import HTTPStatus
from typing import NamedTuple

CHUNK = 64 * 1024
END_OF_HEAD = b"\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


class Request(NamedTuple):
    """One complete request."""

    method: str
    path: str
    head: bytes
    body: bytes

    @classmethod
    def read(cls, connection: socket.socket) -> "Request | None":
        """Read a request from a connection; ``None`` if the connection ends before."""
        head, body = _read_head(connection)
        if not head:
            return None
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
        length = _find_header(head, "content-length")
        if "chunked" in _find_header(head, "transfer-encoding"):
            body = _read_until(connection, body, lambda read: read.endswith(LAST_CHUNK))
        elif length:
            body = _read_until(connection, body, lambda read: len(read) >= int(length))
        return cls(method, path, head, body)

    def encode_as_last(self) -> bytes:
        """Give its bytes, changed so that the server ends the connection after its answer.

        A conversation (``Connection: Upgrade``) ends its connection as it is.
        """
        head = self.head
        if _find_header(head, "connection").lower() != "upgrade":
            head = re.sub(rb"(?i)\r\nconnection:[^\r]*", b"", head)
            head = head.removesuffix(END_OF_HEAD) + b"\r\nConnection: close" + END_OF_HEAD
        return head + self.body


def read_answer(connection: socket.socket, *, head_only: bool) -> None:
    """Wait for an answer, or only for its head."""
    head, _ = _read_head(connection)
    while head and not head_only and connection.recv(CHUNK):
        pass


def make_error(status: HTTPStatus, message: str) -> bytes:
    """Make an error in the engine's format. It ends the connection."""
    body = json.dumps({"message": message}).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def relay(client: socket.socket, engine: socket.socket) -> None:
    """Forward bytes in both directions until the engine ends the connection."""
    waiting = select.poll()
    waiting.register(client, select.POLLIN)
    waiting.register(engine, select.POLLIN)
    while True:
        for descriptor, _ in waiting.poll():
            if descriptor == engine.fileno():
                if not (data := engine.recv(CHUNK)):
                    return
                client.sendall(data)
            elif data := client.recv(CHUNK):
                engine.sendall(data)
            else:
                waiting.unregister(client)
                engine.shutdown(socket.SHUT_WR)


def _read_head(connection: socket.socket) -> tuple[bytes, bytes]:
    """Read a message's head and the first part of its body; nothing if the connection ends."""
    read = _read_until(connection, b"", lambda read: END_OF_HEAD in read)
    head, end, body = read.partition(END_OF_HEAD)
    return (head + end, body) if end else (b"", b"")


def _read_until(connection: socket.socket, read: bytes, is_enough) -> bytes:
    while not is_enough(read) and (data := connection.recv(CHUNK)):
        read += data
    return read


def _find_header(head: bytes, name: str) -> str:
    found = re.search(rf"(?im)^{name}:\s*([^\r]*)", head.decode("latin-1"))
    return found[1] if found else ""
