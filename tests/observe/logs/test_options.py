"""What the options of `wb logs` mean."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from wb_cli.contract import Part
from wb_cli.engine.log_lines import LogLine, LogStream, LogWanted
from wb_cli.errors import UsageError
from wb_cli.observe.logs.options import LogChoice, make_choice, read_parts

NOW = datetime(2026, 1, 2, 12, 0, 0, 500_000, tzinfo=timezone(timedelta(hours=2)))
S = 10**9


def choose(**given: str) -> LogChoice:
    options = {"tail": None, "since": None, "until": None, "pattern": None} | given
    return make_choice(**options, now=NOW)


def count(moment: datetime) -> int:
    return int(moment.timestamp()) * S


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("10m", count(datetime(2026, 1, 2, 9, 50, 0, tzinfo=UTC)) + S // 2),
        ("2h30m", count(datetime(2026, 1, 2, 7, 30, 0, tzinfo=UTC)) + S // 2),
        ("1.5h", count(datetime(2026, 1, 2, 8, 30, 0, tzinfo=UTC)) + S // 2),
        ("1d", count(datetime(2026, 1, 1, 10, 0, 0, tzinfo=UTC)) + S // 2),
        ("2026-01-01T10:00:00Z", count(datetime(2026, 1, 1, 10, tzinfo=UTC))),
        ("2026-01-01T10:00:00+01:00", count(datetime(2026, 1, 1, 9, tzinfo=UTC))),
        ("2026-01-01T10:00:00.123456789Z", count(datetime(2026, 1, 1, 10, tzinfo=UTC)) + 123456789),
        ("2026-01-01 10:00", count(datetime(2026, 1, 1, 10).astimezone())),
        ("2026-01-01", count(datetime(2026, 1, 1).astimezone())),
    ],
)
def test_a_moment_is_a_length_of_time_or_a_time(text: str, moment: int) -> None:
    assert choose(since=text).since == moment
    assert choose(until=text).until == moment


@pytest.mark.parametrize("text", ["soon", "10", "m", "-5m", "10x", "2026-13-01", "99999999999d"])
def test_anything_else_is_no_moment(text: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f'--since "{text}"')):
        choose(since=text)


@pytest.mark.parametrize(
    ("given", "tail"),
    [
        ({}, 100),
        ({"tail": "7"}, 7),
        ({"tail": "0"}, 0),
        ({"tail": "all"}, None),
        ({"since": "2h"}, None),
        ({"pattern": "x"}, None),
        ({"until": "2h", "tail": "5"}, 5),
    ],
)
def test_a_search_or_a_time_chooses_all_lines_unless_a_number_is_given(
    given: dict[str, str], tail: int | None
) -> None:
    assert choose(**given).tail == tail


@pytest.mark.parametrize("text", ["-1", "x", "", "1.5", "9999999999"])
def test_a_number_of_lines_is_a_number(text: str) -> None:
    with pytest.raises(UsageError, match=f"--tail {text}: not a number of lines"):
        choose(tail=text)


def test_the_last_lines_that_match_are_not_the_matches_of_the_last_lines() -> None:
    assert choose(pattern="x", tail="3").wanted == LogWanted()
    assert choose(tail="3").wanted == LogWanted(tail=3)


def test_a_line_matches_without_its_end() -> None:
    choice = choose(pattern="^b.*d$")
    lines = [LogLine("", LogStream.STDOUT, text) for text in (b"bad\r\n", b"b\xffd", b"bade\n")]
    assert [choice.has(line) for line in lines] == [True, True, False]


def test_parts_are_in_the_order_of_starting() -> None:
    assert read_parts("demo", ["platform", "postgres"]) == (Part.POSTGRES, Part.PLATFORM)
    with pytest.raises(UsageError, match='demo has no part "plat"'):
        read_parts("demo", ["plat"])
