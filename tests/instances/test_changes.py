"""Words of a command line change an entry."""

from typing import Any

import pytest

from wb_cli.errors import UsageError
from wb_cli.instances.changes import assign, describe_differences, show_value, unset


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("port=9100", "port", 9100),
        ("label=7", "label", "7"),
        ("label=a=b", "label", "a=b"),
        ("serverVersion=1.10", "serverVersion", "1.10"),
        ("tags=a, b", "tags", ["a", "b"]),
        ("tags=", "tags", []),
        ("french=true", "french", True),
        ("french=yes", "french", "yes"),
        ("memory=2g", "memory", "2g"),
        ("memory=7000000", "memory", 7000000),
        ("cpus=1.5", "cpus", 1.5),
        ("restart=no", "restart", "no"),
        ('env={"A": "b"}', "env", {"A": "b"}),
        ("env.A=1", "env", {"A": "1"}),
        ("env.A=b=c", "env", {"A": "b=c"}),
    ],
)
def test_a_word_becomes_a_value_of_the_field(word: str, name: str, value: Any) -> None:
    assert assign({}, [word]) == {name: value}


def test_assign_does_not_change_the_given_entry() -> None:
    given = {"env": {"A": "1"}, "x": 1}
    assert assign(given, ["env.B=2"]) == {"env": {"A": "1", "B": "2"}, "x": 1}
    assert given == {"env": {"A": "1"}, "x": 1}


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("prt=1", "port"),
        ("server_version=1", "serverVersion"),
        ("server-version=1", "serverVersion"),
        ("zzzz=1", "wb config fields"),
    ],
)
def test_an_unknown_field_is_refused_with_similar_names(word: str, hint: str) -> None:
    with pytest.raises(UsageError, match="no field") as caught:
        assign({}, [word])
    assert hint in caught.value.hint


def test_unset_takes_away_a_field_that_wb_does_not_know() -> None:
    assert unset({"id": "a", "x": 1}, ["x"]) == {"id": "a"}
    with pytest.raises(UsageError):
        unset({"id": "a"}, ["x"])


def test_differences_hide_variables() -> None:
    old = {"port": 1, "env": {"A": "hush"}, "x": 1}
    new = {"port": 2, "env": {"A": "quiet"}, "y": [1]}
    assert list(describe_differences(old, new)) == [
        "port: 1 -> 2",
        "env.A: changed",
        "x: 1 -> not set",
        "y: not set -> [1]",
    ]


def test_a_word_without_a_value_is_refused() -> None:
    with pytest.raises(UsageError, match='"port" is not field=value') as caught:
        assign({}, ["port"])
    assert "port=9100" in caught.value.hint


def test_a_variable_that_wb_sets_is_refused_unless_the_file_has_it_already() -> None:
    with pytest.raises(UsageError, match=r"env\.PORT: wb sets this variable itself"):
        assign({}, ["env.PORT=1"])
    assert assign({"env": {"PORT": "1"}}, ["label=A"])["label"] == "A"


def test_unset_takes_one_variable_away_and_env_with_the_last() -> None:
    assert unset({"env": {"A": "1", "B": "2"}}, ["env.A"]) == {"env": {"B": "2"}}
    assert unset({"env": {"A": "1"}}, ["env.A"]) == {}
    assert unset({"id": "a", "env": {"A": "1"}}, ["env.B"]) == {"id": "a", "env": {"A": "1"}}
    assert unset({"id": "a"}, ["memory"]) == {"id": "a"}


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
    assert list(describe_differences(old, new)) == lines


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
