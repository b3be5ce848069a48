"""One process and its L2, for each test that asks for them."""

from collections.abc import AsyncIterator

import pytest
from server.cache.one_process import Process
from server.cache.stores import MemoryStore


@pytest.fixture
async def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def process(store: MemoryStore) -> AsyncIterator[Process]:
    made = Process(store)
    yield made
    store.gate = None
    await made.end()
