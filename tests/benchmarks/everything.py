"""All benchmarks, one after another: one table, pictures, and whether a ratio got worse.

    PYTHONPATH=.:tests python tests/benchmarks/everything.py [NAME...] [--short] [--write]

Without names, all; half an hour on a quiet machine of two cores. ``--write`` puts what was measured
into the README, with its pictures; figures that were not measured now stay as they are.

``--short`` takes fewer rounds of some, and compares each ratio with its bound in ``bounds.json``. A
ratio may be worse than its bound by as much as it differs from round to round, or as two runs of
the same work differ on this machine, whichever is more. What is worse is measured twice more. It
fails if that was never better. ``--bounds`` writes the bounds anew, from what was measured.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks import bounds, pictures, readme_figures
from benchmarks.measure import FIGURES, Point, Row, read_figures

HERE = Path(__file__).parent
KEPT = HERE / "figures.json"


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
    Benchmark("cold_start"),
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


def check(chosen: Sequence[Benchmark]) -> list[Row]:
    """Measure the short forms. Give what was worse than its bound in every try."""
    known, noise = bounds.read(), bounds.measure_noise()
    print(f"two runs of the same work differ by {noise:.1%} here", flush=True)
    worse: list[Row] = []
    for benchmark in chosen:
        if (words := benchmark.short) is not None:
            measure = partial(measure_rows, benchmark, words)
            worse += bounds.find_always_worse(measure, known, noise)
    return worse


def measure_rows(benchmark: Benchmark, words: Sequence[str]) -> list[Row]:
    """Run one, and give its rows."""
    return run(benchmark, words).rows


def keep(name: str, found: Found) -> None:
    """Keep the figures of a benchmark, in the place of all that it told before."""
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    kept[name] = {
        "rows": [asdict(row) for row in found.rows],
        "points": [asdict(point) for point in found.points],
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
        worse = check(chosen)
        for row in worse:
            print(f"worse than its bound, in {bounds.TRIES} tries: {row}")
        sys.exit(1 if worse else 0)
    rows: list[Row] = []
    for each in chosen:
        words = each.short if options.short else each.words
        if words is None:
            continue
        found = run(each, words)
        rows += found.rows
        if options.write:  # at once: a later one that fails loses nothing
            keep(each.name, found)
            write_down(dict(read_kept()))
    if options.bounds:
        bounds.write(rows)


if __name__ == "__main__":
    main()
