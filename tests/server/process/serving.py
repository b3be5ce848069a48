"""A listener in the test's own process, and the clients of it, who see every byte."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple

from wb_cli.server.http.front import Front
from wb_cli.server.process.connections import Patience
from wb_cli.server.process.door import Door
from wb_cli.server.process.listener import ConnectionLimits, Listener
from wb_cli.server.watch.traffic import Traffic

WITHIN_S = 10
SOON = Patience(head=0.05, body=0.05, unread=0.05)
LATE = Patience(head=1000, body=1000, unread=1000)
BIG = b"x" * 20_000_000
REQUEST = b"GET %s HTTP/1.1\r\nHost: here\r\n\r\n"


async def answer(scope, _receive, send) -> None:
    """`/big` is large, `/held` waits until it is cut, `/fails` fails, and the rest is `ok`."""
    if scope["path"] == "/held":
        await asyncio.Event().wait()
    if scope["path"] == "/fails":
        raise ValueError
    body = BIG if scope["path"] == "/big" else b"ok"
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Peer(NamedTuple):
    """The client's side of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def read_all(self) -> bytes:
        """The bytes that came until the server closed."""
        try:
            return await asyncio.wait_for(self.reader.read(), WITHIN_S)
        except ConnectionResetError:
            return b""


class Serving:
    """A listener in this process."""

    def __init__(self, limits: ConnectionLimits, door: Door) -> None:
        self.traffic = Traffic()
        self.bytes_read = 0
        self.listener = Listener(Front(answer, self.traffic), limits, self._counting(door))
        self.socket = socket.create_server(("127.0.0.1", 0))
        # As the server's own socket. Otherwise each answer takes 40 ms.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.address = self.socket.getsockname()
        self._peers: list[Peer] = []

    async def connect(self, send: bytes = b"") -> Peer:
        """Connect a peer that sends this and keeps its side open."""
        peer = Peer(*await asyncio.open_connection(*self.address))
        self._peers.append(peer)
        peer.writer.write(send)
        return peer

    def _counting(self, door: Door) -> Door:
        """A door whose connections count the bytes that they have read."""
        serving = self

        def data_received(connection: Any, data: bytes) -> None:
            door.data_received(connection, data)
            serving.bytes_read += len(data)

        return type("Counting", (door,), {"data_received": data_received})

    async def send(self, peer: Peer, *segments: bytes) -> None:
        """Send segments, each after the server has read the one before."""
        for segment in segments:
            read = self.bytes_read + len(segment)
            peer.writer.write(segment)
            await self.until(lambda: self.bytes_read >= read)  # noqa: B023

    def count(self, status: int) -> int:
        """The number of requests that were counted under a status."""
        return sum(n for (_, counted), n in self.traffic.requests.items() if counted == status)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Let the loop run until this is true."""
        async with asyncio.timeout(WITHIN_S):
            while not is_so():  # noqa: ASYNC110  (any of many things may make it so)
                await asyncio.sleep(0)

    async def end(self) -> None:
        """Close every peer, then the listener."""
        for peer in self._peers:
            peer.writer.close()
        closed = [peer.writer.wait_closed() for peer in self._peers]
        await asyncio.gather(*closed, return_exceptions=True)
        self.listener.stop()


Serve = Callable[[ConnectionLimits], AbstractAsyncContextManager[Serving]]
