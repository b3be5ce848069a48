"""The door: which parser reads requests, and which event loop carries them.

httptools and uvloop are in the image and answer several times as many requests a second
(`tests/benchmarks/bench_server.py`). Without them, h11 and asyncio's own loop do the same work.
"""

import asyncio
from collections.abc import Callable

from wb_cli.server.process.connections import Connections
from wb_cli.server.process.watched import Watched

try:
    import uvloop

    new_loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
except ImportError:
    new_loop = asyncio.new_event_loop

Door = type[Watched]

try:
    from wb_cli.server.process.httptools_connection import HttpToolsConnection

    FASTEST: Door = HttpToolsConnection
except ImportError:
    # Not before it is needed: the import takes 10 ms of each start.
    from wb_cli.server.process.h11_connection import H11Connection

    FASTEST = H11Connection


def protocol_of(connections: Connections, door: Door = FASTEST) -> Door:
    """The class of the connections that are counted there. Uvicorn makes them."""
    return type("OwnConnection", (door,), {"all": connections})


def describe() -> str:
    """The parser and the event loop, for the log."""
    return f"{FASTEST.reads_with}, {new_loop.__module__.partition('.')[0]}"
