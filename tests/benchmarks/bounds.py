"""The worst ratio that each figure may have, and what is worse than that by more than noise."""

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.measure import Row, noise_of

FILE = Path(__file__).with_name("bounds.json")
TRIES = 3
# A bound is worse than what was measured by such a share.
SLACK = 0.3


def read() -> dict[str, float]:
    """The bound of each figure that has one."""
    return dict(json.loads(FILE.read_text())) if FILE.exists() else {}


def write(rows: Sequence[Row]) -> None:
    """Write the bounds of these figures anew."""
    told = {row.name: bound_for(row) for row in rows}
    FILE.write_text(json.dumps(read() | told, indent=1) + "\n")


def bound_for(row: Row) -> float:
    """The bound that follows from what was measured."""
    return round(row.ratio / (1 + SLACK) if row.faster else row.ratio * (1 + SLACK), 3)


def find_worse(rows: Sequence[Row], bounds: Mapping[str, float], noise: float) -> list[Row]:
    """The rows whose ratio is worse than its bound by more than the noise."""
    return [
        row
        for row in rows
        if row.name in bounds and row.is_worse_than(bounds[row.name], max(noise, row.noise))
    ]


def find_always_worse(
    measure: Callable[[], Sequence[Row]], bounds: Mapping[str, float], noise: float
) -> list[Row]:
    """The rows that were worse in each of some tries. The first good one ends the tries."""
    worse = find_worse(measure(), bounds, noise)
    for _ in range(TRIES - 1):
        if not worse:
            break
        names = {row.name for row in worse}
        worse = [row for row in find_worse(measure(), bounds, noise) if row.name in names]
    return worse


def measure_noise(rounds: int = 60) -> float:
    """By how much two runs of the same work differ on this machine, as a share."""

    def work() -> float:
        began = time.perf_counter()
        json.loads(json.dumps(list(range(20_000))))
        return time.perf_counter() - began

    pairs = [(work(), work()) for _ in range(rounds)]
    ones, others = zip(*pairs, strict=True)
    tenths = statistics.quantiles([one / other for one, other in pairs], n=10)
    return max(noise_of(ones, others), (tenths[-1] - tenths[0]) / 2)
