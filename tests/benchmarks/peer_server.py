"""What the platform server is measured against: small handlers on the same listener.

    python tests/benchmarks/peer_server.py PORT BYTES POSTGRES_URL VALKEY_URL

``/minimal`` answers so many bytes, with nothing but Starlette; ``/select`` asks PostgreSQL ``SELECT
1`` before, over a pool; ``/cashews`` asks cashews' two layers, its memory above Valkey, for the
bytes, and whether they are still right it does not ask. All run on the platform's own `Listener`,
so that the door is the same.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import asyncpg
import cashews
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from wb_cli.server.process.listener import Listener, bind
from wb_cli.server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from http import HTTPStatus

    from starlette.requests import Request


class Application:
    """Starlette as the listener sees it."""

    def __init__(self, app: Starlette) -> None:
        self.is_over_cap: Callable[[], bool] = lambda: False
        self._app = app

    def refused(self, status: HTTPStatus) -> None:
        """Count nothing."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        await self._app(scope, receive, send)


async def serve(port: int, size: int, postgres_url: str, valkey_url: str) -> None:
    """Serve until killed."""
    body = b"x" * size
    layers = cashews.Cache()
    layers.setup(valkey_url, client_side=True)
    async with asyncpg.create_pool(postgres_url, min_size=4) as pool:

        def answer(found: bytes) -> Response:
            return Response(found, media_type="application/json")

        async def load() -> bytes:
            return body

        load_once: Callable[[], Awaitable[bytes]] = layers(ttl="1h", key="items")(load)

        async def minimal(_: Request) -> Response:
            return answer(body)

        async def select(_: Request) -> Response:
            async with pool.acquire() as connection:
                await connection.fetchval("SELECT 1")
            return answer(body)

        async def cached(_: Request) -> Response:
            return answer(await load_once())

        handlers = {"/minimal": minimal, "/select": select, "/cashews": cached}
        app = Starlette(routes=[Route(path, handler) for path, handler in handlers.items()])
        listening = bind(Settings(host="127.0.0.1", port=port))
        await Listener(Application(app)).serve([listening])


if __name__ == "__main__":
    own_port, body_size, *urls = sys.argv[1:]
    asyncio.run(serve(int(own_port), int(body_size), *urls))
