"""What a load returns: data, and the version of exactly this data."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

# 20,000 rows of five columns take 50 ms. In a thread they delay the loop by 8 ms.
IN_A_THREAD_FROM_ROWS = 1000


@dataclass(frozen=True, slots=True)
class VersionedData:
    """Data and its version, from one snapshot.

    ``version`` is None if there is no settled version: a run is writing this data, or its module
    has not run yet. Such data may be shown, but must not be stored.
    """

    data: dict[str, Any]
    version: str | None


async def plain_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Records as values that JSON carries without loss. Many records are made in a thread."""
    if len(rows) < IN_A_THREAD_FROM_ROWS:
        return _plain_rows(rows)
    return await asyncio.to_thread(_plain_rows, rows)


def _plain_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    made = [dict(row) for row in rows]
    for name in made[0] if made else ():
        # A column has one type, so in most columns no value needs a look.
        known = next((row[name] for row in made if row[name] is not None), None)
        if isinstance(known, float | Decimal | date):
            for row in made:
                row[name] = plain(row[name])
    return made


def plain(value: Any) -> Any:
    """One value as JSON carries it without loss. NaN and infinity become null."""
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value.isoformat() if isinstance(value, date) else value
