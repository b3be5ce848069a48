"""Lengths of time, numbers of bytes, and long lists as short texts. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
KIB = 1024
NAMES_SHOWN = 5


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


def describe_moment(moment: float) -> str:
    """A moment in seconds since the epoch, in this machine's time: ``2027-02-24 09:30``."""
    return f"{datetime.fromtimestamp(moment).astimezone():%Y-%m-%d %H:%M}"


def describe_day(moment: float) -> str:
    """The day of a moment in seconds since the epoch, in this machine's time: ``2027-02-24``."""
    return f"{datetime.fromtimestamp(moment).astimezone():%Y-%m-%d}"


def write_now() -> str:
    """This moment as RFC 3339, in UTC and to the second: ``2027-02-24T09:30:00Z``."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def write_moment(moment: float) -> str:
    """A moment in seconds since the epoch as RFC 3339, for ``--json``."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def describe_size(count: float) -> str:
    """A number of bytes, in a unit that keeps the number short: ``65.0 KiB``."""
    for unit in ("B", "KiB", "MiB"):
        if count < KIB:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= KIB
    return f"{count:.1f} GiB"


def shorten_list(names: Sequence[str], at_most: int = NAMES_SHOWN, separator: str = ", ") -> str:
    """The first few names, and how many more there are."""
    others = len(names) - at_most
    shown = separator.join(names[:at_most])
    return f"{shown} and {others} more" if others > 0 else shown
