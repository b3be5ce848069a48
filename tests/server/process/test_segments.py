"""Requests in any pieces: cut at each byte, several at once, with bytes that come late."""

import asyncio

import pytest
from server.process.serving import LATE, REQUEST, WITHIN_S, Peer, Serve
from uvicorn.protocols.http import httptools_impl

from wb_cli.server.process import listener
from wb_cli.server.process.httptools_connection import HttpToolsConnection
from wb_cli.server.process.listener import ConnectionLimits

pytestmark = pytest.mark.network

GET = REQUEST % b"/"
WITH_BODY = b"GET / HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nabcde"
POST = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nabcde"
IN_CHUNKS = (
    b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
)
ALL = GET + WITH_BODY + POST + IN_CHUNKS
LIMITS = ConnectionLimits(1000, LATE)


async def read_ok(peer: Peer, times: int = 1) -> None:
    """Read exactly so many answers, of which each is `ok`."""
    async with asyncio.timeout(WITHIN_S):
        for _ in range(times):
            head = await peer.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 "), head
            assert await peer.reader.readexactly(2) == b"ok"


@pytest.mark.parametrize("sent", [GET, WITH_BODY, POST, IN_CHUNKS])
async def test_a_request_cut_at_any_byte_is_answered_and_so_is_the_next(
    serving: Serve, sent: bytes
) -> None:
    async with serving(LIMITS) as server:
        peer = await server.connect()
        for cut in range(1, len(sent)):
            await server.send(peer, sent[:cut], sent[cut:])
            await read_ok(peer)
            await server.send(peer, GET)
            await read_ok(peer)


async def test_requests_that_come_byte_by_byte_are_answered(serving: Serve) -> None:
    async with serving(LIMITS) as server:
        peer = await server.connect()
        await server.send(peer, *(bytes([byte]) for byte in ALL))
        await read_ok(peer, 4)


async def test_requests_in_one_stream_cut_at_any_byte_are_all_answered(serving: Serve) -> None:
    async with serving(LIMITS) as server:
        peer = await server.connect()
        for cut in range(1, len(ALL)):
            peer.writer.write(ALL[:cut])
            await asyncio.sleep(0)
            peer.writer.write(ALL[cut:])
            await read_ok(peer, 4)


async def test_bytes_that_are_no_request_do_not_take_the_answer_of_the_request_before(
    serving: Serve,
) -> None:
    async with serving(LIMITS) as server:
        peer = await server.connect(GET + b"rubbish\r\n\r\n")

        await read_ok(peer)
        assert (await peer.read_all()).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("late", [b"\r\n", b"de"])
async def test_bytes_after_an_answer_do_not_keep_an_idle_connection_for_ever(
    serving: Serve, monkeypatch: pytest.MonkeyPatch, late: bytes
) -> None:
    """A blank line, and the rest of a body that was not waited for."""
    monkeypatch.setattr(listener, "KEEP_ALIVE_S", 0.05)
    async with serving(LIMITS) as server:
        sent = GET if late == b"\r\n" else WITH_BODY.removesuffix(late)
        peer = await server.connect(sent)
        await read_ok(peer)
        await server.send(peer, late)

        await peer.read_all()


async def test_a_body_that_is_malformed_is_refused_while_its_request_waits_for_it(
    serving: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "FINISH_REQUESTS_WITHIN_S", 0.01)
    head = b"POST /held HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with serving(LIMITS) as server:
        peer = await server.connect()
        await server.send(peer, head, b"no size\r\n")

        assert (await peer.read_all()).startswith(b"HTTP/1.1 400 ")


async def test_a_refusal_says_why(serving: Serve) -> None:
    async with serving(LIMITS) as server:
        peer = await server.connect(b"rubbish\r\n\r\n")

        head, _, told = (await peer.read_all()).partition(b"\r\n\r\n")
    assert told.startswith(b"Invalid HTTP request received. ")
    assert len(told) > len(b"Invalid HTTP request received. "), head


@pytest.mark.parametrize("serving", [HttpToolsConnection], indirect=True)
async def test_a_fault_of_ours_that_the_parser_hides_is_in_the_log(
    serving: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    async with serving(LIMITS) as server:
        monkeypatch.setattr(httptools_impl, "RequestResponseCycle", fail)
        peer = await server.connect(GET)
        await peer.read_all()

    assert "[Server] Could not take a request: ZeroDivisionError()" in caplog.text
