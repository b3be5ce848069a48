"""The listening socket, and uvicorn behind it."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

import uvicorn

from wb_cli.errors import WbError
from wb_cli.server.process.connections import Connections, Patience, cap_of
from wb_cli.server.process.door import FASTEST, Door, protocol_of
from wb_cli.server.settings import MOST_CONNECTIONS, Settings

# The shutdown has 8 s: these 4, 2 for the queue of writes, 1 for PostgreSQL, and 1 to spare.
FINISH_REQUESTS_WITHIN_S = 4
IDLE_CLOSE_WITHIN_S = 0.1
SOON_S = 0.005
BACKLOG = 2048
KEEP_ALIVE_S = 75
DATE_CHANGES_EVERY_S = 1.0


def bind(settings: Settings) -> socket.socket:
    """Take the port before anything else is built, so that a busy port is known at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Name the protocol: asyncio sets TCP_NODELAY only if it reads TCP here, which saves 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise WbError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}",
            "Set HOST and PORT to an address that is free.",
        ) from error
    return listening


class Application(Protocol):
    """What the listener serves. It counts the requests, and it knows whether the cap is reached."""

    is_over_cap: Callable[[], bool]  # the listener sets it

    def refused(self, status: HTTPStatus) -> None:
        """Count a request that never became a whole one."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request (ASGI)."""


@dataclass(frozen=True)
class ConnectionLimits:
    """How many connections there may be, and how long they may take."""

    connections: int = MOST_CONNECTIONS
    patience: Patience = field(default_factory=Patience)


DEFAULT_LIMITS = ConnectionLimits()


class Listener(uvicorn.Server):
    """Uvicorn without signals. `__main__` handles them, as it has more than requests to finish.

    It stops when it is told to. Once a second it updates the time and ends overdue connections.
    Uvicorn's own loop does so ten times a second, which is too much for forty idle instances.
    """

    def __init__(
        self,
        app: Application,
        limits: ConnectionLimits = DEFAULT_LIMITS,
        door: Door = FASTEST,
    ) -> None:
        self._told_to_stop = asyncio.Event()
        self.connections = Connections(cap_of(limits.connections), limits.patience, app.refused)
        app.is_over_cap = lambda: self.connections.is_over_cap
        super().__init__(
            uvicorn.Config(
                app,
                http=protocol_of(self.connections, door),
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                # Longer than a proxy keeps a connection, so that the proxy never uses a closed one.
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=FINISH_REQUESTS_WITHIN_S,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals as they are."""
        yield

    async def main_loop(self) -> None:
        """Keep the ``Date`` header right, and end overdue connections, until told to stop."""
        clock = asyncio.get_running_loop().time
        while not await self.on_tick(0):
            self.connections.end_overdue(clock())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told_to_stop.wait(), DATE_CHANGES_EVERY_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the door, and return as soon as no connection is left.

        A connection that is accepted already may be added only after that, and ends then. Uvicorn
        would sleep 0.1 s even if there is none. It waits for requests that take longer.
        """
        self.connections.are_ending = True
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(IDLE_CLOSE_WITHIN_S):
                while self._is_busy():  # noqa: ASYNC110  (uvicorn tells of no end)
                    await asyncio.sleep(SOON_S)
        if self._is_busy():
            await super().shutdown(sockets)
        for listening in sockets or ():
            listening.close()

    def _is_busy(self) -> bool:
        return bool(self.server_state.connections or self.server_state.tasks)

    def stop(self) -> None:
        """Accept no connection any more. `serve` returns when all requests are answered."""
        self.should_exit = True
        self._told_to_stop.set()
