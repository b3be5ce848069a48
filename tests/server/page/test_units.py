"""Numbers with their units."""

import pytest

from wb_cli.server.page.units import duration, number, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59, "59.0 s"), (61, "1 min 1 s"), (3661, "1 h 1 min"), (90000, "1 d 1 h")],
)
def test_durations_are_shown_in_their_two_largest_units(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1024, "1.0 KiB"), (5 * 1024**2, "5.0 MiB"), (2**31, "2.0 GiB")]
)
def test_sizes_are_shown_in_the_unit_that_keeps_them_short(count, text):
    assert size(count) == text


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [(0, "key", "0 keys"), (1, "entry", "1 entry"), (2000, "entry", "2,000 entries")],
)
def test_counts_agree_with_their_nouns(count, noun, text):
    assert number(count, noun) == text
