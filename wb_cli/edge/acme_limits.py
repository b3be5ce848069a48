"""How many certificates an ACME server gives out, and when the next one is possible. Pure.

Let's Encrypt counts with token buckets (https://letsencrypt.org/docs/rate-limits/, of June 12,
2025): 50 new certificates per registered domain in 7 days, one more every 202 minutes; 5 with the
same exact set of names in 7 days, one more every 34 hours; 5 failed validations of a name in an
hour, one more every 12 minutes. A renewal, with the same set of names, is not among the 50.
Removing or revoking a certificate gives nothing back.

wb counts what this host has. Other hosts below the same registered domain draw on the same 50.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.quantities import DAY_S, HOUR_S

if TYPE_CHECKING:
    from collections.abc import Iterable

WEEK_S = 7 * DAY_S
# Let's Encrypt dates a certificate an hour back, for clocks that are late.
BACKDATED_S = HOUR_S


class Limit(Struct, frozen=True):
    """A token bucket: so many at once, and as many again over ``window_s`` seconds."""

    count: int
    window_s: float

    @property
    def refill_s(self) -> float:
        """The seconds after which one more is possible."""
        return self.window_s / self.count


PER_NAMES = Limit(5, WEEK_S)
FAILURES = Limit(5, HOUR_S)


def limit_new(per_week: int) -> Limit | None:
    """Make the limit of new certificates a week. Zero means that there is none."""
    return Limit(per_week, WEEK_S) if per_week else None


class Bucket:
    """What is left of a limit after what was taken, at one moment."""

    def __init__(self, limit: Limit | None, taken: Iterable[float], now: float) -> None:
        self._limit, self._now = limit, now
        self._left = _count_left(limit, sorted(taken), now) if limit else 0.0

    def take(self) -> float:
        """Take one. Give the moment at which it is possible, which may be now.

        What is possible only later counts too, so that the next one is possible after it.
        """
        if not self._limit:
            return self._now
        self._left -= 1
        return self._now + max(-self._left, 0) * self._limit.refill_s


def _count_left(limit: Limit, taken: list[float], now: float) -> float:
    left, last = float(limit.count), now
    for moment in taken:
        left = min(limit.count, left + max(moment - last, 0) / limit.refill_s)
        left, last = max(left - 1, 0), moment
    return min(limit.count, left + max(now - last, 0) / limit.refill_s) if taken else left
