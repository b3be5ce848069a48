"""A two-tier cache: L1 in the process, L2 in Valkey, one load for any number of callers.

Versions decide. The caller says which thing it wants (*uniqueness*) and in which state (*version*).
An entry of any other version is a miss. Loaded data is encoded once. L1 holds these bytes, L2 keeps
them over a restart, and HTTP sends them.

L2 is optional at all times. It may be absent, lost, hung or full of rubbish: a request then waits
for one deadline at most, and it never fails because of L2.

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
    ...     link.start()  # connects in the background; nothing waits for it
    ...     l2.start()
    ...     ten = [reports.get_or_load("north", "2026-01-01", load_report) for _ in range(10)]
    ...     entry, *_ = await asyncio.gather(*ten)
    ...     print(entry.version, entry.value(), entry.body)
    ...     reports.clear("north")
    ...     await reports.close()
    ...     await l2.close()  # does the waiting writes, for two seconds at most
    ...     await link.close()
    >>>
    >>> asyncio.run(main())
    asking the database
    2026-01-01 {'rows': [1, 2, 3]} b'{"rows":[1,2,3]}'

A process has one `LocalTier`, one `ValkeyLink` and one `RemoteTier`, and a `Cache` for each kind of
thing. A `Cache` without an L2 lives in memory alone. A `CacheCollector` gives the numbers to
Prometheus' client library.
"""

from wb_cli.server.cache.entry import Encoding, Entry
from wb_cli.server.cache.errors import L2Error
from wb_cli.server.cache.flights import LoadAbandonedError, Loaded, Loader, LoadLoopError
from wb_cli.server.cache.histogram import Histogram
from wb_cli.server.cache.hydration import Hydration, Status
from wb_cli.server.cache.leases import Leases
from wb_cli.server.cache.local import LocalTier
from wb_cli.server.cache.lossless import UnfaithfulValueError
from wb_cli.server.cache.metrics import CacheCollector
from wb_cli.server.cache.remote import RemoteTier
from wb_cli.server.cache.tiered import Cache
from wb_cli.server.cache.usage import Usage
from wb_cli.server.cache.valkey import LinkState, Timing, ValkeyLink
from wb_cli.server.cache.write_behind import MAX_QUEUE_BYTES

__all__ = [
    "MAX_QUEUE_BYTES",
    "Cache",
    "CacheCollector",
    "Encoding",
    "Entry",
    "Histogram",
    "Hydration",
    "L2Error",
    "Leases",
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
    "Usage",
    "ValkeyLink",
]
