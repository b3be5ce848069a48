"""A stop ends each connection, also those that are accepted at that moment."""

import asyncio
import contextlib
import socket

import pytest
from server.process.serving import LATE, WITHIN_S, Serve

from wb_cli.server.process.listener import ConnectionLimits

pytestmark = pytest.mark.network

TURNS = range(12)


@pytest.mark.parametrize("turns", TURNS)
async def test_a_connection_that_is_accepted_as_the_server_stops_is_not_left_open(
    serving: Serve, turns: int
) -> None:
    """After so many turns of the loop. What closes next could not answer it any more."""
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        async with serving(ConnectionLimits(1000, LATE)) as server:
            client.connect(server.address)
            client.setblocking(False)
            for _ in range(turns):
                await asyncio.sleep(0)
            server.listener.stop()

        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(WITHIN_S):
                assert await loop.sock_recv(client, 100) == b""
