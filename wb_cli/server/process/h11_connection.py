"""A connection whose requests are read by h11, which needs no compiled part."""

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from wb_cli.server.process.watched import Received, Watched

RECEIVED_ALL = (h11.DONE, h11.MUST_CLOSE, h11.CLOSED, h11.ERROR)


class H11Connection(Watched, H11Protocol):
    """Uvicorn's HTTP/1.1 connection over h11, with deadlines."""

    reads_with = "h11"

    @property
    def received(self) -> Received:
        """What has come of the request that is being read."""
        state = self.conn.their_state
        if state in RECEIVED_ALL:
            return Received.ALL
        if state is h11.SEND_BODY:
            return Received.HEAD
        return Received.PART_OF_HEAD if self.conn.trailing_data[0] else Received.NOTHING
