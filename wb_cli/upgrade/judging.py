"""Whether upgraded instances do worse: than before, and than those not upgraded yet. Pure.

Each instance is compared with itself: how much longer do its answers take than before the rollout,
and how many more fail? These changes of the upgraded are then compared with the changes of the
others in the same time, so that a busier hour, which all feel, does not look like a slower version.

Answer times, failed requests and memory are judged so. The memory of a process that has just
started is younger than that of before, and may be less by that alone. So it is found to be more
only where a young process already takes more than the old one did; a slow leak is not found.

The others do not start anew, so a warm-up is compared with that of the same instance's start before
alone, for as many entries. It depends on how many start at a time, so only much longer is worse.
"""

from __future__ import annotations

import math
from enum import StrEnum
from statistics import fmean, median
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.upgrade.ranks import compute_chance, compute_chance_of_rise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wb_cli.upgrade.figures import WarmUp, Window

# Fewer requests to an endpoint say too little about its answer times.
FEWEST_REQUESTS = 20
# Fewer instances on one side have no ranks that could not come about by chance.
FEWEST_INSTANCES = 3
# A verdict of worse needs both: a difference that matters, and one that is hardly by chance.
SLOWER_BY, MORE_ERRORS_BY, MORE_MEMORY_BY, LONGER_WARM_UP_BY = 0.10, 0.005, 0.20, 1.0
CHANCE = 0.01
# A warm-up of a few seconds is as good as one of a few more.
SHORT_WARM_UP_S = 10.0


class Verdict(StrEnum):
    """What came of a comparison. The value is shown in ``--json``."""

    WORSE = "worse"
    NO_WORSE = "no worse"
    UNKNOWN = "could not be judged"


class Watched(Struct, frozen=True):
    """An instance: what was counted in spans of time before the rollout, and in the last soak.

    Those before are the minutes of its last hour, where it knows them, and the spans of a soak.

    ``warm_ups`` are those of its start before, and of its last one.
    """

    instance: str
    before: Sequence[Window]
    after: Sequence[Window]
    warm_ups: tuple[WarmUp, WarmUp]


class Judgement(Struct, frozen=True):
    """A verdict on the upgraded, with its evidence in words."""

    verdict: Verdict
    evidence: tuple[str, ...]

    def describe(self) -> str:
        """Describe it in a line."""
        return f"{self.verdict}: {'; '.join(self.evidence)}"


class Kind(Struct, frozen=True):
    """A figure that decides: how it changed on an instance, and what sums up several changes.

    A difference below ``least`` does not matter, however sure it is. One of a ``new_start`` is
    known of the upgraded alone.
    """

    name: str
    find_change: Callable[[Watched], float | None]
    sum_up: Callable[[Sequence[float]], float]
    least: float
    describe: Callable[[float], str]
    new_start: bool = False


def judge(upgraded: Sequence[Watched], others: Sequence[Watched]) -> Judgement:
    """Judge whether the upgraded do worse.

    One figure that is worse is enough. It is ``no worse`` only if each could be compared.
    """
    judged = [_judge_one(kind, upgraded, others) for kind in KINDS]
    order = (Verdict.WORSE, Verdict.UNKNOWN, Verdict.NO_WORSE)
    verdict = next(each for each in order if each in {found for found, _ in judged})
    return Judgement(verdict, tuple(words for _, words in judged))


def is_comparable(watched: Watched) -> bool:
    """Whether enough is known of an instance to compare it with itself."""
    return all(kind.find_change(watched) is not None for kind in KINDS)


def _judge_one(
    kind: Kind, upgraded: Sequence[Watched], others: Sequence[Watched]
) -> tuple[Verdict, str]:
    changes = _find_changes(kind, upgraded)
    other_changes = None if kind.new_start else _find_changes(kind, others)
    counts, fewest = f"{len(changes)} of {len(upgraded)} upgraded", len(changes)
    if other_changes is not None:
        counts += f" and {len(other_changes)} others"
        fewest = min(fewest, len(other_changes))
    if fewest < FEWEST_INSTANCES:
        return Verdict.UNKNOWN, f"{kind.name}: {counts} can be compared, {FEWEST_INSTANCES} must"
    difference, chance = _compare(kind, changes, other_changes)
    is_worse = difference >= kind.least and chance < CHANCE
    than = "at the start before" if kind.new_start else "without it"
    words = f"{kind.name}: {kind.describe(difference)} than {than} (p = {chance:.2g}; {counts})"
    return Verdict.WORSE if is_worse else Verdict.NO_WORSE, words


