"""The encoding of loaded data. What takes long is done in a thread, so that the loop stays free."""

import asyncio

from wb_cli.server.cache.entry import Entry, encode, finish
from wb_cli.server.cache.flights import Loaded
from wb_cli.server.cache.lossless import is_large, to_json

# Larger JSON is checked and compressed in a thread. Long lists are encoded there, too.
THREAD_FROM_BYTES = 256 * 1024


async def encode_beside_the_loop(loaded: Loaded, fingerprint: str) -> Entry:
    """Make an entry of what a loader returned.

    Raises:
        UnfaithfulValueError: JSON would change the data.
    """
    if is_large(loaded.data):
        return await asyncio.to_thread(encode, loaded.data, loaded.version, fingerprint)
    encoded = to_json(loaded.data)
    arguments = loaded.data, encoded, loaded.version, fingerprint
    if len(encoded) < THREAD_FROM_BYTES:
        return finish(*arguments)
    return await asyncio.to_thread(finish, *arguments)
