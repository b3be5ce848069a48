"""What is told of a takeover, and how long it is expected to last."""

from pathlib import Path

from wb_cli.lifecycle.adoption import expectation
from wb_cli.lifecycle.adoption.report import FIRST_GUESS_S, Adoption, Expectation, expect
from wb_cli.lifecycle.record.history import Line

ENTRY = {"id": "demo", "label": "Sierra Leone", "port": 9001, "env": {"A": "b"}, "french": True}


def test_a_plan_says_what_would_be() -> None:
    adoption = Adoption(ENTRY, True, ("valkey: one more",), Expectation(3.4), ("/mnt/demo/assets",))
    assert list(adoption.describe()) == [
        (
            "entry would be added to the registry file: id=demo label='Sierra Leone' port=9001 "
            "env=A french=true"
        ),
        "the folder /mnt/demo/assets would be made",
        "valkey: one more",
        "the platform would be away for about 3 s (no restart on this host was measured yet)",
    ]


def test_an_end_says_what_was_measured() -> None:
    adoption = Adoption(ENTRY, False, (), Expectation(4, 3), away_s=2.25, is_planned=False)
    assert list(adoption.describe()) == [
        "the platform was away for 2.2 s (4 s were expected)",
    ]
    assert adoption.as_document()["entry"]["env"] == {"A": "(hidden)"}


def test_the_median_of_the_last_restarts_is_expected_and_the_time_of_a_snapshot() -> None:
    assert expect([9, 2, 4], 1.5) == Expectation(5.5, 3)
    assert expect([], 2) == Expectation(FIRST_GUESS_S + 2)
    assert str(Expectation(5, 1)) == "about 5 s, by the last restart on this host"
    assert str(Expectation(5, 2)) == "about 5 s, by the last 2 restarts on this host"


def test_only_restarts_and_takeovers_that_ended_well_count() -> None:
    lines = [
        Line("1", began="a", verb="restart"),
        Line("1", ended="b", seconds=3),
        Line("2", began="a", verb="run"),
        Line("2", ended="b", seconds=1),
        Line("3", began="a", verb="adopt"),
        Line("3", ended="b", seconds=9, exit_code=1),
        Line("4", began="a", verb="restart"),
    ]
    assert expectation.list_restarts(lines) == [("b", 3)]


def test_without_a_history_the_first_guess_is_expected(tmp_path: Path) -> None:
    assert expectation.read(tmp_path / "none", 0) == Expectation(FIRST_GUESS_S)
