"""A connection without a server. It answers as its script says."""

import asyncio
from collections import deque
from typing import Any

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
    """Plays the wire that our connections use."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.is_connected = False

    async def exchange(self, packed: bytes, count: int) -> list[Any]:
        self.is_connected = True
        self.server.commands.append(packed)
        return [await self._reply() for _ in range(count)]

    async def _reply(self) -> Any:
        reply = self.server.next_reply()
        if reply is HANG:
            await asyncio.Event().wait()
        if isinstance(reply, OSError | UnicodeError):
            self.disconnect()
            raise reply
        return reply

    def disconnect(self) -> None:
        self.is_connected = False