def _compare(
    kind: Kind, changes: Sequence[float], others: Sequence[float] | None
) -> tuple[float, float]:
    """Find by how much the changes are greater, and the chance that this is by chance."""
    if others is None:
        return kind.sum_up(changes), compute_chance_of_rise(changes)
    return kind.sum_up(changes) - kind.sum_up(others), compute_chance(changes, others)


def _find_changes(kind: Kind, watched: Iterable[Watched]) -> list[float]:
    changes = (kind.find_change(each) for each in watched)
    return [change for change in changes if change is not None]


def _find_slowing(watched: Watched) -> float | None:
    """Find by which factor its answers take longer, as a logarithm.

    Each endpoint is compared with itself, and counts by its requests. The middle one of the means
    of several spans of time is taken: a few very late answers fall into few of them.
    """
    changes, weights = [], []
    for endpoint in {name for window in watched.after for name in window.answers}:
        before = _find_middle(watched.before, endpoint)
        after = _find_middle(watched.after, endpoint)
        if before and after:
            changes.append(math.log(after / before))
            weights.append(_count_answers(watched.after, endpoint))
    return fmean(changes, weights) if changes else None


def _find_middle(windows: Sequence[Window], endpoint: str) -> float | None:
    if _count_answers(windows, endpoint) < FEWEST_REQUESTS:
        return None
    answered = [window for window in windows if window.answers.get(endpoint, 0) > 0]
    return median(window.seconds[endpoint] / window.answers[endpoint] for window in answered)


def _count_answers(windows: Iterable[Window], endpoint: str) -> int:
    return sum(window.answers.get(endpoint, 0) for window in windows)


def _find_failing(watched: Watched) -> float | None:
    """Find by how much a greater share of its requests fails."""
    before, after = _find_share(watched.before), _find_share(watched.after)
    return None if before is None or after is None else after - before


def _find_share(windows: Sequence[Window]) -> float | None:
    requests = sum(window.requests for window in windows)
    if requests < FEWEST_REQUESTS:
        return None
    return sum(window.errors for window in windows) / requests


def _find_growth(watched: Watched) -> float | None:
    """Find by which factor its memory is more, as a logarithm."""
    before, after = _find_memory(watched.before), _find_memory(watched.after)
    return math.log(after / before) if before and after else None


def _find_memory(windows: Sequence[Window]) -> float | None:
    known = [window.memory for window in windows if window.memory is not None]
    return median(known) if known else None


def _find_longer_warm_up(watched: Watched) -> float:
    """Find by which factor its warm-up takes longer for as many entries, as a logarithm.

    One that is not over yet counts with what it has taken so far.
    """
    before, after = watched.warm_ups
    more_work = after.entries / before.entries if before.entries and after.entries else 1.0
    expected = before.seconds * more_work
    return math.log((after.seconds + SHORT_WARM_UP_S) / (expected + SHORT_WARM_UP_S))


def _describe_factor(difference: float) -> str:
    return f"{math.expm1(difference):+.1%}"


KINDS = (
    Kind("answer times", _find_slowing, median, math.log1p(SLOWER_BY), _describe_factor),
    Kind(
        "failed requests",
        _find_failing,
        fmean,
        MORE_ERRORS_BY,
        lambda difference: f"{difference * 100:+.1f} points",
    ),
    Kind("memory", _find_growth, median, math.log1p(MORE_MEMORY_BY), _describe_factor),
    Kind(
        "warm-up",
        _find_longer_warm_up,
        median,
        math.log1p(LONGER_WARM_UP_BY),
        _describe_factor,
        new_start=True,
    ),
)
