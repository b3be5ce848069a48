"""What is kept of the upgrades of an instance, and what follows from it."""

from pathlib import Path

import pytest

from wb_cli.errors import WbError
from wb_cli.upgrade.attempts import (
    KEPT,
    Attempt,
    Attempts,
    State,
    close,
    find_fatal,
    find_last_upgrade,
    find_unfinished,
)
from wb_cli.upgrade.target import Version

OLD, NEW, NEWER = (Version(f"1.{n}", "", f"platform:1.{n}", f"sha256:{n}") for n in (6, 7, 8))
NOW = "2026-01-01T00:00:00Z"


def attempt(state: State, after: Version = NEW) -> Attempt:
    return close(Attempt(OLD, after, NOW), state, NOW, reason="why")


@pytest.fixture
def attempts(tmp_path: Path) -> Attempts:
    return Attempts(tmp_path / "servers.json", "demo")


def test_what_begins_is_there_until_it_ends(attempts: Attempts) -> None:
    assert attempts.read() == []
    attempts.begin(Attempt(OLD, NEW, NOW))
    assert find_unfinished(attempts.read())
    ended = attempt(State.UPGRADED)
    attempts.end(ended)
    assert attempts.read() == [ended]
    assert not find_unfinished(attempts.read())


def test_a_verdict_is_kept_with_the_upgrade_and_with_nothing_else(attempts: Attempts) -> None:
    attempts.judge("no worse")
    assert attempts.read() == []
    attempts.begin(attempt(State.UPGRADED))
    attempts.judge("no worse")
    assert [each.judged for each in attempts.read()] == ["no worse"]
    attempts.begin(attempt(State.FATAL))
    attempts.judge("worse")
    assert [each.judged for each in attempts.read()] == ["no worse", ""]


def test_only_the_last_ones_are_kept(attempts: Attempts) -> None:
    for number in range(KEPT + 3):
        attempts.begin(Attempt(OLD, NEW, f"{number}"))
    assert [each.began for each in attempts.read()] == [f"{n}" for n in range(3, KEPT + 3)]


def test_a_torn_file_is_named_and_not_taken_for_an_empty_one(
    attempts: Attempts, tmp_path: Path
) -> None:
    (tmp_path / "upgrades").mkdir()
    (tmp_path / "upgrades" / "demo.json").write_text('[{"bef')
    with pytest.raises(WbError, match=r"upgrades/demo\.json is no list of upgrades"):
        attempts.read()


def test_a_pair_of_images_is_fatal_until_it_worked_once() -> None:
    fatal = attempt(State.FATAL)
    assert find_fatal([fatal], OLD.id, NEW.id) == fatal
    assert find_fatal([fatal, attempt(State.UPGRADED, NEWER)], OLD.id, NEW.id) == fatal
    assert find_fatal([fatal, attempt(State.UPGRADED)], OLD.id, NEW.id) is None
    assert find_fatal([fatal], OLD.id, NEWER.id) is None
    assert find_fatal([attempt(State.CUT_OFF)], OLD.id, NEW.id) is None


@pytest.mark.parametrize("state", State)
def test_only_an_upgrade_that_changed_something_is_taken_back(state: State) -> None:
    taken_back = find_last_upgrade([attempt(state)])
    can_go_back = {State.UPGRADED, State.UNDER_WAY, State.GOING_BACK}
    assert bool(taken_back) is (state in can_go_back)
    assert find_last_upgrade([]) is None
