"""Measure times in alternating rounds, so that other work on the machine affects both alike."""

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

Work = Callable[[], Awaitable[object]]
ROUNDS = 9


@dataclass(frozen=True)
class Row:
    """One measured target: wb against the peer in the same run."""

    name: str
    ours: float
    peer: float
    target: float
    faster: bool = False  # the ratio is peer / ours, and the target a least one

    @property
    def ratio(self) -> float:
        """The number that is compared with the target."""
        return self.peer / self.ours if self.faster else self.ours / self.peer

    @property
    def is_met(self) -> bool:
        """Whether the target is reached."""
        return self.ratio >= self.target if self.faster else self.ratio <= self.target

    def __str__(self) -> str:
        bound = f"{'>=' if self.faster else '<='} {self.target:g}"
        verdict = "met" if self.is_met else "MISSED"
        times = f"{seconds(self.ours):>9} {seconds(self.peer):>9}"
        return f"{self.name:<58} {times} {self.ratio:>7.2f} {bound:>8}  {verdict}"


HEADER = f"{'':<58} {'ours':>9} {'peer':>9} {'ratio':>7} {'target':>8}"


def seconds(value: float) -> str:
    """A time with a suitable unit."""
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if value * factor >= 1:
            return f"{value * factor:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


async def medians(
    *works: Work, rounds: int = ROUNDS, middle: Callable[[list[float]], float] = statistics.median
) -> list[float]:
    """Run the works in turn. Return the median (or another ``middle``) of each one's seconds."""
    times: list[list[float]] = [[] for _ in works]
    for work in works:
        await work()
    for _ in range(rounds):
        for work, taken in zip(works, times, strict=True):
            gc.collect()
            started = time.perf_counter()
            await work()
            taken.append(time.perf_counter() - started)
    return [middle(taken) for taken in times]


def repeated(work: Work, count: int) -> Work:
    """Do the work a number of times, one after another."""

    async def run() -> None:
        for _ in range(count):
            await work()

    return run


class LoopLag:
    """The longest time that the event loop kept a timer waiting."""

    def __init__(self) -> None:
        self.worst = 0.0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _watch(self) -> None:
        while True:
            due = time.perf_counter() + 0.001
            await asyncio.sleep(0.001)
            self.worst = max(self.worst, time.perf_counter() - due)
