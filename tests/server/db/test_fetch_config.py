"""The fetch config: what decides an object's items, and nothing else."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wb_cli.server.db.fetch_config import (
    FetchConfig,
    Filter,
    InvalidConfigError,
    fetch_config,
)

WORDS = st.lists(st.sampled_from(["area", "indicator", "year"]), max_size=3)
CONFIGS = st.fixed_dictionaries(
    {"disaggregateBy": WORDS},
    optional={
        "values": st.lists(st.sampled_from(["count", "rate"]), min_size=1),
        "filters": st.lists(
            st.fixed_dictionaries(
                {"dimension": st.sampled_from(["area", "indicator"]), "values": WORDS}
            ),
            unique_by=lambda part: part["dimension"],
        ),
        "period": st.fixed_dictionaries({}, optional={"latestMonths": st.integers(1, 60)}),
    },
)


def derived(config: Any) -> FetchConfig:
    return fetch_config(config, ["count", "rate"], "sum")


@given(CONFIGS, st.randoms())
def test_order_and_repetition_make_no_difference(config: dict, random):
    shuffled = {key: config[key] for key in random.sample(list(config), len(config))}
    for key in ("disaggregateBy", "values"):
        if key in shuffled:
            shuffled[key] = random.sample(shuffled[key], len(shuffled[key])) + shuffled[key][:1]
    assert derived(shuffled).hash == derived(config).hash


@pytest.mark.parametrize("style", [{"type": "map"}, {"title": "New"}, {"colours": ["red"]}])
def test_style_makes_no_difference(style: dict):
    config = {"disaggregateBy": ["area"]}
    assert derived(config | style).hash == derived(config).hash


@pytest.mark.parametrize(
    "change",
    [
        {"disaggregateBy": ["year"]},
        {"values": ["rate"]},
        {"filters": [{"dimension": "area", "values": ["South"]}]},
        {"period": {"from": 202402}},
        {"period": {"to": 202402}},
        {"period": {"latestMonths": 7}},
        {"replicateBy": "indicator"},
        {"replicateBy": "indicator", "selectedReplicant": "opd"},
    ],
)
def test_every_field_that_decides_the_items_changes_the_hash(change: dict):
    config = {"disaggregateBy": ["area"], "values": ["count"], "period": {"latestMonths": 6}}
    assert derived(config | change).hash != derived(config).hash
    assert derived(config).hash != fetch_config(config, ["count"], "avg").hash


def test_the_hash_is_the_same_in_every_release():
    fetch = FetchConfig(("count",), "sum", ("area",), (Filter("year", ("2024",)),), 202401)
    assert fetch.hash == "729e62e5c3678c853d2a36395cf9d6e8"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, "a5bf487b7626354ebc6cdd46a51f27c2"),
        (
            {
                "values": ["b", "a"],
                "disaggregateBy": ["year", "admin_area_2"],
                "filters": [
                    {"dimension": "z", "values": ["2", "1", "1"]},
                    {"dimension": "a", "values": ["x"]},
                ],
                "period": {"from": 202201, "to": 202412},
            },
            "7ec5decfee665a1237986a8e4845d93b",
        ),
        (
            {
                "disaggregateBy": ["admin_area_2"],
                "replicateBy": "admin_area_3",
                "selectedReplicant": "Nord",
                "period": {"latestMonths": 12},
            },
            "83cba142efe14f7bcff7ec139368f8c1",
        ),
        (
            {"disaggregateBy": ["admin_area_2"], "replicateBy": "admin_area_3"},
            "432de2aeb96069a74de4c58d581ecf33",
        ),
        (
            {
                "filters": [{"dimension": "é|:%", "values": ["ñ", '\u20ac "q" \\', "\U0001f600"]}],
                "style": {"a": 1},
            },
            "e9af97324824128b31fd056dcba14e24",
        ),
    ],
)
def test_a_config_has_the_same_hash_in_every_release(config: dict, expected: str):
    """The hash is in the keys of cached entries, so another hash would lose all of them."""
    assert fetch_config(config, ["reported", "adjusted"], "sum").hash == expected


def test_a_selected_replicant_filters_and_an_open_replicant_groups():
    selected = derived({"replicateBy": "area", "selectedReplicant": "North"})
    assert (selected.group_by, selected.filters) == ((), (Filter("area", ("North",)),))
    assert derived({"replicateBy": "area"}).group_by == ("area",)
    assert selected.without_filter("area").filters == ()


@pytest.mark.parametrize(
    "config",
    [
        {"disaggregateBy": "area"},
        {"disaggregateBy": [1]},
        {"filters": [{"dimension": "area"}]},
        {"filters": [{"dimension": "area", "values": "North"}]},
        {"filters": [{"dimension": "area", "values": []}] * 2},
        {"period": {"latestMonths": 0}},
        {"period": {"from": "202401"}},
        {"period": {"from": True}},
        {"period": 7},
        {"period": {"from": 10**12}},
        {"values": ["a\0b"]},
        {"values": ["\ud800"]},
        {"values": [None]},
        {"replicateBy": 1},
    ],
)
def test_a_config_with_a_wrong_field_is_refused(config: dict):
    with pytest.raises(InvalidConfigError):
        derived(config)


@pytest.mark.parametrize("given", [[], None, "x", 7])
def test_a_value_that_is_no_config_is_refused(given: object):
    with pytest.raises(InvalidConfigError):
        derived(given)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"disaggregateBy": "area"}, "disaggregateBy is 'area': expected `array`, got `str`"),
        ({"values": ["a", 1]}, "values[1] is 1: expected `str`, got `int`"),
        ({"values": ["a\0b"]}, r"values[0] is 'a\x00b': expected a text without zero bytes and"),
        ({"filters": [{"dimension": 7, "values": []}]}, "filters[0].dimension is 7: expected"),
        ({"filters": [{}]}, "filters[0] is {}: object missing required field `dimension`"),
        ({"period": {"from": "x"}}, "period.from is 'x': expected `int | null`, got `str`"),
        ({"period": {"to": 10**9}}, "period.to is 1000000000: expected `int` <= 999912"),
        ({"period": {"latestMonths": 0}}, "period.latestMonths is 0: expected `int` >= 1"),
        ({"replicateBy": "a", "selectedReplicant": 7}, "selectedReplicant is 7: expected `str"),
    ],
)
def test_a_refusal_names_the_place_the_value_and_what_is_expected(config: dict, message: str):
    with pytest.raises(InvalidConfigError, match=re.escape(f"object's config: {message}")) as no:
        derived(config)
    assert no.value.hint == "correct the object's config"


@pytest.mark.parametrize("empty", [None, [], "", {}])
def test_a_field_that_is_empty_counts_as_left_out(empty: object):
    names = ("values", "disaggregateBy", "filters", "period", "replicateBy")
    assert derived(dict.fromkeys(names, empty)).hash == derived({}).hash


def test_an_unknown_value_function_is_refused_by_name():
    with pytest.raises(InvalidConfigError, match="drop_table"):
        FetchConfig(("count",), "drop_table")
