"""Carry the input and the output of a command inside a container, in one loop without waiting."""

from __future__ import annotations

import os
import select
import socket
import ssl
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from wb_cli.engine.docker.client import docker_errors
from wb_cli.engine.docker.sdk_internals import get_reader, get_response, get_socket
from wb_cli.errors import EngineError, WbError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.engine.base import Streams

CHUNK = 1 << 16
HEADER = struct.Struct(">BxxxL")
STDERR = 2
NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
# The errors at this end if the command has ended, or reads no more input.
GONE = (BrokenPipeError, ConnectionResetError)


def converse(connection: Connection, streams: Streams) -> None:
    """Carry input to a command and output from it, until its output ends.

    Raises:
        EngineUnreachableError: the connection broke.
        EngineError: the input cannot be passed on.
        WbError: the input cannot be read.
    """
    sender = _Sender(connection, streams)
    receiver = _Receiver(streams)
    receiver.receive(connection.head)
    while True:
        waiting = select.poll()
        waiting.register(connection, select.POLLIN | (select.POLLOUT if sender.unsent else 0))
        if sender.source is not None and not sender.unsent:
            waiting.register(sender.source, select.POLLIN)
        ready = dict(waiting.poll(0 if connection.has_more else None))
        if sender.source in ready:
            sender.read()
        events = ready.get(connection.fileno(), 0)
        if events & select.POLLOUT:
            sender.send()
        if events & ~select.POLLOUT or connection.has_more:
            data = connection.read()
            if data == b"":
                return
            receiver.receive(data or b"")


class _Sender:
    """Sends the input. It reads a piece when the piece before is sent, and passes on the end."""

    def __init__(self, connection: Connection, streams: Streams) -> None:
        self.source = streams.source
        self.unsent = b""
        self._connection = connection
        # On a terminal a key ends the input, so the connection stays open.
        self._has_an_end = not streams.terminal

    def read(self) -> None:
        """Read the next piece of the input, and send it."""
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
        """Send as much as possible now. A command that reads no more may still write output."""
        try:
            self.unsent = self.unsent[self._connection.write(self.unsent) :]
        except GONE:
            self.source, self.unsent = None, b""


class _Receiver:
    """Receives the output, and passes each piece to its stream."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._frames = Frames()

    def receive(self, data: bytes) -> None:
        """Pass the data to the streams. With a terminal there is one stream, without frames."""
        if self._streams.terminal:
            self._streams.on_stdout(data)
            return
        for stream, piece in self._frames.split(data):
            on_piece = self._streams.on_stderr if stream == STDERR else self._streams.on_stdout
            on_piece(piece)


class Frames:
    """Splits the engine's frames. A frame is a header, and then the bytes of one stream."""

    def __init__(self) -> None:
        self._header = b""
        self._stream = 0
        self._left = 0

    def split(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Split data into pieces, each with its stream. A piece may be a part of a frame."""
        while data:
            if self._left:
                piece, data = data[: self._left], data[self._left :]
                self._left -= len(piece)
                yield self._stream, piece
                continue
            missing = HEADER.size - len(self._header)
            self._header, data = self._header + data[:missing], data[missing:]
            if len(self._header) == HEADER.size:
                self._stream, self._left = HEADER.unpack(self._header)
                self._header = b""


class Connection:
    """The socket of a started command, taken from the SDK and made non-blocking."""

    def __init__(self, started: Any) -> None:
        self._response = get_response(started)
        reader = get_reader(self._response)
        self._socket = get_socket(reader)
        self._socket.settimeout(0)
        self.head = b""
        # The reader already has the data that came in one packet with the headers of the response.
        with suppress(*NOT_NOW):
            self.head = bytes(reader.peek())

    @property
    def has_more(self) -> bool:
        """Whether TLS has read data from the socket that this object has not read yet."""
        return self.is_tls and self._socket.pending() > 0

    @property
    def is_tls(self) -> bool:
        """Whether it uses TLS. Python cannot close one direction of a TLS connection."""
        return isinstance(self._socket, ssl.SSLSocket)

    def fileno(self) -> int:
        """The file descriptor, for ``poll``."""
        return int(self._socket.fileno())

    def read(self) -> bytes | None:
        """Read the data that has come; ``None`` if there is none yet, ``b""`` at the end."""
        with docker_errors():
            try:
                return bytes(self._socket.recv(CHUNK))
            except NOT_NOW:
                return None
            except GONE:
                return b""

    def write(self, data: bytes) -> int:
        """Send as much as possible, and return the number of bytes. May raise ``GONE``."""
        try:
            return int(self._socket.send(data))
        except NOT_NOW:
            return 0

    def end_input(self) -> None:
        """Tell the command that no more input comes."""
        if self.is_tls:
            return
        with suppress(OSError):  # the command may have ended
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close the connection, even if the command still runs."""
        self._response.close()
