"""A two-tier cache: L1 in the process, L2 in Valkey, one load for any number of callers.

Versions decide. Who asks says which thing (*uniqueness*) in which state (*version*); an entry of
any other version is a miss. What is loaded is encoded once, and those bytes are what L1 holds, what
L2 keeps over a restart, and what goes out over HTTP.

L2 is optional at every moment. Absent, lost, hung or full of rubbish, it costs a request one
deadline at most, and never an error.

    >>> import asyncio
    >>> from wb_cli.server.cache import Cache, Loaded, LocalTier, RemoteTier, ValkeyLink
    >>>
    >>> async def load_report():
    ...     print("asking the database")
    ...     return Loaded({"rows": [1, 2, 3]}, version="2026-01-01")
    >>>
    >>> async def main():
    ...     link = ValkeyLink("redis://localhost:6379")
    ...     l2 = RemoteTier(link)
    ...     reports = Cache("reports", LocalTier(max_bytes=64_000_000), l2, fingerprint="1.0")
    ...     link.start()  # connects behind the scenes; nothing waits for it
    ...     l2.start()
    ...     ten = [reports.get_or_load("north", "2026-01-01", load_report) for _ in range(10)]
    ...     entry, *_ = await asyncio.gather(*ten)
    ...     print(entry.version, entry.value(), entry.body)
    ...     reports.clear("north")
    ...     await reports.close()
    ...     await l2.close()  # writes what waits to be written, for two seconds at most
    ...     await link.close()
    >>>
    >>> asyncio.run(main())
    asking the database
    2026-01-01 {'rows': [1, 2, 3]} b'{"rows":[1,2,3]}'

Wiring: one `LocalTier`, `ValkeyLink` and `RemoteTier` per process, a `Cache` per kind of thing; a
`Cache` without an L2 lives in memory alone. A `CacheCollector` gives
Prometheus' client library the numbers.
"""

from wb_cli.server.cache.entry import Encoding, Entry
from wb_cli.server.cache.flights import LoadAbandonedError, Loaded, Loader, LoadLoopError
from wb_cli.server.cache.histogram import Histogram
from wb_cli.server.cache.hydration import Hydration, Status
from wb_cli.server.cache.local import LocalTier
from wb_cli.server.cache.lossless import UnfaithfulValueError
from wb_cli.server.cache.metrics import CacheCollector
from wb_cli.server.cache.remote import RemoteTier
from wb_cli.server.cache.tiered import Cache
from wb_cli.server.cache.valkey import LinkState, Timing, ValkeyLink

__all__ = [
    "Cache",
    "CacheCollector",
    "Encoding",
    "Entry",
    "Histogram",
    "Hydration",
    "LinkState",
    "LoadAbandonedError",
    "LoadLoopError",
    "Loaded",
    "Loader",
    "LocalTier",
    "RemoteTier",
    "Status",
    "Timing",
    "UnfaithfulValueError",
    "ValkeyLink",
]
