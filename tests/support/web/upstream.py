"""A stand-in for a platform: a small HTTP server in the test's own process."""

import base64
import gzip
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import zstandard

WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
DATA = b'{"numbers":' + json.dumps(list(range(1000))).encode() + b"}"
COMPRESSED = {"gzip": gzip.compress(DATA), "zstd": zstandard.compress(DATA)}


class Upstream:
    """The server. ``release`` lets a stream go on; ``seen`` are the requests that came."""

    def __init__(self, port: int, address: str = "127.0.0.1") -> None:
        self.release = threading.Event()
        self.seen: list[str] = []
        self._server = _Server((address, port), _Handler)
        self._server.upstream = self
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """End the server."""
        self.release.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    upstream: Upstream
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def do_GET(self) -> None:
        self.server.upstream.seen.append(f"{self.command} {self.path}")
        path = self.path.partition("?")[0]
        if path in ("/gzip", "/zstd"):
            self._send(COMPRESSED[path[1:]], **{"Content-Encoding": path[1:], "ETag": '"strong"'})
        elif path == "/plain":
            self._send(DATA, ETag='"strong"')
        elif path == "/stream":
            self._stream()
        elif path == "/ws":
            self._websocket()
        elif path == "/broken":
            self.send_response(503)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"mine!")
        else:
            headers = {name.lower(): value for name, value in self.headers.items()}
            length = int(headers.get("content-length", 0))
            body = self.rfile.read(length).decode()
            told = {"method": self.command, "path": self.path, "headers": headers, "body": body}
            self._send(json.dumps(told).encode())

    do_POST = do_DELETE = do_PUT = do_GET  # noqa: N815  (the server calls them by these names)

    def _send(self, body: bytes, **headers: str) -> None:
        self.send_response(200)
        headers = {"Content-Type": "application/json", **headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        """Send a first event, and the second once the test has seen the first.

        If the test never sees it, something between them waits for the end.
        """
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"data: first\n\n")
        self.wfile.flush()
        was_seen = self.server.upstream.release.wait(30)
        self.wfile.write(b"data: second\n\n" if was_seen else b"data: not seen\n\n")
        self.close_connection = True

    def _websocket(self) -> None:
        """Shake hands, and send back each small frame."""
        asked = (self.headers["Upgrade"] or "", self.headers["Connection"] or "")
        if [word.lower() for word in asked] != ["websocket", "upgrade"]:
            self.send_error(400)
            return
        key = self.headers["Sec-WebSocket-Key"] + WEBSOCKET_GUID
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accept)
        self.end_headers()
        while head := self.rfile.read(2):
            mask, length = self.rfile.read(4), head[1] & 0x7F
            text = bytes(b ^ mask[i % 4] for i, b in enumerate(self.rfile.read(length)))
            self.wfile.write(bytes([head[0], length]) + text)
        self.close_connection = True
