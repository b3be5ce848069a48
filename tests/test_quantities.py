"""Durations, ages and sizes as tables show them."""

import pytest

from wb_cli.quantities import describe_age, describe_duration, describe_size, shorten_list


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0s"),
        (31, "31s"),
        (119, "119s"),
        (120, "2m"),
        (7_199, "119m"),
        (7_200, "2h"),
        (172_800, "2d"),
    ],
)
def test_a_duration_has_one_unit(seconds: float, text: str) -> None:
    assert describe_duration(seconds) == text


def test_an_empty_time_has_no_age() -> None:
    assert describe_age("") == ""
    assert describe_age("2020-01-01T00:00:00.123456789Z").endswith("d")


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (66_560, "65.0 KiB"), (5 * 1024**2, "5.0 MiB"), (2**31, "2.0 GiB")],
)
def test_a_size_has_the_unit_that_keeps_it_short(count: float, text: str) -> None:
    assert describe_size(count) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, ""), (1, "a0"), (5, "a0, a1, a2, a3, a4"), (7, "a0, a1, a2, a3, a4 and 2 more")],
)
def test_a_long_list_names_the_first_few(count: int, text: str) -> None:
    assert shorten_list([f"a{number}" for number in range(count)]) == text


def test_a_list_may_be_shorter_and_its_names_stand_otherwise_apart() -> None:
    assert shorten_list(["a", "b", "c"], 2, " ") == "a b and 1 more"
