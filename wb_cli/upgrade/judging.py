"""Whether upgraded instances do worse: than before, and than those not upgraded yet. Pure.

Each instance is compared with itself: how much longer do its answers take than before the rollout,
and how many more fail? These changes of the upgraded are then compared with the changes of the
others in the same time, so that a busier hour, which all feel, does not look like a slower version.

Answer times and errors decide. Warm-up is only shown: a process that has just started differs in it
by that alone. Memory is not judged for that reason, too: it grows for hours with what is asked for,
and no process of the version before has the same age. Nor is memory for each cached byte the same
at each age, as what Python and its allocator hold back grows with time and not with the cache.
"""

from __future__ import annotations

import math
from enum import StrEnum
from statistics import fmean, median
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.upgrade.ranks import compute_chance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wb_cli.upgrade.figures import Window

# Fewer requests to an endpoint say too little about its answer times.
FEWEST_REQUESTS = 20
# Fewer instances on one side have no ranks that could not come about by chance.
FEWEST_INSTANCES = 3
# A verdict of worse needs both: a difference that matters, and one that is hardly by chance.
SLOWER_BY, MORE_ERRORS_BY = 0.10, 0.005
CHANCE = 0.01


class Verdict(StrEnum):
    """What came of a comparison. The value is shown in ``--json``."""

    WORSE = "worse"
    NO_WORSE = "no worse"
    UNKNOWN = "could not be judged"


class Watched(Struct, frozen=True):
    """An instance: what was counted in spans of time before the rollout, and in the last soak.

    Those before are the minutes of its last hour, where it knows them, and the spans of a soak.

    ``warm_up_s`` are the seconds of its warm-ups: at its start before, and at its last one.
    """

    instance: str
    before: Sequence[Window]
    after: Sequence[Window]
    warm_up_s: tuple[float, float]


class Judgement(Struct, frozen=True):
    """A verdict on the upgraded, with its evidence in words."""

    verdict: Verdict
    evidence: tuple[str, ...]

    def describe(self) -> str:
        """Describe it in a line."""
        return f"{self.verdict}: {'; '.join(self.evidence)}"


class Kind(Struct, frozen=True):
    """A figure that decides: how it changed on an instance, and what sums up several changes.

    A difference below ``least`` does not matter, however sure it is.
    """

    name: str
    find_change: Callable[[Watched], float | None]
    sum_up: Callable[[Sequence[float]], float]
    least: float
    describe: Callable[[float], str]


def judge(upgraded: Sequence[Watched], others: Sequence[Watched]) -> Judgement:
    """Judge whether the upgraded do worse.

    One figure that is worse is enough. It is ``no worse`` only if each could be compared.
    """
    judged = [_judge_one(kind, upgraded, others) for kind in KINDS]
    order = (Verdict.WORSE, Verdict.UNKNOWN, Verdict.NO_WORSE)
    verdict = next(each for each in order if each in {found for found, _ in judged})
    evidence = [words for _, words in judged]
    return Judgement(verdict, (*evidence, *_show_warm_up(upgraded)))


def is_comparable(watched: Watched) -> bool:
    """Whether enough is known of an instance to compare it with itself."""
    return all(kind.find_change(watched) is not None for kind in KINDS)


def _judge_one(
    kind: Kind, upgraded: Sequence[Watched], others: Sequence[Watched]
) -> tuple[Verdict, str]:
    changes, other_changes = _find_changes(kind, upgraded), _find_changes(kind, others)
    counts = f"{len(changes)} of {len(upgraded)} upgraded and {len(other_changes)} others"
    if min(len(changes), len(other_changes)) < FEWEST_INSTANCES:
        return Verdict.UNKNOWN, f"{kind.name}: {counts} can be compared, {FEWEST_INSTANCES} must"
    difference = kind.sum_up(changes) - kind.sum_up(other_changes)
    chance = compute_chance(changes, other_changes)
    is_worse = difference >= kind.least and chance < CHANCE
    words = f"{kind.name}: {kind.describe(difference)} than without it (p = {chance:.2g}; {counts})"
    return Verdict.WORSE if is_worse else Verdict.NO_WORSE, words


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


def _show_warm_up(upgraded: Sequence[Watched]) -> tuple[str, ...]:
    if not upgraded:
        return ()
    before, after = (median(each.warm_up_s[start] for each in upgraded) for start in (0, 1))
    return (f"warm-up (shown only): {after:.1f} s, {before:.1f} s at the start before",)


KINDS = (
    Kind(
        "answer times",
        _find_slowing,
        median,
        math.log1p(SLOWER_BY),
        lambda difference: f"{math.expm1(difference):+.1%}",
    ),
    Kind(
        "failed requests",
        _find_failing,
        fmean,
        MORE_ERRORS_BY,
        lambda difference: f"{difference * 100:+.1f} points",
    ),
)
