"""The wire on real sockets: how it opens, and all the ways in which the other side can fail."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from support.services import Services, free_port

from wb_cli.server.cache.address import connections_to
from wb_cli.server.cache.connections import Connection
from wb_cli.server.cache.errors import LoadingError, LostError, RefusedError
from wb_cli.server.cache.valkey import Timing, ValkeyLink

pytestmark = pytest.mark.services

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(
    serve: Serve, tls: ssl.SSLContext | None = None, path: Path | None = None
) -> AsyncIterator[str]:
    """A server that does this with each connection, and its URL; on a Unix socket with a path."""

    attending: set[asyncio.Task[None] | None] = set()

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        attending.add(asyncio.current_task())
        with suppress(OSError, asyncio.IncompleteReadError):  # the client has gone
            await serve(reader, writer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    if path:
        server, url = await asyncio.start_unix_server(attend, path), f"unix://{path}"
    else:
        server = await asyncio.start_server(attend, "127.0.0.1", 0, ssl=tls)
        url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield url
        await asyncio.gather(*filter(None, attending))


def saying(*answers: bytes) -> Serve:
    """Give these answers, one to each question, and then close."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n")
            await reader.read(100_000)
            writer.write(answer)
        await writer.drain()

    return serve


def never_ending(start: bytes) -> Serve:
    """Begin an answer, and never end it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(start)
        while not reader.at_eof():
            await reader.read(100_000)

    return serve


async def test_a_connection_that_is_lost_in_the_middle_is_an_error_and_then_opened_again() -> None:
    ends = iter([b"$100\r\nhalf", b"$4\r\nhalf", b"$5\r\nwhole\r\n"])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await saying(next(ends))(reader, writer)

    async with serving(serve) as url:
        connection = Connection(connections_to(url))
        for _ in range(2):
            with pytest.raises(LostError, match="closed the connection"):
                await connection.call(("GET", "key"))
        assert await connection.call(("GET", "key")) == b"whole"
        connection.close()


async def test_an_idle_connection_that_was_closed_is_replaced_without_an_error() -> None:
    async with serving(saying(b"+one\r\n")) as url:
        connection = Connection(connections_to(url))
        for _ in range(3):
            assert await connection.call(("GET", "key")) == b"one"
        connection.close()


@pytest.mark.parametrize(
    "start", [b"", b"$", b"$5\r\nab", b"*2\r\n$1\r\na\r\n", b"$1099511627776\r\n" + b"x" * 10_000]
)
async def test_an_answer_that_never_ends_costs_one_deadline_and_the_connection(
    start: bytes,
) -> None:
    async with serving(never_ending(start)) as url:
        link = ValkeyLink(url, readers=1, timing=Timing(deadline=0.05))
        with pytest.raises(LostError, match=r"no answer within 0\.05 s"):
            await link.get(b"key")
        assert not link._readers._idle[0]._wire.is_connected
        await link.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"-LOADING Valkey is loading the dataset in memory\r\n", LoadingError),
        (b"-OOM command not allowed\r\n", RefusedError),
        (b"*2\r\n$1\r\na\r\n-ERR within\r\n", RefusedError),
        (b"-NOAUTH Authentication required.\r\n", LostError),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", LostError),
    ],
)
async def test_an_error_is_raised_as_what_it_is(answer: bytes, error: type[Exception]) -> None:
    async with serving(saying(answer)) as url:
        connection = Connection(connections_to(url))
        with pytest.raises(error) as raised:
            await connection.call(("MGET", "a", "b"))
        assert type(raised.value) is error
        connection.close()


async def test_a_pipeline_is_answered_whole_with_each_refusal_in_its_place() -> None:
    async with serving(saying(b"+OK\r\n-OOM full\r\n$-1\r\n")) as url:
        connection = Connection(connections_to(url))
        first, second, third = await connection.pipeline([("SET", "a", "1")] * 3)
        assert (first, str(second), third) == (b"OK", "OOM full", None)
        assert await connection.pipeline([]) == []
        connection.close()


async def test_a_port_where_nobody_listens_and_a_host_that_is_not_there_are_named() -> None:
    port = free_port()
    with pytest.raises(LostError, match=f"^127.0.0.1:{port} refuses connections$"):
        await Connection(connections_to(f"redis://127.0.0.1:{port}")).call(("PING",))
    with pytest.raises(LostError, match=r'^cannot find the host "nowhere\.invalid"'):
        await Connection(connections_to("redis://nowhere.invalid:1")).call(("PING",))
    with pytest.raises(LostError):
        await Connection(connections_to(f"redis://{'x' * 70}:1")).call(("PING",))


async def test_a_unix_socket_is_opened_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "valkey"
    with pytest.raises(LostError, match="No such file"):
        await Connection(connections_to(f"unix://{path}")).call(("PING",))
    async with serving(saying(b"+PONG\r\n"), path=path) as url:
        connection = Connection(connections_to(url))
        assert await connection.call(("PING",)) == b"PONG"
        connection.close()


async def test_over_tls_only_a_server_whose_certificate_is_known_is_asked(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=valkey"
    words += f" -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate}"
    make = partial(subprocess.run, ["openssl", *words.split()], check=True, capture_output=True)
    await asyncio.to_thread(make)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    large = b"$%d\r\n%b\r\n" % (1_000_000, b"x" * 1_000_000)

    async with serving(saying(b"+PONG\r\n", large), context) as url:
        secure = url.replace("redis:", "rediss:")
        known = Connection(connections_to(f"{secure}?ssl_ca_certs={certificate}"))
        assert await known.call(("PING",)) == b"PONG"
        assert await known.call(("GET", "key")) == b"x" * 1_000_000
        known.close()
        with pytest.raises(LostError, match="certificate verify failed"):
            await Connection(connections_to(secure)).call(("PING",))


async def test_a_password_and_a_database_are_told_first_and_a_wrong_password_is_an_error(
    services: Services,
) -> None:
    valkey = await asyncio.to_thread(services.new_valkey)
    where = f"127.0.0.1:{valkey.port}"
    try:
        connection = Connection(connections_to(valkey.url))
        await connection.call(("CONFIG", "SET", "requirepass", "right"))
        connection.close()
        for credentials in (":right@", "default:right@"):
            url = f"redis://{credentials}{where}/3?client_name=ours"
            connection = Connection(connections_to(url))
            known = await connection.call(("CLIENT", "INFO"))
            assert b" name=ours " in known
            assert b" db=3 " in known
            connection.close()
        for credentials, why in ((":wrong@", "WRONGPASS"), ("", "NOAUTH"), ("x@", "WRONGPASS")):
            connection = Connection(connections_to(f"redis://{credentials}{where}"))
            with pytest.raises(LostError, match=why):
                await connection.call(("PING",))
            connection.close()
        connection = Connection(connections_to(f"redis://:right@{where}/99"))
        with pytest.raises(LostError, match="DB index"):
            await connection.call(("PING",))
        connection.close()
    finally:
        await asyncio.to_thread(services.remove, valkey)


async def test_values_of_any_size_come_whole(valkey_url: str) -> None:
    connection = Connection(connections_to(valkey_url))
    for size in (0, 1, 255_990, 256 * 1024, 256 * 1024 + 1, 20_000_000):
        value = b"\r\n$1" * (size // 4) + b"x" * (size % 4)
        await connection.call(("SET", "any-size", value))
        assert await connection.call(("GET", "any-size")) == value
        assert await connection.call(("MGET", "any-size", "none")) == [value, None]
    await connection.call(("DEL", "any-size"))
    connection.close()
