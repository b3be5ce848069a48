"""A connection to the engine that can be cut and restored: a Unix socket in front of its own."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

CHANGING = (b"POST", b"PUT", b"DELETE")
CHUNK = 64 * 1024


class Forwarder:
    """Forwards connections from ``path`` to the engine until it is cut.

    ``on_change`` is called with the number of each request that changes something, before it is
    forwarded.
    """

    def __init__(self, path: Path, engine: str) -> None:
        self.path, self.engine = path, engine
        self.on_change: Callable[[int], None] = lambda _: None
        self.changes = 0
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None

    @property
    def url(self) -> str:
        """The value for DOCKER_HOST."""
        return f"unix://{self.path}"

    def open(self) -> None:
        """Listen, and forward."""
        self.changes, self.on_change = 0, lambda _: None
        listener = self._listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.path))
        listener.listen(64)
        self._spawn(lambda: self._accept(listener))

    def cut(self) -> None:
        """Remove the socket and break every connection, as when the engine ends."""
        listener, self._listener = self._listener, None
        if listener:
            self.path.unlink()
            _end(listener)
        with self._lock:
            for connection in self._connections:
                _end(connection)

    def close(self) -> None:
        """Cut the connection, and wait until every thread has ended."""
        self.cut()
        for thread in self._threads:
            thread.join(10)

    def _spawn(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(self.engine)
                with self._lock:
                    self._connections |= {client, engine}
                self._spawn(partial(self._pump, client, engine, self._announce))
                self._spawn(partial(self._pump, engine, client, lambda _: None))

    def _pump(
        self, source: socket.socket, sink: socket.socket, look: Callable[[bytes], None]
    ) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                look(data)
                sink.sendall(data)
        _end(source)
        _end(sink)

    def _announce(self, data: bytes) -> None:
        """The SDK sends each request's head in a packet of its own."""
        if data.startswith(CHANGING):
            with self._lock:
                self.changes += 1
                number = self.changes
            self.on_change(number)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
