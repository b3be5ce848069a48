"""A connection whose requests are read by httptools, the parser of Node.js."""

import logging
import sys
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from wb_cli.server.process.watched import Received, Watched

# The parser has no limit of its own, and keeps a head until it is whole.
LONGEST_HEAD = 64 * 1024
# The client's faults that uvicorn finds while it takes a request from the parser.
OF_THE_CLIENT = (httptools.HttpParserError, UnicodeError)

log = logging.getLogger(__name__)


class HttpToolsConnection(Watched, HttpToolsProtocol):
    """Uvicorn's HTTP/1.1 connection over httptools, with deadlines and a limit of the head."""

    reads_with = "httptools"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._received = Received.NOTHING
        self._head_bytes = 0
        self._refusal: str | None = None  # waits for the answers to the requests before it

    @property
    def received(self) -> Received:
        """What has come of the request that is being read."""
        return self._received

    def data_received(self, data: bytes) -> None:
        """Some bytes of a request. Nothing is read any more after bytes that are no request."""
        if self._refusal is not None:
            return
        self._head_bytes += len(data)
        super().data_received(data)
        if self._received is not Received.PART_OF_HEAD:
            self._head_bytes = 0
        elif self._head_bytes > LONGEST_HEAD and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are no request. The parser hides a fault of ours; the log shows it.

        Requests before these bytes are answered first. Otherwise the client would take this answer
        for the answer to one of them.
        """
        if self.is_answering and self._received is not Received.HEAD:
            self._refusal = msg
            return
        error = sys.exc_info()[1]
        cause = error.__context__ if isinstance(error, httptools.HttpParserCallbackError) else None
        if cause is not None and not isinstance(cause, OF_THE_CLIENT):
            log.error("[Server] Could not take a request: %r", cause, exc_info=cause)
        super().send_400_response(msg)

    def on_response_complete(self) -> None:
        """The answer is written. A refusal that waited for it is next."""
        super().on_response_complete()
        if self._refusal is not None and not self.is_answering and not self.transport.is_closing():
            self.send_400_response(self._refusal)

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
