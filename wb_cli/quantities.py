"""Lengths of time and numbers of bytes, as short as a table needs them. Pure."""

from datetime import UTC, datetime

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
KIB = 1024


def age(seconds: float) -> str:
    """A length of time in one unit, of which there are at least two: ``31s``, ``5m``, ``2h``."""
    for unit_s, unit in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "m")):
        if seconds >= 2 * unit_s:
            return f"{seconds // unit_s:.0f}{unit}"
    return f"{max(seconds, 0):.0f}s"


def since(moment: str) -> str:
    """How long ago an RFC 3339 time was, by this machine's clock; empty where there is none."""
    if not moment:
        return ""
    return age((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())


def size(count: float) -> str:
    """Bytes, in a unit that keeps the number short: ``65.0 KiB``."""
    for unit in ("B", "KiB", "MiB"):
        if count < KIB:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= KIB
    return f"{count:.1f} GiB"
