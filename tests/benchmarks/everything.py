"""All benchmarks, one after another: one table, pictures, and whether a ratio got worse.

    PYTHONPATH=.:tests python tests/benchmarks/everything.py [NAME...] [--short] [--write]

Without names, all; half an hour on a quiet machine of two cores. ``--write`` puts what was measured
into the README, with its pictures; figures that were not measured now stay as they are.

``--short`` takes fewer rounds of some, and compares each ratio with its bound in ``bounds.json``. A
ratio may be worse than its bound by as much as it differs from round to round, or as two runs of
the same work differ on this machine, whichever is more. What is worse is measured twice more. It
fails if that was never better. ``--bounds`` writes the bounds anew: what was measured, and `SLACK`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from benchmarks import pictures, readme_figures
from benchmarks.measure import FIGURES, Point, Row, noise_of, read_figures

HERE = Path(__file__).parent
KEPT, BOUNDS = HERE / "figures.json", HERE / "bounds.json"
TRIES = 3
# A bound is worse than what was measured by such a share.
SLACK = 0.2


class Benchmark(NamedTuple):
    """A script, what it is given, and what it is given if the time is short. None: left out."""

    name: str
    words: tuple[str, ...] = ()
    short: tuple[str, ...] | None = None

    @property
    def script(self) -> Path:
        """Where it stands."""
        return HERE / f"bench_{self.name}.py"


ALL = (
    Benchmark("status", (), ("--rounds", "7")),
    Benchmark("lifecycle", (), ("--rounds", "3", "--first-rounds", "1")),
    Benchmark("fleet", ("--sizes", "1", "10", "20", "40", "--rounds", "1")),
    Benchmark("server", (), ("--seconds", "1", "--rounds", "5")),
    Benchmark("cache", (), ()),
    Benchmark("memory"),
    Benchmark("projects"),
    Benchmark("restart"),
    Benchmark("backup", ("--rounds", "5")),
)


class Found(NamedTuple):
    """What a benchmark told."""

    rows: list[Row]
    points: list[Point]


def run(benchmark: Benchmark, words: Sequence[str]) -> Found:
    """Run one in a process of its own. What it prints is shown."""
    print(f"\n{benchmark.name}", flush=True)
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        environ = os.environ | {FIGURES: file.name}
        done = subprocess.run(
            [sys.executable, str(benchmark.script), *words], env=environ, check=False
        )
        if done.returncode:
            sys.exit(f"{benchmark.script.name} ended with {done.returncode}")
        told = read_figures(Path(file.name))
    rows = [each for each in told if isinstance(each, Row)]
    return Found(rows, [each for each in told if isinstance(each, Point)])


def measure_noise(rounds: int = 60) -> float:
    """By how much two runs of the same work differ on this machine, as a share."""

    def work() -> float:
        began = time.perf_counter()
        json.loads(json.dumps(list(range(20_000))))
        return time.perf_counter() - began

    pairs = [(work(), work()) for _ in range(rounds)]
    ones, others = zip(*pairs, strict=True)
    ratios = [one / other for one, other in pairs]
    spread = statistics.quantiles(ratios, n=10)
    return max(noise_of(ones, others), (spread[-1] - spread[0]) / 2)


def read_bounds() -> dict[str, float]:
    """The worst ratio that each figure may have."""
    return dict(json.loads(BOUNDS.read_text())) if BOUNDS.exists() else {}


def bound_for(row: Row) -> float:
    """The bound of what was measured."""
    return round(row.ratio / (1 + SLACK) if row.faster else row.ratio * (1 + SLACK), 3)


def find_worse(rows: Sequence[Row], bounds: dict[str, float], noise: float) -> list[Row]:
    """The rows whose ratio is worse than its bound by more than the noise."""
    return [
        row
        for row in rows
        if row.name in bounds and row.is_worse_than(bounds[row.name], max(noise, row.noise))
    ]


def check(chosen: Sequence[Benchmark], noise: float) -> list[Row]:
    """Measure the short forms. Give what was worse than its bound in every try."""
    bounds, lost = read_bounds(), []
    print(f"two runs of the same work differ by {noise:.1%} here", flush=True)
    for benchmark in chosen:
        if benchmark.short is None:
            continue
        worse: list[Row] = []
        for number in range(TRIES):
            found = find_worse(run(benchmark, benchmark.short).rows, bounds, noise)
            names = {row.name for row in worse} if number else {row.name for row in found}
            worse = [row for row in found if row.name in names]
            if not worse:
                break
        lost += worse
    return lost


def keep(found: dict[str, Found]) -> None:
    """Keep the figures. Those of a benchmark stand for all that it told before."""
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for name, told in found.items():
        kept[name] = {
            "rows": [asdict(row) for row in told.rows],
            "points": [asdict(point) for point in told.points],
        }
    order = [each.name for each in ALL]
    in_order = {name: kept[name] for name in sorted(kept, key=order.index)}
    KEPT.write_text(json.dumps(in_order, indent=1) + "\n")


def read_kept() -> Iterator[tuple[str, Found]]:
    """The figures that are kept, by benchmark."""
    for name, told in json.loads(KEPT.read_text()).items():
        rows = [Row(**row) for row in told["rows"]]
        yield name, Found(rows, [Point(**point) for point in told["points"]])


def write_down(kept: dict[str, Found]) -> None:
    """Draw the pictures, and write the table into the README."""
    points = [point for found in kept.values() for point in found.points]
    pictures.draw_all(points)
    readme_figures.write({name: found.rows for name, found in kept.items()})


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", choices=[[], *(each.name for each in ALL)])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--bounds", action="store_true")
    options = parser.parse_args()
    chosen = [each for each in ALL if not options.names or each.name in options.names]
    if options.short and not options.bounds:
        worse = check(chosen, measure_noise())
        for row in worse:
            print(f"worse than its bound, in {TRIES} tries: {row}")
        sys.exit(1 if worse else 0)
    found = {
        each.name: run(each, (each.short if options.short else each.words) or ())
        for each in chosen
        if not (options.short and each.short is None)
    }
    if options.bounds:
        told = {row.name: bound_for(row) for each in found.values() for row in each.rows}
        BOUNDS.write_text(json.dumps(read_bounds() | told, indent=1) + "\n")
    if options.write:
        keep(found)
        write_down(dict(read_kept()))


if __name__ == "__main__":
    main()
