"""The ratios that CI looks at: `tests/benchmarks/bounds.py`."""

from pathlib import Path

import pytest
from benchmarks import bounds, measure
from benchmarks.measure import Point, Row, noise_of

SLOW = Row("a start", ours=3.0, peer=2.0, target=1.0)
FAST = Row("answers", ours=900.0, peer=1000.0, target=0.7, faster=True, unit="/s")


def test_a_time_is_compared_with_its_peer_and_a_rate_too() -> None:
    assert (SLOW.ratio, SLOW.is_met) == (1.5, False)
    assert (FAST.ratio, FAST.is_met) == (0.9, True)
    assert Row("a hit", ours=1.0, peer=20.0, target=10, faster=True).ratio == 20.0


@pytest.mark.parametrize(
    ("row", "bound", "noise", "is_worse"),
    [
        (SLOW, 1.5, 0.0, False),
        (SLOW, 1.4, 0.0, True),
        (SLOW, 1.4, 0.1, False),
        (FAST, 0.9, 0.0, False),
        (FAST, 1.0, 0.05, True),
        (FAST, 1.0, 0.11, False),
    ],
)
def test_a_ratio_is_worse_only_beyond_its_bound_and_the_noise(
    row: Row, bound: float, noise: float, is_worse: bool
) -> None:
    assert bounds.find_worse([row], {row.name: bound}, noise) == ([row] if is_worse else [])


def test_the_noise_of_a_figure_counts_where_it_is_more_than_that_of_the_machine() -> None:
    noisy = Row("a start", ours=3.0, peer=2.0, noise=0.5)
    assert bounds.find_worse([noisy], {"a start": 1.1}, 0.01) == []


def test_a_figure_without_a_bound_is_never_worse() -> None:
    assert bounds.find_worse([SLOW], {}, 0.0) == []


@pytest.mark.parametrize("row", [SLOW, FAST])
def test_what_was_measured_is_within_the_bound_that_follows_from_it(row: Row) -> None:
    bound = bounds.bound_for(row)
    assert not row.is_worse_than(bound)
    far = 1 / (1 + 2 * bounds.SLACK) if row.faster else 1 + 2 * bounds.SLACK
    assert Row(row.name, row.ours * far, row.peer, faster=row.faster, unit=row.unit).is_worse_than(
        bound
    )


def test_only_what_is_worse_in_every_try_counts() -> None:
    better = Row("a start", ours=2.0, peer=2.0)
    tries: list[list[Row]] = [[SLOW, FAST], [better, FAST], [SLOW, FAST]]
    limits = {"a start": 1.2, "answers": 1.5}
    assert bounds.find_always_worse(lambda: tries.pop(0), limits, 0.0) == [FAST]
    assert not tries


def test_the_first_good_try_ends_the_tries() -> None:
    tries: list[list[Row]] = [[SLOW], [], [SLOW]]
    assert bounds.find_always_worse(lambda: tries.pop(0), {"a start": 1.2}, 0.0) == []
    assert tries == [[SLOW]]


def test_equal_rounds_have_no_noise_and_too_few_have_no_weight() -> None:
    assert noise_of([2.0] * 5, [1.0] * 5) == 0.0
    assert noise_of([2.0, 3.0], [1.0, 1.0]) == 1.0
    assert noise_of([1.0, 2.0, 3.0, 4.0, 5.0], [1.0] * 5) > 0.5


def test_what_a_benchmark_tells_is_read_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "figures"
    monkeypatch.setenv(measure.FIGURES, str(file))
    told: list[Row | Point] = [SLOW, Point("a picture", "a line", 10, 0.5), FAST]
    for each in told:
        measure.tell(each)
    assert measure.read_figures(file) == told
