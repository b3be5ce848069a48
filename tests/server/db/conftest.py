"""Addresses and databases of a test module's own on the shared PostgreSQL."""

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from services import wait_until

from wb_cli.server.db.address import Address


def parse(url: str) -> Address:
    parts = urlsplit(url)
    return Address(
        parts.hostname or "", parts.port or 0, parts.password or "", parts.username or ""
    )


@pytest.fixture(scope="session")
def address_of() -> Callable[[str], Address]:
    return parse


@pytest.fixture(scope="session")
def address(postgres_url: str) -> Address:
    return parse(postgres_url)


@pytest.fixture(scope="session")
def eventually() -> Callable:
    async def poll(is_true: Callable[[], bool], what: str, within: float = 20) -> None:
        # The tests' own wait, in a thread, so that the event loop goes on.
        await asyncio.to_thread(wait_until, is_true, what, within)

    return poll
