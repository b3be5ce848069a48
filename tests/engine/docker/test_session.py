"""Input and output of a command: in pieces of any size, whichever side ends first, and over TLS."""

import asyncio
import json
import os
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

import docker
import pytest
from docker.tls import TLSConfig
from support.services import VALKEY_IMAGE

from wb_cli.engine.base import Streams
from wb_cli.engine.docker.docker_engine import DockerEngine
from wb_cli.errors import EngineError, WbError

ENGINE = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
API = "1.41"  # given, so that the SDK does not ask the engine for it


def frame(stream: int, text: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(text)) + text


SAID = frame(1, b"one ") + frame(2, b"oh! ") + frame(1, b"") + frame(1, b"two") + frame(2, b"dear")
HEAD = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"


class Told:
    """Both outputs of a command."""

    def __init__(self) -> None:
        self.stdout: list[bytes] = []
        self.stderr: list[bytes] = []

    def streams(self, **changes: Any) -> Streams:
        return Streams(self.stdout.append, self.stderr.append, **changes)

    @property
    def both(self) -> tuple[bytes, bytes]:
        return b"".join(self.stdout), b"".join(self.stderr)


# An engine that gives exact answers in exact packets


@contextmanager
def engine_that_says(
    folder: Path, packets: list[bytes], exit_code: int | None = 0
) -> Iterator[DockerEngine]:
    """An engine with one command. It answers the start of the command with these packets."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if not self.path.endswith("/start"):
                self._answer({"Id": "e1"})
                return
            for packet in packets:
                self.connection.sendall(packet)
            self.close_connection = True

        def do_GET(self) -> None:
            self._answer({"ExitCode": exit_code})

        def _answer(self, document: Any) -> None:
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

        def address_string(self) -> str:
            return "test"

    path = folder / "engine.sock"
    with ThreadingUnixStreamServer(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        with closing(docker.DockerClient(base_url=f"unix://{path}", version=API)) as client:
            yield DockerEngine(client)
        server.shutdown()
        thread.join()


@pytest.mark.network
@pytest.mark.parametrize(
    "packets",
    [
        pytest.param([HEAD, SAID], id="whole"),
        pytest.param([HEAD + SAID], id="in one packet with the headers"),
        pytest.param([HEAD + SAID[:5], SAID[5:]], id="begun with the headers"),
        pytest.param([HEAD, *(bytes([byte]) for byte in SAID)], id="byte by byte"),
    ],
)
def test_no_byte_is_lost_in_pieces_of_any_size(tmp_path: Path, packets: list[bytes]) -> None:
    told = Told()
    with engine_that_says(tmp_path, packets, exit_code=3) as engine:
        assert engine.converse("c1", ["x"], told.streams()) == 3
    assert told.both == (b"one two", b"oh! dear")


@pytest.mark.network
def test_a_connection_that_ends_before_the_command_is_an_error(tmp_path: Path) -> None:
    told = Told()
    with (
        engine_that_says(tmp_path, [HEAD, SAID[:14]], exit_code=None) as engine,
        pytest.raises(EngineError, match="sleep, which may still be running"),
    ):
        engine.converse("c1", ["sleep"], told.streams())
    assert told.both[0] == b"one "


@pytest.mark.network
def test_an_input_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    with (
        engine_that_says(tmp_path, [HEAD]) as engine,
        pytest.raises(WbError, match="the input cannot be read: Is a directory"),
    ):
        engine.converse("c1", ["cat"], Told().streams(source=folder))
    os.close(folder)


# Over TLS, on the real engine


@pytest.fixture(scope="module")
def container(docker_client: docker.DockerClient, run_id: str) -> Iterator[str]:
    labels = {"wb.test.run": run_id}
    made = docker_client.containers.run(
        VALKEY_IMAGE, ["sleep", "60"], detach=True, labels=labels, network_mode="none"
    )
    yield str(made.id)
    made.remove(force=True, v=True)


@pytest.fixture(scope="module")
def over_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerEngine]:
    """The engine behind a proxy that uses TLS."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=engine"
    words += f" -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate}"
    subprocess.run(["openssl", *words.split()], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with in_a_thread() as loop, pytest.MonkeyPatch.context() as environ:
        # requests prefers these variables to the settings of the client.
        environ.delenv("REQUESTS_CA_BUNDLE", raising=False)
        environ.delenv("CURL_CA_BUNDLE", raising=False)
        opening = asyncio.start_server(forward, "127.0.0.1", 0, ssl=context)
        door = asyncio.run_coroutine_threadsafe(opening, loop).result(10)
        url = f"tcp://127.0.0.1:{door.sockets[0].getsockname()[1]}"
        tls = TLSConfig(ca_cert=str(certificate), verify=True)
        with closing(docker.DockerClient(base_url=url, tls=tls)) as client:
            yield DockerEngine(client)
        loop.call_soon_threadsafe(door.close)


@contextmanager
def in_a_thread() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in a thread. Its remaining tasks are cancelled at the end."""

    async def wait() -> None:
        ready.set_result((asyncio.get_running_loop(), stopped := asyncio.Event()))
        await stopped.wait()

    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(wait()))
    thread.start()
    loop, stopped = ready.result(10)
    yield loop
    loop.call_soon_threadsafe(stopped.set)
    thread.join(10)


async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Forward one connection to the engine's own socket, in both directions."""
    engine_reader, engine_writer = await asyncio.open_unix_connection(ENGINE)
    there = asyncio.create_task(pump(reader, engine_writer))
    await pump(engine_reader, writer)
    await there


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(1 << 16):
            writer.write(piece)
            await writer.drain()
    writer.close()


@pytest.mark.engine
def test_over_tls_the_outputs_and_the_exit_code_are_complete(
    over_tls: DockerEngine, container: str
) -> None:
    told = Told()
    script = "head -c 3000000 /dev/zero; echo oh >&2; exit 6"
    assert over_tls.converse(container, ["sh", "-c", script], told.streams()) == 6
    assert told.both == (bytes(3_000_000), b"oh\n")


@pytest.mark.engine
def test_over_tls_input_is_refused_before_a_part_is_sent(
    over_tls: DockerEngine, container: str, tmp_path: Path
) -> None:
    script = tmp_path / "script"
    script.write_text("select 1")
    with script.open("rb") as given, pytest.raises(EngineError, match="over TLS"):
        over_tls.converse(container, ["cat"], Told().streams(source=given.fileno()))


@pytest.mark.engine
def test_over_tls_a_terminal_accepts_input(over_tls: DockerEngine, container: str) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"stty size; exit 4\n")
    told = Told()

    class Terminal:
        @contextmanager
        def lent(self, resize: Callable[[int, int], None]) -> Iterator[None]:
            resize(30, 90)
            yield

    streams = told.streams(source=reading, terminal=Terminal())
    assert over_tls.converse(container, ["sh"], streams) == 4
    os.close(reading)
    os.close(writing)
    assert b"30 90\r\n" in told.both[0]
    assert told.stderr == []
