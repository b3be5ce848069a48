"""A listener with either parser."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from server.process.serving import WITHIN_S, Serve, Serving

from wb_cli.server.process import listener
from wb_cli.server.process.h11_connection import H11Connection
from wb_cli.server.process.httptools_connection import HttpToolsConnection
from wb_cli.server.process.listener import ConnectionLimits


@pytest.fixture(params=[H11Connection, HttpToolsConnection])
def serving(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Serve with either parser."""
    monkeypatch.setattr(listener, "DATE_CHANGES_EVERY_S", 0.005)

    @asynccontextmanager
    async def serve(limits: ConnectionLimits) -> AsyncIterator[Serving]:
        made = Serving(limits, request.param)
        task = asyncio.create_task(made.listener.serve([made.socket]))
        await made.until(lambda: made.listener.started)
        yield made
        await made.end()
        await asyncio.wait_for(task, WITHIN_S)

    return serve
