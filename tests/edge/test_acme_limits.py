"""The limits of an ACME server are token buckets, as Let's Encrypt describes them."""

import pytest

from wb_cli.edge.acme_limits import FAILURES, PER_NAMES, Bucket, Limit, limit_new
from wb_cli.quantities import DAY_S, HOUR_S, MINUTE_S

NOW = 1_800_000_000.0
FIFTY = Limit(50, 7 * DAY_S)


def test_the_figures_are_those_of_lets_encrypt() -> None:
    per_week = limit_new(50)
    assert per_week
    assert round(per_week.refill_s / MINUTE_S) == 202
    assert round(PER_NAMES.refill_s / HOUR_S) == 34
    assert FAILURES.refill_s == 12 * MINUTE_S


def test_a_limit_of_zero_is_none() -> None:
    assert limit_new(0) is None
    bucket = Bucket(None, [NOW] * 99, NOW)
    assert [bucket.take() for _ in range(99)] == [NOW] * 99


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ([], 50),
        ([NOW] * 50, 0),
        ([NOW - DAY_S] * 50, 7),
        ([NOW - 7 * DAY_S] * 50, 50),
        ([NOW - 30 * DAY_S] * 50, 50),
        ([NOW - 3 * DAY_S] * 50 + [NOW] * 21, 0),
        ([NOW + HOUR_S], 49),
        ([NOW] * 60, 0),
    ],
)
def test_what_was_taken_comes_back_bit_by_bit(taken: list[float], left: int) -> None:
    bucket = Bucket(FIFTY, taken, NOW)
    now = [bucket.take() for _ in range(60)].count(NOW)
    assert now == left


def test_the_moments_of_the_next_ones_are_told() -> None:
    bucket = Bucket(FIFTY, [NOW] * 50, NOW)
    assert [bucket.take() for _ in range(3)] == [NOW + n * FIFTY.refill_s for n in (1, 2, 3)]


def test_a_part_of_a_token_shortens_the_wait() -> None:
    bucket = Bucket(FIFTY, [NOW - FIFTY.refill_s / 2] * 50, NOW)
    assert bucket.take() == pytest.approx(NOW + FIFTY.refill_s / 2)


def test_the_order_of_what_was_taken_does_not_matter() -> None:
    taken = [NOW - DAY_S * n / 3 for n in range(30)]
    forwards, backwards = Bucket(FIFTY, taken, NOW), Bucket(FIFTY, taken[::-1], NOW)
    assert [forwards.take() for _ in range(60)] == [backwards.take() for _ in range(60)]
