"""Lengths of time and numbers of bytes as short texts, for tables. Pure."""

from datetime import UTC, datetime

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
KIB = 1024


def describe_duration(seconds: float) -> str:
    """A length of time in the largest unit that fits twice: ``31s``, ``5m``, ``2h``."""
    for unit_s, unit in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "m")):
        if seconds >= 2 * unit_s:
            return f"{seconds // unit_s:.0f}{unit}"
    return f"{max(seconds, 0):.0f}s"


def describe_age(moment: str) -> str:
    """The time that has passed since an RFC 3339 time, by this machine's clock; empty for none."""
    if not moment:
        return ""
    return describe_duration((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())


def describe_size(count: float) -> str:
    """A number of bytes, in a unit that keeps the number short: ``65.0 KiB``."""
    for unit in ("B", "KiB", "MiB"):
        if count < KIB:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= KIB
    return f"{count:.1f} GiB"
