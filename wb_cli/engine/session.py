"""A command inside a container on streams of ours: bytes both ways in one loop, none waiting."""

from __future__ import annotations

import os
import select
import socket
import ssl
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from wb_cli.engine.client import docker_errors
from wb_cli.engine.sdk_internals import reader_of, response_of, socket_of
from wb_cli.errors import EngineError, WbError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.engine.base import Streams

CHUNK = 1 << 16
HEADER = struct.Struct(">BxxxL")
STDERR = 2
NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
# How the engine's end says that the command is over, or that it reads no more.
GONE = (BrokenPipeError, ConnectionResetError)


def converse(connection: Connection, streams: Streams) -> None:
    """Carry input to a command and output from it, until it has no more to say.

    Raises:
        EngineUnreachableError: the connection broke.
        EngineError: the input cannot be passed on.
        WbError: the input cannot be read.
    """
    speaker = _Speaker(connection, streams)
    listener = _Listener(streams)
    listener.hear(connection.head)
    while True:
        waiting = select.poll()
        waiting.register(connection, select.POLLIN | (select.POLLOUT if speaker.unsent else 0))
        if speaker.source is not None and not speaker.unsent:
            waiting.register(speaker.source, select.POLLIN)
        ready = dict(waiting.poll(0 if connection.has_more else None))
        if speaker.source in ready:
            speaker.read()
        events = ready.get(connection.fileno(), 0)
        if events & select.POLLOUT:
            speaker.send()
        if events & ~select.POLLOUT or connection.has_more:
            said = connection.read()
            if said == b"":
                return
            listener.hear(said or b"")


class _Speaker:
    """Input on its way: a piece is read when the one before is sent, and its end is passed on."""

    def __init__(self, connection: Connection, streams: Streams) -> None:
        self.source = streams.source
        self.unsent = b""
        self._connection = connection
        # On a terminal the input's end is a key, or is told by whoever reads.
        self._has_an_end = not streams.terminal

    def read(self) -> None:
        """Take the next piece, of which there is one."""
        if self.source is None:
            return
        try:
            self.unsent = os.read(self.source, CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            raise WbError(f"the input cannot be read: {error.strerror}") from error
        if not self.unsent:
            self.source = None
            self._connection.end_input()
        elif self._has_an_end and self._connection.is_tls:
            raise EngineError(
                "input cannot be passed on over TLS, as its end could not be told",
                "Run wb on the engine's machine; `< /dev/null` where no input is meant.",
            )
        else:
            self.send()

    def send(self) -> None:
        """Send what can be sent now; a command that reads no more may still have much to say."""
        try:
            self.unsent = self.unsent[self._connection.write(self.unsent) :]
        except GONE:
            self.source, self.unsent = None, b""


class _Listener:
    """Output on its way, piece by piece to the stream it belongs to."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._frames = _Frames()

    def hear(self, said: bytes) -> None:
        """Give on what was said; on a terminal all is one stream, without frames."""
        if self._streams.terminal:
            self._streams.on_stdout(said)
            return
        for stream, part in self._frames.parts(said):
            on_part = self._streams.on_stderr if stream == STDERR else self._streams.on_stdout
            on_part(part)


class _Frames:
    """What the engine sends, taken apart: a header, then so many bytes of one stream."""

    def __init__(self) -> None:
        self._header = b""
        self._stream = 0
        self._left = 0

    def parts(self, said: bytes) -> Iterator[tuple[int, bytes]]:
        """The parts of frames in what was said; a frame is not waited for until it is whole."""
        while said:
            if self._left:
                part, said = said[: self._left], said[self._left :]
                self._left -= len(part)
                yield self._stream, part
                continue
            missing = HEADER.size - len(self._header)
            self._header, said = self._header + said[:missing], said[missing:]
            if len(self._header) == HEADER.size:
                self._stream, self._left = HEADER.unpack(self._header)
                self._header = b""


class Connection:
    """The SDK's connection to a command that it started, from which nothing waits any more."""

    def __init__(self, started: Any) -> None:
        self._response = response_of(started)
        reader = reader_of(self._response)
        self._socket = socket_of(reader)
        self._socket.settimeout(0)
        self.head = b""
        # What came in one packet with the answer's headers is in the reader already.
        with suppress(*NOT_NOW):
            self.head = bytes(reader.peek())

    @property
    def has_more(self) -> bool:
        """Whether bytes were taken off the socket that nobody has read yet: TLS works in blocks."""
        return self.is_tls and self._socket.pending() > 0

    @property
    def is_tls(self) -> bool:
        """Whether neither side can end while the other goes on, in Python's TLS."""
        return isinstance(self._socket, ssl.SSLSocket)

    def fileno(self) -> int:
        """For poll."""
        return int(self._socket.fileno())

    def read(self) -> bytes | None:
        """What has come: nothing at the end, and ``None`` where nothing has come yet."""
        with docker_errors():
            try:
                return bytes(self._socket.recv(CHUNK))
            except NOT_NOW:
                return None
            except GONE:
                return b""

    def write(self, data: bytes) -> int:
        """Send what can be sent, and say how much that was. Raises what ``GONE`` names."""
        try:
            return int(self._socket.send(data))
        except NOT_NOW:
            return 0

    def end_input(self) -> None:
        """Tell the command that no more input comes."""
        if self.is_tls:
            return
        with suppress(OSError):  # it has ended
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Leave, whatever the command does."""
        self._response.close()
