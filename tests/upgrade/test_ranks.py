"""The rank test: against known values, and against all orders of small groups."""

import itertools
import random
from statistics import fmean

import pytest

from wb_cli.upgrade.ranks import compute_chance, compute_chance_of_rise


def count_chance(greater: tuple[float, ...], others: tuple[float, ...]) -> float:
    """Count in how many of all splits of the values as many pairs are won; a tie wins half."""

    def win(one: tuple[float, ...], other: tuple[float, ...]) -> float:
        return sum((a > b) + (a == b) / 2 for a in one for b in other)

    values, size = (*greater, *others), len(greater)
    splits = list(itertools.combinations(range(len(values)), size))
    won = [
        win(
            tuple(values[at] for at in split),
            tuple(values[at] for at in range(len(values)) if at not in split),
        )
        for split in splits
    ]
    return sum(each >= win(greater, others) for each in won) / len(splits)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("digits", [1, 6], ids=["with ties", "without ties"])
def test_the_approximation_is_near_the_count_of_all_splits(seed: int, digits: int) -> None:
    chance = random.Random(seed)
    first, second = (
        tuple(round(chance.gauss(shift, 1), digits) for _ in range(6)) for shift in (1.0, 0.0)
    )
    assert compute_chance(first, second) == pytest.approx(count_chance(first, second), abs=0.03)


def test_a_textbook_example_has_its_known_statistic() -> None:
    # U = 3 of 25, so 22 pairs are won: z = (22 - 12.5 - 0.5) / sqrt(25 * 11 / 12).
    first, second = (3.0, 7.0, 8.0, 9.0, 10.0), (1.0, 2.0, 4.0, 5.0, 6.0)
    assert compute_chance(first, second) == pytest.approx(0.0301, abs=1e-4)
    assert compute_chance(second, first) > 0.95


def count_chance_of_rise(differences: tuple[float, ...]) -> float:
    """Count in how many of all choices of signs the rises have as great a sum of ranks."""
    sizes = sorted(abs(each) for each in differences)
    ranks = [
        fmean(at for at, size in enumerate(sizes, 1) if size == abs(each)) for each in differences
    ]
    found = sum(rank for rank, each in zip(ranks, differences, strict=True) if each > 0)
    choices = list(itertools.product((0, 1), repeat=len(ranks)))
    sums = [
        sum(rank for rank, is_rise in zip(ranks, each, strict=True) if is_rise) for each in choices
    ]
    return sum(each >= found for each in sums) / len(choices)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("digits", [1, 6], ids=["with ties", "without ties"])
def test_the_approximation_of_rises_is_near_the_count_of_all_signs(seed: int, digits: int) -> None:
    chance = random.Random(seed)
    drawn = (round(chance.gauss(0.5, 1), digits) for _ in range(9))
    differences = tuple(each for each in drawn if each)
    expected = pytest.approx(count_chance_of_rise(differences), abs=0.03)
    assert compute_chance_of_rise(differences) == expected


@pytest.mark.parametrize("differences", [(), (0.0, 0.0)])
def test_what_never_differs_says_nothing(differences: tuple[float, ...]) -> None:
    assert compute_chance_of_rise(differences) == 1.0


def test_differences_of_zero_say_nothing() -> None:
    assert compute_chance_of_rise((1.0, 2.0, 0.0, -0.5)) == compute_chance_of_rise((1.0, 2.0, -0.5))


@pytest.mark.parametrize(
    ("first", "second"), [((), ()), ((1.0,), ()), ((), (1.0, 2.0)), ((1.0, 1.0), (1.0, 1.0, 1.0))]
)
def test_what_has_no_ranks_says_nothing(
    first: tuple[float, ...], second: tuple[float, ...]
) -> None:
    assert compute_chance(first, second) == 1.0


def test_one_enormous_value_weighs_no_more_than_its_rank() -> None:
    others = (1.0, 2.0, 3.0, 4.0, 5.0)
    assert compute_chance((6.0, 1.5, 2.5), others) == compute_chance((1e9, 1.5, 2.5), others)
