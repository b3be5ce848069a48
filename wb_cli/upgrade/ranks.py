"""Whether the values of one group tend to be greater than those of another, or than zero. Pure.

Rank tests know ranks alone, so that no single value decides, however great it is. Both are used
with the normal approximation, the correction for ties, and that for continuity.

- Two groups: H. B. Mann and D. R. Whitney, "On a test of whether one of two random variables is
  stochastically larger than the other", Annals of Mathematical Statistics 18 (1947).
- One group of differences: F. Wilcoxon, "Individual comparisons by ranking methods", Biometrics
  Bulletin 1 (1945).
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def compute_chance(greater: Sequence[float], others: Sequence[float]) -> float:
    """Compute the chance that ranks so high come about if both groups are alike, from 0 to 1.

    A small chance says that the values of ``greater`` tend to be the greater ones. An empty group
    says nothing: 1.
    """
    first, second = len(greater), len(others)
    count = first + second
    ranks = _rank([*greater, *others])
    wins = sum(ranks[:first]) - first * (first + 1) / 2
    ties = sum(size**3 - size for size in Counter(ranks).values())
    variance = first * second / 12 * (count + 1 - ties / (count * (count - 1))) if count > 1 else 0
    if variance <= 0:
        return 1.0
    distance = (wins - first * second / 2 - 0.5) / math.sqrt(variance)
    return 0.5 * math.erfc(distance / math.sqrt(2))


def compute_chance_of_rise(differences: Sequence[float]) -> float:
    """Compute the chance that so many and so great rises come about if falls are as likely.

    A small chance says that the differences tend to be above zero. Those of zero say nothing.
    """
    told = [each for each in differences if each]
    sizes = [abs(each) for each in told]
    count = len(told)
    rises = sum(rank for rank, each in zip(_rank(sizes), told, strict=True) if each > 0)
    ties = sum(size**3 - size for size in Counter(sizes).values())
    variance = count * (count + 1) * (2 * count + 1) / 24 - ties / 48
    if variance <= 0:
        return 1.0
    distance = (rises - count * (count + 1) / 4 - 0.5) / math.sqrt(variance)
    return 0.5 * math.erfc(distance / math.sqrt(2))


def _rank(values: Sequence[float]) -> list[float]:
    """Rank values from 1. Those that are equal share the mean of their ranks."""
    in_order, sizes = sorted(values), Counter(values)
    first: dict[float, int] = {}
    for position, value in enumerate(in_order, 1):
        first.setdefault(value, position)
    return [first[value] + (sizes[value] - 1) / 2 for value in values]
