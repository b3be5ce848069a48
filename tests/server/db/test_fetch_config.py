"""The fetch config: what decides an object's items, and nothing else."""

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
            unique_by=lambda each: each["dimension"],
        ),
        "period": st.fixed_dictionaries({}, optional={"latestMonths": st.integers(1, 60)}),
    },
)


def derived(config: dict) -> FetchConfig:
    return fetch_config(config, ["count", "rate"], "sum")


@given(CONFIGS)
def test_it_survives_the_journey_through_json(config: dict):
    fetch = derived(config)
    again = FetchConfig.from_json(fetch.to_json())
    assert again == fetch
    assert again.hash == fetch.hash


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
def test_whatever_decides_the_items_makes_a_difference(change: dict):
    config = {"disaggregateBy": ["area"], "values": ["count"], "period": {"latestMonths": 6}}
    assert derived(config | change).hash != derived(config).hash
    assert derived(config).hash != fetch_config(config, ["count"], "avg").hash


def test_the_hash_is_the_same_in_every_release():
    fetch = FetchConfig(("count",), "sum", ("area",), (Filter("year", ("2024",)),), 202401)
    assert fetch.hash == "729e62e5c3678c853d2a36395cf9d6e8"


def test_a_selected_replicant_narrows_and_an_open_one_groups():
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
def test_a_config_that_cannot_be_one_is_refused(config: dict):
    with pytest.raises(InvalidConfigError):
        derived(config)


@pytest.mark.parametrize("given", [{}, {"values": [], "valueFunc": "sum"}, [], None, "x"])
def test_a_request_that_cannot_be_one_is_refused(given: object):
    with pytest.raises(InvalidConfigError):
        FetchConfig.from_json(given)


def test_an_unknown_value_function_is_refused_by_name():
    with pytest.raises(InvalidConfigError, match="drop_table"):
        FetchConfig(("count",), "drop_table")
