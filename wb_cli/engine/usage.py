"""What a container uses of its machine, as the engine tells it. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

NANOSECOND = 1e-9


class Usage(Struct, frozen=True):
    """What a container has used up to a moment (``at``, in seconds since the epoch).

    ``cpu_s`` are seconds of one processor. ``memory`` is in bytes, without what the kernel would
    give back at once. ``received`` and ``sent`` are the bytes of all its networks.
    """

    at: float
    cpu_s: float
    memory: int
    memory_limit: int
    received: int
    sent: int


def read_usage(document: Mapping[str, Any]) -> Usage | None:
    """Read the engine's statistics of a container; ``None`` if it does not run."""
    memory = document.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    details = memory.get("stats") or {}
    # The word of cgroup v2, and that of v1. `docker stats` subtracts the same.
    unused = details.get("inactive_file", details.get("total_inactive_file", 0))
    networks = (document.get("networks") or {}).values()
    return Usage(
        at=datetime.fromisoformat(document["read"]).timestamp(),
        cpu_s=document["cpu_stats"]["cpu_usage"]["total_usage"] * NANOSECOND,
        memory=max(memory["usage"] - unused, 0),
        memory_limit=memory.get("limit", 0),
        received=sum(network["rx_bytes"] for network in networks),
        sent=sum(network["tx_bytes"] for network in networks),
    )
