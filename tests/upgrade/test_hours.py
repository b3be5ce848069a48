"""When an instance may be upgraded, in its own time."""

from datetime import UTC, datetime

import pytest

from wb_cli.instances.deploy_hours import parse_hours_field, parse_zone_field
from wb_cli.upgrade.hours import find_opening

NOON = datetime(2026, 1, 15, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize("hours", ["12-13", "12:30-12:31", "22-13", "9-12:31"])
def test_it_is_time_within_the_hours_also_across_midnight(hours: str) -> None:
    assert find_opening(hours, "Etc/UTC", NOON) is None


@pytest.mark.parametrize(
    ("hours", "begins"),
    [("13-15", "2026-01-15T13:00"), ("10-12:30", "2026-01-16T10:00"), ("22-5", "2026-01-15T22:00")],
)
def test_outside_the_hours_it_says_when_they_begin(hours: str, begins: str) -> None:
    opening = find_opening(hours, "Etc/UTC", NOON)
    assert opening
    assert opening.strftime("%Y-%m-%dT%H:%M") == begins


def test_the_hours_are_those_of_the_instances_zone() -> None:
    assert find_opening("15-16", "Africa/Nairobi", NOON) is None
    assert find_opening("12-13", "Africa/Nairobi", NOON) is not None


def test_without_hours_it_is_always_time() -> None:
    assert find_opening(None, "Africa/Nairobi", NOON) is None


@pytest.mark.parametrize("value", ["", "25-3", "8", "8-8", "8-9-10", "eight-nine", 8, None])
def test_what_are_no_hours_is_refused_with_an_example(value: object) -> None:
    with pytest.raises(ValueError, match="22-5"):
        parse_hours_field(value)


@pytest.mark.parametrize("value", ["", "Mars/Olympus", "../etc/passwd", "/etc/passwd", 3, None])
def test_what_is_no_time_zone_is_refused_with_an_example(value: object) -> None:
    with pytest.raises(ValueError, match="Africa/Bamako"):
        parse_zone_field(value)


def test_hours_and_zones_that_are_some_are_kept_as_they_are() -> None:
    assert parse_hours_field("21:30-04:00") == "21:30-04:00"
    assert parse_zone_field("Africa/Bamako") == "Africa/Bamako"
