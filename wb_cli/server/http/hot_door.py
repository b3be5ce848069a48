"""The way of a warm request: from the path to the entry in L1, without a question to PostgreSQL.

Whatever is not plainly such a request goes on to the application.
"""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from wb_cli.server.http.representation import Asked, represent
from wb_cli.server.results.bus import VersionBus
from wb_cli.server.results.caches import Caches

NAMES = {b"accept-encoding": 0, b"if-none-match": 1}
# A client that doubts what it gets asks past every memory (RFC 9111, 5.2.1.4).
ASKS_FOR_MORE = {b"cache-control": re.compile(b"no-(cache|store)"), b"if-match": re.compile(b"")}


class HotDoor:
    """Answers a GET whose address is known. The application answers everything else.

    Args:
        app: the application.
        bus: knows what addresses mean.
        caches: have the entries.
    """

    def __init__(self, app: ASGIApp, bus: VersionBus, caches: Caches) -> None:
        self._app = app
        self._bus = bus
        self._caches = caches

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] == "GET" and not scope["query_string"]:
            address = self._bus.addresses.find(scope["raw_path"])
            if address is not None and (asked := read_headers(scope)) is not None:
                key = address.key
                entry = self._caches[key.cache].peek(key.uniqueness, key.version)
                answer = None if entry is None else await represent(entry, asked)
                if answer is not None:
                    scope["endpoint"] = address.endpoint
                    self._bus.answers += 1
                    start = {"type": "http.response.start", "status": answer.status}
                    await send({**start, "headers": answer.headers})
                    await send({"type": "http.response.body", "body": answer.body})
                    return
        await self._app(scope, receive, send)


def read_headers(scope: Scope) -> Asked | None:
    """What the client says of the answer's form; None if it asks for more than a hot answer."""
    values = ["", ""]
    for name, value in scope["headers"]:
        place = NAMES.get(name)
        if place is not None:
            line = value.decode("latin-1")
            values[place] = f"{values[place]},{line}" if values[place] else line
        elif name in ASKS_FOR_MORE and ASKS_FOR_MORE[name].search(value):
            return None
    return Asked(*values)
