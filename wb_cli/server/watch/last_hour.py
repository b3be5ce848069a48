"""The requests and the memory of the last hour, minute by minute, for those who ask how it was."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import pairwise
from statistics import fmean
from typing import Any, NamedTuple

from wb_cli.server.watch.memory import measure_resident
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


class Look(NamedTuple):
    """What each endpoint had answered at some moment, and the memory of the process in bytes."""

    answered: dict[str, Count]
    memory: int | None


@dataclass
class LastHour:
    """Looks at the counters once a minute, and keeps what they said in the last hour.

    What was counted before the platform was warm is left out: it was slower by that alone.
    """

    looks: deque[Look] = field(default_factory=lambda: deque(maxlen=KEPT + 1))

    def look(self, traffic: Traffic) -> None:
        """Close the current minute."""
        self.looks.append(Look(_count(traffic), measure_resident()))

    async def keep(self, traffic: Traffic, is_warm: Callable[[], bool]) -> None:
        """Look without end, from the first minute on in which all is warm."""
        while True:
            if is_warm():
                self.look(traffic)
            await asyncio.sleep(EVERY_S)

    def describe(self) -> list[dict[str, Any]]:
        """Describe each minute that is over, the oldest first. The memory is that at its end."""
        return [
            {
                "answered": {
                    name: vars(count - earlier.answered.get(name, Count()))
                    for name, count in later.answered.items()
                    if count != earlier.answered.get(name)
                },
                "memoryBytes": later.memory,
            }
            for earlier, later in pairwise(self.looks)
        ]


def add_up(hours: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Make one hour of those of several workers, each with the newest minute last.

    Answers are added up. The memory is the mean of the workers: one that began later, and does not
    know the minute, does not make it less.
    """
    oldest = max(map(len, hours))
    return [
        _add_up_minute([hour[-age] for hour in hours if len(hour) >= age])
        for age in range(oldest, 0, -1)
    ]


def _add_up_minute(minutes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    total: dict[str, Counter[str]] = {}
    for minute in minutes:
        for name, counted in minute["answered"].items():
            total.setdefault(name, Counter()).update(counted)
    known = [minute["memoryBytes"] for minute in minutes if minute["memoryBytes"] is not None]
    return {
        "answered": {name: dict(counts) for name, counts in total.items()},
        "memoryBytes": round(fmean(known)) if known else None,
    }


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
