"""Data that JSON carries unchanged passes. Other data is refused, with its place and type."""

import datetime as dt
import decimal
import enum
import uuid
from collections import OrderedDict
from typing import NamedTuple

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wb_cli.server.cache.lossless import (
    MAX_INTEGER,
    OPTIONS,
    PIECE,
    UnfaithfulValueError,
    check,
    describe,
    is_large,
    to_json,
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
faithful = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30
)


class Colour(enum.StrEnum):
    RED = "red"


class Text(str):
    __slots__ = ()


class Point(NamedTuple):
    x: int
    y: int


UNFAITHFUL = [
    (float("nan"), "nan"),
    (float("inf"), "inf"),
    (float("-inf"), "-inf"),
    ((1, 2), "of type tuple"),
    (Point(1, 2), "of type Point"),
    ({1, 2}, "of type set"),
    (b"bytes", "of type bytes"),
    (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "of type datetime"),
    (dt.date(2026, 1, 1), "of type date"),
    (dt.timedelta(1), "of type timedelta"),
    (decimal.Decimal("1.5"), "of type Decimal"),
    (uuid.UUID(int=1), "of type UUID"),
    (Colour.RED, "of type Colour"),
    (Text("text"), "of type Text"),
    (OrderedDict(a=1), "of type OrderedDict"),
    (2**53, f"the integer {2**53}, past 53 bits"),
    (-(2**64), f"the integer {-(2**64)}, past 53 bits"),
    ("\ud800", "a string with a lone surrogate"),
    ({1: "a"}, "a dict with the key 1"),
    ({"\ud800": 1}, "a dict with the key '\\ud800'"),
    (object(), "of type object"),
]


def refuse(data: object) -> UnfaithfulValueError:
    with pytest.raises(UnfaithfulValueError) as refused:
        check(data, to_json(data))
    return refused.value


@given(faithful)
def test_data_that_passes_comes_back_the_same(data: object) -> None:
    encoded = to_json(data)
    check(data, encoded)
    assert repr(orjson.loads(encoded)) == repr(data)  # repr shows 1, 1.0 and True differently


@pytest.mark.parametrize(("value", "what"), UNFAITHFUL)
def test_a_value_that_json_changes_is_refused_with_its_type(value: object, what: str) -> None:
    assert refuse(value).what == what


@pytest.mark.parametrize(("value", "what"), UNFAITHFUL)
def test_a_value_that_json_changes_is_refused_with_its_place(value: object, what: str) -> None:
    error = refuse({"ok": None, "items": [{"a": 1.5}, {"a": value}]})
    assert (error.path, error.what) == ("$.items[1].a", what)
    assert str(error) == f"JSON does not carry this faithfully: $.items[1].a is {what}"


@given(faithful, st.sampled_from([value for value, _ in UNFAITHFUL]), st.data())
def test_an_offender_is_found_wherever_it_hides(data: object, bad: object, draw) -> None:
    for _ in range(draw.draw(st.integers(0, 4))):
        bad = draw.draw(
            st.sampled_from([[data, bad], {"x": data, "y": bad}, [bad], {"z": [[], bad, {}]}])
        )
    refuse(bad)


def test_a_container_in_itself_is_refused() -> None:
    loop: list = []
    loop.append(loop)
    refuse(loop)


def test_nesting_too_deep_for_the_encoder_is_refused() -> None:
    deep: list = []
    for _ in range(2000):
        deep = [deep]
    assert "ecursion" in refuse(deep).what


def test_scalars_and_empty_containers_have_no_fault() -> None:
    values: list[object] = [None, True, 1, 1.5, "text", [], {}]
    assert [describe(value) for value in values] == [None] * 7


ROWS = [{"area": f"District {n}", "value": n / 3, "none": None} for n in range(2 * PIECE + 1)]


@pytest.mark.parametrize(
    "data",
    [
        ROWS,
        ROWS[: PIECE + 1],
        {"status": "ok", "items": ROWS, "é": [1], "more": ROWS[: 2 * PIECE]},
        {"items": [[1, [2]]] * (PIECE + 1)},
    ],
)
def test_long_lists_are_encoded_in_pieces_to_the_same_bytes(data: object) -> None:
    assert is_large(data)
    encoded = to_json(data)
    check(data, encoded)
    assert encoded == orjson.dumps(data, option=OPTIONS)


@pytest.mark.parametrize("data", [ROWS[:PIECE], {"items": ROWS[:PIECE]}, {}, [], 1, {1: ROWS}])
def test_short_lists_and_odd_dicts_are_not_encoded_in_pieces(data: object) -> None:
    assert not is_large(data)


@pytest.mark.parametrize(
    ("odd", "what"), [(float("nan"), "nan"), (b"x", "of type bytes"), ((1,), "of type tuple")]
)
def test_an_unfaithful_value_in_a_long_list_is_named(odd: object, what: str) -> None:
    data = {"items": [*ROWS, {"area": odd}]}
    with pytest.raises(UnfaithfulValueError) as refused:
        check(data, to_json(data))
    assert (refused.value.path, refused.value.what) == (f"$.items[{len(ROWS)}].area", what)


def test_an_odd_key_beside_a_long_list_is_refused() -> None:
    with pytest.raises(UnfaithfulValueError):
        to_json({"items": ROWS, 1: "one"})
