"""The parent's ends of the workers' lines: what one worker says to another is carried on."""

import selectors
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field

from wb_cli.server.process.siblings import alive_line

# A worker that reads nothing loses what is sent to it beyond this. Who asked it waits in vain.
MOST_UNREAD_BYTES = 16 * 1024 * 1024
READ_BYTES = 256 * 1024


@dataclass(eq=False)
class Line:
    """The parent's end of a worker's line."""

    end: socket.socket
    received: bytearray = field(default_factory=bytearray)
    unsent: bytearray = field(default_factory=bytearray)
    is_cut: bool = False


class Switchboard:
    """Carries whole lines between the workers, and never waits for one of them.

    Args:
        selector: tells when a line can be read or written. Its data are functions of the events.
    """

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._lines: dict[int, Line] = {}

    def add(self, number: int, end: socket.socket) -> None:
        """Carry what a worker says, from now on."""
        end.settimeout(0)
        line = self._lines[number] = Line(end)

        def on_ready(events: int) -> None:
            try:
                if events & selectors.EVENT_READ:
                    self._read(line)
                if events & selectors.EVENT_WRITE and not line.is_cut:
                    self._write(line)
            except OSError:
                self._cut(line)

        self._selector.register(end, selectors.EVENT_READ, on_ready)

    def remove(self, number: int) -> None:
        """Forget a worker that has ended."""
        line = self._lines.pop(number)
        self._cut(line)
        line.end.close()

    def tell_who_is_alive(self, numbers: Iterable[int]) -> None:
        """Tell all workers which of them there are."""
        told = alive_line(numbers)
        for line in self._lines.values():
            self._send(line, told)

    def close(self) -> None:
        """Close all ends in this process."""
        for line in self._lines.values():
            line.end.close()

    def _read(self, line: Line) -> None:
        """Carry whole messages on. Each begins with the number of the worker that it is for."""
        received = line.end.recv(READ_BYTES)
        if not received:
            self._cut(line)
            return
        line.received += received
        *messages, rest = line.received.split(b"\n")
        line.received = bytearray(rest)
        for message in messages:
            number, _, text = message.partition(b" ")
            if addressee := self._lines.get(int(number)):
                self._send(addressee, bytes(text) + b"\n")

    def _send(self, line: Line, message: bytes) -> None:
        if not line.is_cut and len(line.unsent) + len(message) <= MOST_UNREAD_BYTES:
            line.unsent += message
            self._wait_for(line, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def _write(self, line: Line) -> None:
        sent = line.end.send(line.unsent)
        del line.unsent[:sent]
        if not line.unsent:
            self._wait_for(line, selectors.EVENT_READ)

    def _wait_for(self, line: Line, events: int) -> None:
        on_ready = self._selector.get_key(line.end).data
        self._selector.modify(line.end, events, on_ready)

    def _cut(self, line: Line) -> None:
        """Carry nothing any more for a worker that ends just now."""
        if not line.is_cut:
            line.is_cut = True
            self._selector.unregister(line.end)
