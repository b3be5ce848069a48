"""The listener: it updates the time, stops when told to, and ends overdue connections."""

import asyncio
import socket

import pytest
import uvicorn
from server.process.serving import BIG, LATE, REQUEST, SOON, WITHIN_S, answer

from wb_cli.contract import HEALTH_PATH
from wb_cli.server.http.front import Front
from wb_cli.server.process import listener
from wb_cli.server.process.listener import ConnectionLimits, Listener
from wb_cli.server.watch.traffic import Traffic


def nothing() -> Front:
    """An application that gets no request."""
    return Front(answer, Traffic())


def dates(serving: Listener) -> set[bytes]:
    """The ``Date`` headers of answers now."""
    return {value for name, value in serving.server_state.default_headers if name == b"date"}


async def test_it_ends_at_once_when_told_to(monkeypatch):
    monkeypatch.setattr(listener, "DATE_CHANGES_EVERY_S", 1000)
    serving = Listener(nothing())
    loop = asyncio.create_task(serving.main_loop())
    await asyncio.sleep(0)

    serving.stop()
    await asyncio.wait_for(loop, WITHIN_S)


async def test_it_ends_at_once_when_told_to_before_it_began():
    serving = Listener(nothing())
    serving.stop()
    await asyncio.wait_for(serving.main_loop(), WITHIN_S)


async def test_the_time_in_its_answers_goes_on(monkeypatch):
    monkeypatch.setattr(listener, "DATE_CHANGES_EVERY_S", 0.001)
    serving = Listener(nothing())
    loop = asyncio.create_task(serving.main_loop())
    seen: set[bytes] = set()
    async with asyncio.timeout(WITHIN_S):
        while len(seen) < 2:
            seen |= dates(serving)
            await asyncio.sleep(0.001)
    serving.stop()
    await loop


@pytest.mark.network
async def test_connections_that_send_no_whole_request_end(serving):
    async with serving(ConnectionLimits(1000, SOON)) as server:
        silent = [await server.connect() for _ in range(100)]
        half = [await server.connect(b"GET / HTTP/1.1\r\nHo") for _ in range(100)]
        body = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nabc"
        without_end = [await server.connect(body) for _ in range(100)]

        assert {await peer.read_all() for peer in silent} == {b""}
        for peer in half:
            assert (await peer.read_all()).startswith(b"HTTP/1.1 408 ")
        for peer in without_end:
            await peer.read_all()
        assert not server.listener.connections.open
        assert server.count(408) == 100


@pytest.mark.network
async def test_a_second_request_that_stays_half_sent_ends_as_well(serving):
    async with serving(ConnectionLimits(1000, SOON)) as server:
        peer = await server.connect(REQUEST % b"/")
        assert (await peer.reader.readline()).startswith(b"HTTP/1.1 200 ")
        await peer.reader.readuntil(b"ok")
        peer.writer.write(b"GET /")

        assert (await peer.read_all()).startswith(b"HTTP/1.1 408 ")


@pytest.mark.network
async def test_an_idle_connection_that_was_answered_is_left_to_its_keep_alive(serving):
    async with serving(ConnectionLimits(1000, SOON)) as server:
        kept = await server.connect(REQUEST % b"/")
        await kept.reader.readuntil(b"ok")
        later = await server.connect()
        await later.read_all()

        kept.writer.write(REQUEST % b"/")
        await asyncio.wait_for(kept.reader.readuntil(b"ok"), WITHIN_S)


@pytest.mark.network
async def test_the_connection_of_a_peer_that_reads_nothing_is_closed(serving):
    async with serving(ConnectionLimits(1000, SOON)) as server:
        peers = [socket.create_connection(server.address) for _ in range(20)]
        for peer in peers:
            peer.sendall(REQUEST % b"/big")
        await server.until(lambda: server.count(200) == 20)

        await server.until(lambda: not server.listener.connections.open)
        for peer in peers:
            peer.close()


@pytest.mark.network
async def test_at_the_cap_the_longest_idle_makes_room(serving):
    async with serving(ConnectionLimits(50, LATE)) as server:
        peers = [await server.connect() for _ in range(300)]
        connections = server.listener.connections
        await server.until(lambda: bool(connections.idle) and peers[249].reader.at_eof())

        last = await server.connect(REQUEST % HEALTH_PATH.encode())
        assert (await last.reader.readline()).startswith(b"HTTP/1.1 200 ")
        assert len(connections.open) <= 50


