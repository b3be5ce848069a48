"""The types of options."""

import click
import pytest

from wb_cli.cli.words.param_types import Count, Filled, Seconds, Size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("0", 0), ("1.5", 1.5), ("10s", 10), ("2m", 120), ("1 h", 3600), (30.0, 30)],
)
def test_a_length_of_time_is_in_seconds_or_has_a_unit(text: str, seconds: float) -> None:
    assert Seconds().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["-1", "abc", "", "5d", "1e3", "inf", "nan", "1:30"])
def test_what_is_no_length_of_time_is_named_with_examples(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"is no length of time, such as 90, 90s, 2m"):
        Seconds().convert(text, None, None)


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("64", 64), (" 8 ", 8)])
def test_a_count_is_a_whole_number_within_its_limits(text: str, number: int) -> None:
    assert Count(1, 64).convert(text, None, None) == number


@pytest.mark.parametrize("text", ["0", "65", "-1", "abc", "1.5", "", "٣٣٣"])
def test_a_count_beyond_its_limits_is_named_with_them(text: str) -> None:
    with pytest.raises(click.BadParameter, match="from 1 to 64"):
        Count(1, 64).convert(text, None, None)


def test_a_count_can_be_without_an_upper_limit() -> None:
    assert Count(0).convert("123456", None, None) == 123456
    with pytest.raises(click.BadParameter, match="from 0 on"):
        Count(0).convert("-1", None, None)


def test_a_size_is_in_bytes_or_has_a_unit() -> None:
    assert Size().convert("2g", None, None) == 2 * 1024**3
    assert Size().convert(16 * 1024**2, None, None) == 16 * 1024**2


def test_what_is_no_size_is_named() -> None:
    with pytest.raises(click.BadParameter, match="'much' must be"):
        Size().convert("much", None, None)


def test_a_value_that_is_given_is_not_empty() -> None:
    assert Filled().convert("1a2b", None, None) == "1a2b"
    for text in ("", " "):
        with pytest.raises(click.BadParameter, match="it is empty"):
            Filled().convert(text, None, None)


def test_what_is_not_given_stays_as_it_is() -> None:
    option = click.Option(["--at"], type=Filled(), default="")
    assert click.Command("show", params=[option]).make_context("show", []).params == {"at": ""}
