"""Measure times in alternating rounds, so that other work on the machine affects both alike."""

import asyncio
import gc
import json
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

Work = Callable[[], Awaitable[object]]
ROUNDS = 9
# Where `make bench` wants the figures: a file with one line of JSON for each.
FIGURES = "WB_BENCH_FIGURES"


@dataclass(frozen=True)
class Row:
    """One figure: wb against a named peer in the same run.

    ``unit`` is that of both numbers: "s", "/s", "MiB", or "" for a mere number. ``faster`` says
    that the ratio shall be large. It is peer / ours for a time, and ours / peer for a rate.
    ``noise`` is by how much of itself the ratio differs from round to round (see `noise_of`).
    """

    name: str
    ours: float
    peer: float
    target: float | None = None
    faster: bool = False
    unit: str = "s"
    noise: float = 0.0

    @property
    def ratio(self) -> float:
        """The number that is compared with the target."""
        inverse = self.faster and not self.is_rate
        return self.peer / self.ours if inverse else self.ours / self.peer

    @property
    def is_rate(self) -> bool:
        """Whether more is better."""
        return self.unit.startswith("/")

    @property
    def is_met(self) -> bool:
        """Whether the target is reached. Without one it is."""
        return self.target is None or not self.is_worse_than(self.target)

    def is_worse_than(self, bound: float, by: float = 0.0) -> bool:
        """Whether the ratio is worse than a bound, by more than such a share of it."""
        if self.faster:
            return self.ratio < bound * (1 - by)
        return self.ratio > bound * (1 + by)

    @property
    def bound(self) -> str:
        """The target in words."""
        if self.target is None:
            return ""
        return f"{'>=' if self.faster else '<='} {self.target:g}"

    def __str__(self) -> str:
        verdict = "" if self.target is None else "met" if self.is_met else "MISSED"
        values = f"{in_words(self.ours, self.unit):>9} {in_words(self.peer, self.unit):>9}"
        return f"{self.name:<58} {values} {self.ratio:>7.2f} {self.bound:>8}  {verdict}".rstrip()


HEADER = f"{'':<58} {'ours':>9} {'peer':>9} {'ratio':>7} {'target':>8}"


@dataclass(frozen=True)
class Point:
    """One point of a picture: what a line costs at some size."""

    picture: str
    line: str
    at: float
    value: float


def tell(figure: Row | Point) -> None:
    """Print a figure, and note it where `make bench` wants it. A point is only noted."""
    if isinstance(figure, Row):
        print(figure, flush=True)
    if file := os.environ.get(FIGURES):
        kind = type(figure).__name__.lower()
        with Path(file).open("a") as noted:
            noted.write(json.dumps({"kind": kind} | asdict(figure)) + "\n")


def read_figures(file: Path) -> list[Row | Point]:
    """Read what was told."""
    kinds: dict[str, Callable[..., Row | Point]] = {"row": Row, "point": Point}
    told: list[dict[str, Any]] = [json.loads(line) for line in file.read_text().splitlines()]
    return [kinds[each.pop("kind")](**each) for each in told]


def noise_of(ours: Sequence[float], peer: Sequence[float]) -> float:
    """By how much the median of a ratio may differ by chance, as a share of it.

    Both took turns, so each round has its own ratio. The half width of the notch of a box plot,
    1.57 times the range between the quartiles by the root of the number of rounds, is some 95 % of
    the chance differences of a median (McGill, Tukey and Larsen: Variations of Box Plots, 1978).
    """
    ratios = [one / other for one, other in zip(ours, peer, strict=True)]
    if len(ratios) < 3:
        return 1.0
    low, middle, high = statistics.quantiles(ratios, n=4)
    return 1.57 * (high - low) / len(ratios) ** 0.5 / middle


def in_words(value: float, unit: str = "s") -> str:
    """A number with its unit."""
    if unit == "s":
        return seconds(value)
    return f"{value:,.0f}{unit}" if unit.startswith("/") else f"{value:.3g} {unit}".rstrip()


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