@pytest.mark.network
async def test_when_all_are_busy_the_health_check_is_answered_and_others_are_told_to_wait(
    serving, monkeypatch
):
    monkeypatch.setattr(listener, "FINISH_REQUESTS_WITHIN_S", 0.01)
    async with serving(ConnectionLimits(50, LATE)) as server:
        busy = [await server.connect(REQUEST % b"/held") for _ in range(50)]
        await server.until(lambda: not server.listener.connections.idle)
        await server.until(lambda: len(server.listener.connections.open) == 50)

        refused = await server.connect(REQUEST % b"/")
        told = await refused.read_all()
        healthy = await server.connect(REQUEST % HEALTH_PATH.encode())

        assert told.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 1\r\n" in told.lower()
        assert (await healthy.reader.readline()).startswith(b"HTTP/1.1 200 ")
        assert not any(peer.reader.at_eof() for peer in busy)


@pytest.mark.network
async def test_idle_connections_do_not_delay_the_end(serving, monkeypatch):
    async def wait(*_: object) -> None:
        pytest.fail("it waits for requests, and there are none")

    monkeypatch.setattr(uvicorn.Server, "shutdown", wait)
    async with serving(ConnectionLimits()) as server:
        idle = await server.connect(REQUEST % b"/")
        await idle.reader.readuntil(b"ok")
        server.listener.stop()
        assert await idle.read_all() == b""


@pytest.mark.network
async def test_a_request_that_is_cut_at_the_end_is_told_to_come_again(serving, monkeypatch, caplog):
    monkeypatch.setattr(listener, "FINISH_REQUESTS_WITHIN_S", 0.01)
    async with serving(ConnectionLimits()) as server:
        peer = await server.connect(REQUEST % b"/held")
        await server.until(lambda: bool(server.listener.server_state.tasks))
        server.listener.stop()

        told = await peer.read_all()

    assert told.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 1\r\n" in told.lower()
    assert server.count(503) == 1
    assert "Traceback" not in caplog.text


@pytest.mark.network
async def test_failed_requests_and_bytes_that_are_no_request_are_counted(serving):
    async with serving(ConnectionLimits()) as server:
        fails = await server.connect(REQUEST % b"/fails")
        assert (await fails.reader.readline()).startswith(b"HTTP/1.1 500 ")
        rubbish = await server.connect(b"rubbish\r\n\r\n")
        assert (await rubbish.reader.readline()).startswith(b"HTTP/1.1 400 ")

        assert (server.count(500), server.count(400)) == (1, 1)


@pytest.mark.network
async def test_a_client_that_goes_away_is_counted(serving, monkeypatch):
    monkeypatch.setattr(listener, "FINISH_REQUESTS_WITHIN_S", 0.01)
    async with serving(ConnectionLimits()) as server:
        peer = await server.connect(REQUEST % b"/held")
        await server.until(lambda: bool(server.listener.server_state.tasks))
        peer.writer.close()
        await server.until(lambda: not server.listener.connections.open)

    assert sum(server.traffic.requests.values()) == 1


@pytest.mark.network
async def test_a_head_that_does_not_end_is_refused_while_it_is_small(serving):
    async with serving(ConnectionLimits(10, LATE)) as server:
        peer = await server.connect(b"GET / HTTP/1.1\r\nHost: here\r\nLong: ")
        for _ in range(50):
            peer.writer.write(b"x" * 10_000)

        await server.until(lambda: server.count(400) == 1)
        await server.until(lambda: not server.listener.connections.open)


@pytest.mark.network
async def test_requests_that_come_at_once_are_answered_in_their_order(serving):
    async with serving(ConnectionLimits(10, LATE)) as server:
        peer = await server.connect(REQUEST % b"/big" + REQUEST % b"/" + REQUEST % b"/fails")

        assert (await peer.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        assert await peer.reader.readexactly(len(BIG)) == BIG
        assert (await peer.reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200 ")
        assert (await peer.reader.readline()).startswith(b"HTTP/1.1 500 ")
        assert (server.count(200), server.count(500)) == (2, 1)


@pytest.mark.network
@pytest.mark.parametrize("wish", [b"websocket", b"h2c"])
async def test_a_wish_for_another_protocol_is_answered_in_this_one(serving, wish):
    async with serving(ConnectionLimits(10, LATE)) as server:
        peer = await server.connect(
            b"GET / HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: " + wish + b"\r\n\r\n"
        )

        assert (await peer.reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200 ")
