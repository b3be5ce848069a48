"""A connection whose requests are read by httptools, the parser of Node.js."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from wb_cli.server.process.watched import Received, Watched

# The parser has no limit of its own, and keeps a head until it is whole.
LONGEST_HEAD = 64 * 1024


class HttpToolsConnection(Watched, HttpToolsProtocol):
    """Uvicorn's HTTP/1.1 connection over httptools, with deadlines and a limit of the head."""

    reads_with = "httptools"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._received = Received.NOTHING
        self._head_bytes = 0

    @property
    def received(self) -> Received:
        """What has come of the request that is being read."""
        return self._received

    def data_received(self, data: bytes) -> None:
        """Some bytes of a request."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._received is not Received.PART_OF_HEAD:
            self._head_bytes = 0
        elif self._head_bytes > LONGEST_HEAD and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._received = Received.PART_OF_HEAD
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The whole head of a request."""
        self._received = Received.HEAD
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The whole request."""
        self._received = Received.ALL
        super().on_message_complete()
