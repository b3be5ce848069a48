"""A connection without a server. It answers as its script says."""

import asyncio
from collections import deque
from typing import Any

from valkey import exceptions

HANG = object()


class ScriptedServer:
    """Answers a command with the next reply. The last reply repeats without end."""

    def __init__(self, *replies: Any) -> None:
        self.replies = deque(replies)
        self.commands: list[bytes] = []
        self.connections: list[ScriptedConnection] = []

    def connect(self) -> "ScriptedConnection":
        self.connections.append(ScriptedConnection(self))
        return self.connections[-1]

    def next_reply(self) -> Any:
        return self.replies.popleft() if len(self.replies) > 1 else self.replies[0]


class ScriptedConnection:
    """Has the part of the client library's connection that our connections use."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.is_connected = False

    async def send_packed_command(self, packed: list[bytes]) -> None:
        self.is_connected = True
        self.server.commands += packed

    async def read_response(self) -> Any:
        reply = self.server.next_reply()
        if reply is HANG:
            await asyncio.Event().wait()
        if isinstance(reply, exceptions.ConnectionError):
            await self.disconnect()
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def disconnect(self, **_: bool) -> None:
        self.is_connected = False
