"""How differences are grouped and counted."""

from wb_cli.upgrade.rehearsing import tally as module
from wb_cli.upgrade.rehearsing.causes import Cause
from wb_cli.upgrade.rehearsing.tally import MOST_KEPT, MOST_OF_GROUP, OTHER_FIELDS, Tally, count_all


def test_differences_of_one_cause_in_one_field_are_a_group() -> None:
    tally = Tally()
    for name in ("one", "two"):
        tally.compare(name, {"items": [{"a": "x", "n": 1}]}, {"items": [{"a": "x", "n": 100}]})
    tally.compare("two again", {"t": "a"}, {"t": "b"})
    first, second = tally.groups
    assert (first.cause, first.detail, first.field) == (Cause.FACTOR, "times 100", "items[].n")
    assert (first.count, first.results) == (2, 2)
    assert first.describe() == "a factor between units (times 100) in items[].n: 2 in 2 results"
    assert first.kept[0].describe() == "one: items[0].n (a x): 1 -> 100"
    assert second.describe() == "another text in t: once"
    assert (tally.differing, count_all(tally.groups)) == (3, 3)


def test_a_result_that_is_gone_comes_first_and_says_what_is_there() -> None:
    tally = Tally()
    tally.compare("one", [1, 2], [5, 7])
    tally.add(Cause.NO_RESULT, "two", "HTTP 500")
    first, second = tally.groups
    assert first.kept[0].describe() == "two: all of it: nothing -> HTTP 500"
    assert first.describe() == "no result any more: once"
    assert second.describe() == "another figure in []: 2 in one result"


def test_a_version_that_changes_everything_is_counted_and_takes_no_more_memory() -> None:
    tally, count = Tally(), MOST_OF_GROUP + 100
    tally.compare("one", [{"a": n} for n in range(count)], [{"a": n + 0.5} for n in range(count)])
    for number in range(MOST_KEPT):
        tally.compare("two", {f"f{number}": "x"}, {f"f{number}": "y"})
    groups = tally.groups
    assert count_all(groups) == count + MOST_KEPT
    assert sum(len(group.kept) for group in groups) <= MOST_KEPT + module.MOST_GROUPS
    assert len(groups) == module.MOST_GROUPS + 1
    assert OTHER_FIELDS in {group.field for group in groups}


def test_a_long_value_is_shortened() -> None:
    tally = Tally()
    tally.compare("one", {"t": "a" * 1000}, {"t": None})
    assert len(tally.groups[0].kept[0].old) == module.LONGEST_VALUE
