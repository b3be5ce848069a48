"""The fields that say when an instance may be upgraded: its hours and its time zone."""

from __future__ import annotations

import re
from typing import Any

HOURS = re.compile(r"([01]?\d|2[0-3])(?::([0-5]\d))?-([01]?\d|2[0-3])(?::([0-5]\d))?")
HOURS_ALLOWED = "as in 22-5 or 21:30-04:00"
ZONE_ALLOWED = "a name of the time zone database, as in Africa/Bamako"


def parse_hours_field(value: Any) -> str:
    """Accept hours such as ``22-5``. Raises ``ValueError`` that says what is allowed."""
    parse_deploy_hours(value if isinstance(value, str) else "")
    return str(value)


def parse_deploy_hours(text: str) -> tuple[int, int]:
    """Read the first and the last minute of the day. The last one is outside.

    Raises:
        ValueError: the text is no such hours, or they have no length.
    """
    found = HOURS.fullmatch(text.strip())
    if not found:
        raise ValueError(HOURS_ALLOWED)
    first, last = (int(found[n]) * 60 + int(found[n + 1] or 0) for n in (1, 3))
    if first == last:
        raise ValueError(f"{HOURS_ALLOWED}; these begin when they end")
    return first, last


def parse_zone_field(value: Any) -> str:
    """Accept the name of a time zone. Raises ``ValueError`` that says what is allowed."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(value).key if isinstance(value, str) and value else _refuse()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _refuse()


def _refuse() -> str:
    raise ValueError(ZONE_ALLOWED)
