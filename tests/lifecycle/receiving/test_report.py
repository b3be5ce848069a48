"""What a receiver of WAL says of itself."""

from datetime import UTC, datetime

import pytest

from wb_cli.lifecycle.receiving.report import LATE_AFTER_S, Report, parse

NOW = 1_795_759_793.0


def test_a_report_is_read_as_the_receiver_writes_it() -> None:
    found = parse("20261127T060952Z.1253 1795759793 16\n")
    assert found == Report("20261127T060952Z.1253", NOW, 16)


@pytest.mark.parametrize("text", ["", "cat: no such file", "a b c", "a 1 2 3"])
def test_what_is_no_report_is_none(text: str) -> None:
    assert parse(text) is None


def test_the_name_of_the_stretch_says_when_it_began() -> None:
    began = datetime(2026, 11, 27, 6, 9, 52, tzinfo=UTC)
    assert Report("20261127T060952Z.1253", NOW, 0).began == began
    assert Report("s", NOW, 0).began is None


def test_a_receiver_says_what_would_be_lost() -> None:
    assert Report("s", NOW - 60, 0).describe(NOW) == "has all WAL until 60s ago"
    behind = Report("s", NOW - 3600, 2**20)
    assert behind.describe(NOW) == "has all WAL until 60m ago, 1.0 MiB to come"
    assert Report("s", 0, 2**20).describe(NOW) == "receives WAL; 1.0 MiB to come"


def test_a_receiver_is_late_when_more_is_missing_than_between_two_looks() -> None:
    assert not Report("s", NOW - LATE_AFTER_S, 0).is_late(NOW)
    assert Report("s", NOW - LATE_AFTER_S - 1, 0).is_late(NOW)


def test_a_report_names_the_moment_for_other_programs() -> None:
    document = {"receivedUntil": "2026-11-27T06:09:53Z", "behindBytes": 16}
    assert Report("s", NOW, 16).as_document() == document
    assert Report("s", 0, 16).as_document() == {"receivedUntil": None, "behindBytes": 16}
