"""A small HTTP client: many requests a second over kept connections, and the bytes as they came."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

ANSWERS_WITHIN_S = 30
# The server is not there, or went away in the middle.
UNANSWERED = (OSError, EOFError)


@dataclass(frozen=True)
class Reply:
    """The answer of a server."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    """One client of one server: at most one request at a time, on a connection that is kept."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, headers: Mapping[str, str]) -> Reply:
        """Send one request.

        Raises:
            OSError: nobody listens, nobody answers in time, or the connection was reset.
            EOFError: the connection ended before the answer did.
        """
        lines = [f"{method} {path} HTTP/1.1", "Host: races", "Content-Length: 0"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                if self._streams is None:
                    self._streams = await asyncio.open_connection("127.0.0.1", self.port)
                reader, writer = self._streams
                writer.write("\r\n".join([*lines, "", ""]).encode())
                reply = await read_reply(reader)
        except BaseException:
            self.close()
            raise
        if reply.headers.get("connection") == "close":
            self.close()
        return reply

    def close(self) -> None:
        """Drop the connection."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def read_reply(reader: asyncio.StreamReader) -> Reply:
    """Read one answer to its end."""
    first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    named = (line.partition(":") for line in rest if line)
    headers = {name.lower(): value.strip() for name, _, value in named}
    status = int(first.split(" ", 2)[1])
    size = 0 if status == 304 else int(headers["content-length"])
    return Reply(status, headers, await reader.readexactly(size))
