"""A faulty engine: a Unix socket in front of the real engine, on which one call goes wrong.

Each request has a connection of its own, so that a fault hits one call and no other.
"""

import re
import socket
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple, Self

from faults.engine.http_messages import Request, make_error, read_answer, relay

# The kinds of calls by method and path, without the version of the API. The first match counts.
KINDS = (
    ("POST", r"/containers/create", "create"),
    ("PUT", r"/containers/[^/]+/archive", "put_archive"),
    ("GET", r"/containers/json", "list"),
    ("GET", r"/containers/[^/]+/json", "inspect"),
    ("POST", r"/containers/[^/]+/exec", "exec create"),
    ("GET", r"/exec/[^/]+/json", "exec inspect"),
    ("POST", r"/exec/[^/]+/(\w+)", r"exec \1"),
    ("GET", r"/containers/[^/]+/(\w+)", r"\1"),
    ("POST", r"/containers/[^/]+/(\w+)", r"\1"),
    ("DELETE", r"/containers/[^/]+", "remove"),
    ("GET", r"/networks/?", "network list"),
    ("POST", r"/networks/create", "network create"),
    ("DELETE", r"/networks/[^/]+", "network remove"),
    ("POST", r"/networks/[^/]+/(\w+)", r"network \1"),
    ("GET", r"/images/.+/json", "image inspect"),
    ("GET", r"/(\w+)", r"\1"),
)
# Their answers take long. The engine has acted when the head of the answer comes.
LASTING = {"events", "wait", "logs", "attach", "exec start"}
OPENED_WITHIN_S = 30


class How(Enum):
    """The way in which a call goes wrong."""

    DROPPED_BEFORE = "the connection to the engine ends before the call"
    DROPPED_AFTER = "the engine's answer is lost, the call is done"
    REFUSED = "the engine answers 500, the call is not done"
    FAILED = "the engine answers 500, the call is done"
    DELAYED = "the call is late"


class Call(NamedTuple):
    """A call by its kind and its number, from 1."""

    kind: str
    number: int

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"


class Fault(NamedTuple):
    """A fault of one call. A late call waits until its gate is opened."""

    call: Call
    how: How
    gate: threading.Event | None = None

    def __str__(self) -> str:
        return f"{self.call}: {self.how.value}"


class FaultyEngine:
    """Forwards every call to the engine except the call of its fault.

    When a call is dropped, ``on_drop`` is called first: it may cut the way to this engine.
    ``calls`` are those since ``begin``, in the order of their coming, and ``has_failed`` says
    whether the fault has hit. Usable as a context manager.
    """

    def __init__(self, path: Path, engine: str, on_drop: Callable[[], None] = lambda: None) -> None:
        self.path, self.engine, self.on_drop = path, engine, on_drop
        self.calls: list[Call] = []
        self.has_failed = False
        self._fault: Fault | None = None
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket(socket.AF_UNIX)

    @property
    def url(self) -> str:
        """The value for DOCKER_HOST."""
        return f"unix://{self.path}"

    def __enter__(self) -> Self:
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        _end(self._listener)
        self.hang_up()
        self._listener.close()
        self.path.unlink()

    def begin(self, fault: Fault | None = None) -> None:
        """Count from one again, and set the fault, or none."""
        with self._lock:
            self.calls, self._counts = [], Counter()
            self._fault, self.has_failed = fault, False

    def hang_up(self) -> None:
        """End every connection, and wait for its end."""
        with self._lock:
            for connection in self._open:
                _end(connection)
        for thread in self._threads:
            thread.join(60)
        self._threads.clear()

    def _spawn(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._spawn(partial(self._serve, client))

    def _serve(self, client: socket.socket) -> None:
        engine = socket.socket(socket.AF_UNIX)
        with self._lock:
            self._open |= {client, engine}
        try:
            with suppress(OSError):
                self._pass_on(client, engine)
        finally:
            with self._lock:
                self._open -= {client, engine}
            client.close()
            engine.close()

    def _pass_on(self, client: socket.socket, engine: socket.socket) -> None:
        request = Request.read(client)
        if not request:
            return
        kind = name_kind(request.method, request.path)
        fault = self._count(kind)
        if fault and fault.how is How.DROPPED_BEFORE:
            self.on_drop()
            return
        if fault and fault.how is How.REFUSED:
            client.sendall(_make_500(fault))
            return
        if fault and fault.gate:
            fault.gate.wait(OPENED_WITHIN_S)
        engine.connect(self.engine)
        engine.sendall(request.encode_as_last())
        if fault and fault.how in {How.DROPPED_AFTER, How.FAILED}:
            read_answer(engine, head_only=kind in LASTING)
            if fault.how is How.FAILED:
                client.sendall(_make_500(fault))
            else:
                self.on_drop()
            return
        relay(client, engine)

    def _count(self, kind: str) -> Fault | None:
        """Count a call. Return the fault if this call goes wrong."""
        with self._lock:
            self._counts[kind] += 1
            call = Call(kind, self._counts[kind])
            self.calls.append(call)
            if not self._fault or self._fault.call != call:
                return None
            self.has_failed = True
            return self._fault


def name_kind(method: str, path: str) -> str:
    """Name the kind of a call."""
    path = re.sub(r"^/v\d+\.\d+", "", path).partition("?")[0]
    for asked, pattern, kind in KINDS:
        if method in {asked, "HEAD"} and re.fullmatch(pattern, path):
            return re.sub(pattern, kind, path)
    return f"{method} {path}"


def _make_500(fault: Fault) -> bytes:
    return make_error(
        HTTPStatus.INTERNAL_SERVER_ERROR, f"the faulty engine's answer to {fault.call}"
    )


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
