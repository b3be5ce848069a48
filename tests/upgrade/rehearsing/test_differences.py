"""Where two documents differ."""

from typing import Any

import pytest

from wb_cli.upgrade.rehearsing.differences import DEEPEST, Difference, Sort, find_differences


def compare(old: Any, new: Any) -> list[tuple[str, str, Any, Any]]:
    return [(str(each.sort), each.path, each.old, each.new) for each in find(old, new)]


def find(old: Any, new: Any) -> list[Difference]:
    return list(find_differences(old, new))


def row(area: str, count: float, period: int = 202401) -> dict[str, Any]:
    return {"area": area, "period": period, "count": count}


def test_equal_documents_do_not_differ_whatever_the_order_of_their_names() -> None:
    assert compare({"a": 1, "b": [1, {"c": 2, "d": 3}]}, {"b": [1, {"d": 3, "c": 2}], "a": 1}) == []


@pytest.mark.parametrize(
    ("old", "new"), [(1, 2), ("a", "b"), (None, 0), (1, True), (1, 1.0), ([], {}), ({"a": 1}, None)]
)
def test_a_value_that_is_another_one_is_changed(old: Any, new: Any) -> None:
    assert compare({"a": old}, {"a": new}) == [("changed", "a", old, new)]


def test_fields_come_and_go_by_their_names() -> None:
    assert compare({"a": {"b": 1}}, {"a": {"c": 1}}) == [
        ("removed", "a.b", 1, None),
        ("added", "a.c", None, 1),
    ]


def test_one_figure_of_a_row_is_named_by_the_row_and_what_it_is_of() -> None:
    rows = [row("North", 1), row("South", 2), row("West", 3)]
    other = [row("North", 1), row("South", 5), row("West", 3)]
    (found,) = find({"items": rows}, {"items": other})
    assert found == Difference(
        Sort.CHANGED, "items[1].count", "items[].count", 2, 5, "area South, period 202401"
    )


def test_a_row_more_or_less_makes_no_other_row_different() -> None:
    rows = [row("North", 1), row("South", 2), row("West", 3)]
    (less,) = find(rows, rows[1:])
    assert (less.sort, less.path, less.field, less.old) == (Sort.REMOVED, "[0]", "[]", rows[0])
    (more,) = find(rows[1:], rows)
    assert (more.sort, more.path, more.new, more.row) == (
        Sort.ADDED,
        "[0]",
        rows[0],
        "area North, period 202401, count 1",
    )


def test_rows_of_the_same_words_are_matched_in_their_order() -> None:
    old = [row("North", 1, 202401), row("North", 2, 202402)]
    new = [row("North", 1, 202401), row("North", 3, 202402)]
    assert compare(old, new) == [("changed", "[1].count", 2, 3)]


def test_a_row_with_another_word_is_that_of_the_same_place() -> None:
    old, new = [row("North", 1), row("South", 2)], [row("North", 1), row("Sud", 2)]
    assert compare(old, new) == [("changed", "[1].area", "South", "Sud")]


def test_rows_of_another_form_are_removed_and_added() -> None:
    assert compare([{"a": "x", "b": 1}], [{"c": "y"}]) == [
        ("removed", "[0]", {"a": "x", "b": 1}, None),
        ("added", "[0]", None, {"c": "y"}),
    ]


def test_the_same_entries_in_another_order_are_one_difference() -> None:
    assert compare({"a": [1, 2, 3]}, {"a": [3, 1, 2]}) == [("moved", "a", None, None)]
    rows = [row("North", 1), row("South", 2)]
    (found,) = find(rows, rows[::-1])
    assert found.sort is Sort.MOVED


def test_entries_that_are_no_records_are_matched_in_their_order() -> None:
    assert compare(["a", "b", "c"], ["a", "x", "c"]) == [("changed", "[1]", "b", "x")]
    assert compare([[1, 2]], [[1, 3]]) == [("changed", "[0][1]", 2, 3)]
    assert compare([1], [1, 1]) == [("added", "[1]", None, 1)]


def test_a_record_in_the_place_of_a_number_is_another_value() -> None:
    assert compare([1], [{"a": "b"}]) == [
        ("removed", "[0]", 1, None),
        ("added", "[0]", None, {"a": "b"}),
    ]


def test_what_lies_too_deep_is_compared_as_a_whole() -> None:
    old: Any = 1
    new: Any = 2
    for _ in range(DEEPEST * 3):
        old, new = {"a": old}, {"a": new}
    (found,) = find(old, new)
    assert found.path.count("a") == DEEPEST


def test_a_row_with_long_words_has_a_short_name() -> None:
    (found,) = find([{"area": "N" * 200, "count": 1}], [{"area": "N" * 200, "count": 2}])
    assert found.row.endswith("…")
    assert len(found.row) <= 60
