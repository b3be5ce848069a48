"""Words of a command line change an entry."""

import re
from typing import Any

import pytest

from wb_cli.errors import UsageError
from wb_cli.instances.registry_file.changes import assign, unset


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
        *((f"french={word}", "french", True) for word in ("yes", "1", "on", "True")),
        *((f"french={word}", "french", False) for word in ("false", "no", "0", "off")),
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
    ("word", "message"),
    [
        ("french=maybe", 'french "maybe" must be true or false'),
        ("port=abc", 'port "abc" must be a whole number from 1000 to 55535'),
        ("memory=lots", 'memory "lots" must be a size of at least 6m'),
        ("cachePersistence=off", 'cachePersistence "off" must be "rdb" or "aof"'),
        ("tags+=@a", 'tags ["@a"] must be a list of words'),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(word: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        assign({}, [word])
    assert caught.value.message.startswith(message)
    assert "without quotes" not in caught.value.message


@pytest.mark.parametrize(
    ("tags", "words", "left"),
    [
        (None, ["tags+=a"], ["a"]),
        (["a"], ["tags+=b, a"], ["a", "b"]),
        (["a", "b"], ["tags-=a", "tags+=c"], ["b", "c"]),
        (["a"], ["tags-=b"], ["a"]),
    ],
)
def test_words_are_added_to_a_list_and_taken_away(
    tags: list[str] | None, words: list[str], left: list[str]
) -> None:
    assert assign({"tags": tags} if tags else {}, words) == {"tags": left}


def test_a_list_that_has_become_empty_is_left_out() -> None:
    assert assign({"id": "a", "tags": ["x"]}, ["tags-=x"]) == {"id": "a"}


@pytest.mark.parametrize(
    ("raw", "word", "message"),
    [
        ({}, "memory+=1g", "memory is not a list"),
        ({}, "tgas+=a", 'no field "tgas"'),
        ({"tags": "a b"}, "tags+=c", 'tags "a b" is not a list'),
    ],
)
def test_only_a_list_can_be_added_to(raw: Any, word: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        assign(raw, [word])
    assert caught.value.hint


def test_a_setting_is_told_from_a_field() -> None:
    with pytest.raises(UsageError, match='no field "domain"') as caught:
        assign({}, ["domain=x.org"])
    assert "`wb config settings set domain=...`" in caught.value.hint


def test_a_setting_of_postgresql_is_set_and_taken_away_by_its_name() -> None:
    raw = assign({"id": "a"}, ["postgresSettings.work_mem=16MB", "postgresSettings.jit=off"])
    assert raw == {"id": "a", "postgresSettings": {"work_mem": "16MB", "jit": "off"}}
    assert unset(raw, ["postgresSettings.jit"]) == {
        "id": "a",
        "postgresSettings": {"work_mem": "16MB"},
    }
    assert unset(raw, ["postgresSettings.jit", "postgresSettings.work_mem"]) == {"id": "a"}
    assert unset(raw, ["postgresSettings"]) == {"id": "a"}


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("postgresSettings.work_mem=16", 'postgresSettings.work_mem "16" must be a size from 64kB'),
        ("postgresSettings.wrok_mem=1GB", "postgresSettings.wrok_mem is no setting"),
        ("postgresSettings=work_mem", "must be an object of names and values"),
    ],
)
def test_a_wrong_setting_of_postgresql_is_refused(word: str, problem: str) -> None:
    with pytest.raises(UsageError, match=re.escape(problem)):
        assign({"id": "a"}, [word])
