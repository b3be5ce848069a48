"""The requests of the last hour, minute by minute, for those who ask how it was before."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import pairwise
from typing import Any

from wb_cli.server.watch.traffic import Traffic

EVERY_S = 60.0
KEPT = 60


@dataclass(frozen=True)
class Count:
    """What an endpoint had answered at some moment: requests, failed ones, durations."""

    requests: int = 0
    errors: int = 0
    answers: int = 0
    seconds: float = 0.0

    def __sub__(self, earlier: "Count") -> "Count":
        """What came after an earlier count."""
        return Count(
            self.requests - earlier.requests,
            self.errors - earlier.errors,
            self.answers - earlier.answers,
            self.seconds - earlier.seconds,
        )


@dataclass
class LastHour:
    """Looks at the counters once a minute, and keeps what they said in the last hour.

    What was counted before the platform was warm is left out: it was slower by that alone.
    """

    looks: deque[dict[str, Count]] = field(default_factory=lambda: deque(maxlen=KEPT + 1))

    def look(self, traffic: Traffic) -> None:
        """Close the current minute."""
        self.looks.append(_count(traffic))

    async def keep(self, traffic: Traffic, is_warm: Callable[[], bool]) -> None:
        """Look without end, from the first minute on in which all is warm."""
        while True:
            if is_warm():
                self.look(traffic)
            await asyncio.sleep(EVERY_S)

    def describe(self) -> list[dict[str, Any]]:
        """Describe each minute that is over, the oldest first, by endpoint."""
        return [
            {
                name: vars(count - earlier.get(name, Count()))
                for name, count in later.items()
                if count != earlier.get(name)
            }
            for earlier, later in pairwise(self.looks)
        ]


def add_up(hours: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Add up the described minutes of several workers, each with the newest minute last."""
    minutes: list[dict[str, Any]] = []
    for age in range(max(map(len, hours)), 0, -1):
        total: dict[str, Counter[str]] = {}
        for hour in hours:
            for name, counted in hour[-age].items() if len(hour) >= age else ():
                total.setdefault(name, Counter()).update(counted)
        minutes.append({name: dict(counts) for name, counts in total.items()})
    return minutes


def _count(traffic: Traffic) -> dict[str, Count]:
    counted: dict[str, Count] = {}
    for (endpoint, status), count in traffic.requests.items():
        failed = count if status >= HTTPStatus.INTERNAL_SERVER_ERROR else 0
        before = counted.get(endpoint, Count())
        counted[endpoint] = Count(before.requests + count, before.errors + failed)
    for endpoint, histogram in traffic.durations.items():
        so_far = counted.get(endpoint, Count())
        counted[endpoint] = Count(
            so_far.requests, so_far.errors, histogram.count, histogram.total_s
        )
    return counted
