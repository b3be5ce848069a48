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
from wb_cli.server.process.connections import Connections, Patience, cap_of, kind_of
from wb_cli.server.settings import MOST_CONNECTIONS, Settings

# The way down has 8 s: these, 2 for the write-behind queue, 1 for PostgreSQL, and some to spare.
FINISH_REQUESTS_WITHIN_S = 4
BACKLOG = 2048
KEEP_ALIVE_S = 75
DATE_CHANGES_EVERY_S = 1.0


def bind(settings: Settings) -> socket.socket:
    """Take the port before anything else is built, so that a busy one is known at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Named, because asyncio sets TCP_NODELAY only where it reads TCP here: 40 ms an answer.
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
    """uvicorn that leaves the signals to `__main__`, which has more than requests to finish.

    It stops when it is told to, and looks once a second for the time and for overdue connections.
    Uvicorn's own loop looks ten times a second, which forty idle instances on a host do not want.
    """

    def __init__(self, app: Application, limits: ConnectionLimits = DEFAULT_LIMITS) -> None:
        self._told_to_stop = asyncio.Event()
        self.connections = Connections(cap_of(limits.connections), limits.patience, app.refused)
        app.is_over_cap = lambda: self.connections.is_over_cap
        super().__init__(
            uvicorn.Config(
                app,
                http=kind_of(self.connections),
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                # Longer than a proxy in front keeps its own end, or it would meet a closed one.
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=FINISH_REQUESTS_WITHIN_S,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield

    async def main_loop(self) -> None:
        """Keep the ``Date`` header right, and end overdue connections, until told to stop."""
        clock = asyncio.get_running_loop().time
        while not await self.on_tick(0):
            self.connections.end_overdue(clock())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told_to_stop.wait(), DATE_CHANGES_EVERY_S)

    def stop(self) -> None:
        """Accept no more; `serve` returns when the running requests are answered."""
        self.should_exit = True
        self._told_to_stop.set()
