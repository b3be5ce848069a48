"""Differences between two entries name what changed, and hide private values."""

from typing import Any

import pytest

from wb_cli.instances.declaring.differences import find_differences, hide, hide_any, show_value


def test_differences_hide_variables() -> None:
    old = {"port": 1, "env": {"A": "hush"}, "x": 1}
    new = {"port": 2, "env": {"A": "quiet"}, "y": [1]}
    assert [str(each) for each in find_differences(old, new)] == [
        "port: 1 -> 2",
        "env.A: changed",
        "x: 1 -> not set",
        "y: not set -> [1]",
    ]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ({"port": 1}, {"port": 1}, []),
        ({"french": 1}, {"french": True}, ["french: 1 -> true"]),
        ({"env": {"A": "1"}}, {"env": {}}, ["env.A: removed"]),
        ({}, {"env": {"A": "1"}}, ["env.A: set"]),
        ({"env": {"A": "1", "B": "2"}}, {"env": {"A": "1", "B": "3"}}, ["env.B: changed"]),
        ({"env": "A=1"}, {"env": "A=2"}, ["env: changed"]),
    ],
)
def test_differences_name_what_changed(old: Any, new: Any, lines: list[str]) -> None:
    assert [str(each) for each in find_differences(old, new)] == lines


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("port", 9000, "9000"),
        ("label", "Côte", "Côte"),
        ("tags", ["à"], '["à"]'),
        ("unknown", {"a": 1}, '{"a": 1}'),
        ("env", {"A": "hush", "B": "hush"}, "A=***, B=***"),
        ("env", "A=hush", "***"),
    ],
)
def test_a_value_is_shown_and_of_private_ones_the_names_alone(
    name: str, value: Any, text: str
) -> None:
    assert show_value(name, value) == text


def test_a_difference_as_a_document_has_both_values_and_hides_variables() -> None:
    old, new = {"port": 1, "env": {"A": "hush"}}, {"label": "x", "env": {"A": "quiet", "B": "c"}}
    assert [each.as_document() for each in find_differences(old, new)] == [
        {"field": "port", "old": "1", "new": None},
        {"field": "env.A", "old": "***", "new": "***"},
        {"field": "env.B", "old": None, "new": "***"},
        {"field": "label", "old": None, "new": '"x"'},
    ]


def test_an_entry_is_shown_without_the_values_of_its_variables() -> None:
    assert hide({"id": "a", "env": {"A": "hush"}}) == {"id": "a", "env": {"A": "***"}}
    assert hide({"env": "A=hush"}) == {"env": "***"}
    assert hide_any({"env": {"A": "hush"}}) == {"env": {"A": "***"}}
    assert hide_any(7) == 7


def test_private_values_are_shown_on_purpose() -> None:
    assert show_value("env", {"A": "b", "C": "d"}, reveal=True) == "A=b, C=d"
    assert show_value("env", "A=b", reveal=True) == "A=b"
