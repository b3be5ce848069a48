"""Values as messages show them."""

from typing import Any

import pytest

from wb_cli.instances.texts import name_entry, shorten


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", '"a"'),
        (True, "true"),
        ({"é": [1]}, '{"é": [1]}'),
        ("x" * 100, '"' + "x" * 59 + "…"),
        ("\x1b[2J", '"\\u001b[2J"'),
        ("\u202e", '"\\u202e"'),
        ("\ud800", '"\\ud800"'),
    ],
)
def test_a_value_is_shown_as_json_cut_and_without_control_characters(value: Any, text: str) -> None:
    assert shorten(value) == text


def test_a_value_nested_too_deeply_is_not_shown() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    assert "too deeply" in shorten(value)


@pytest.mark.parametrize(
    ("raw", "name"),
    [({"id": "Demo"}, "Demo"), ({"id": "a\n"}, "an entry"), ({"id": 7}, "an entry"),
     ({"id": ""}, "an entry"), ({}, "an entry"), (7, "an entry"), ({"id": "x" * 99}, "an entry")],
)  # fmt: skip
def test_an_entry_is_named_by_its_id_if_the_id_can_be_printed(raw: Any, name: str) -> None:
    assert name_entry(raw) == name
