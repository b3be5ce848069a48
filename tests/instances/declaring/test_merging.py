"""Two changes of the same entries become one, and nothing of either is lost."""

import json
from typing import Any

import pytest

from wb_cli.instances.declaring.merging import Merge, merge
from wb_cli.instances.registry_file.text import parse

Entries = list[Any]


def merged(base: Entries, ours: Entries, theirs: Entries) -> Merge:
    return merge(*(parse(json.dumps(side).encode(), "") for side in (base, ours, theirs)))


def values(result: Merge) -> Entries:
    return [entry.value for entry in result.entries]


A, B = {"id": "a", "port": 1}, {"id": "b", "port": 2}


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "result"),
    [
        ([A], [A | {"port": 5}], [A], [A | {"port": 5}]),
        ([A], [A], [A | {"port": 5}], [A | {"port": 5}]),
        ([A], [A | {"port": 5}], [A | {"port": 5}], [A | {"port": 5}]),
        ([A], [A, B], [A], [A, B]),
        ([A], [A], [A, B], [A, B]),
        ([A, B], [A], [A, B], [A]),
        ([A, B], [A, B], [A], [A]),
        ([A, B], [A], [A], [A]),
        ([A], [A | {"x": 1}], [A | {"y": 2}], [A | {"x": 1, "y": 2}]),
        ([A | {"x": 1}], [A], [A | {"x": 1, "y": 2}], [A | {"y": 2}]),
        ([A | {"x": 1}], [A | {"x": 1, "y": 2}], [A], [A | {"y": 2}]),
        ([A], [A | {"x": 1}], [A | {"x": 1, "y": 1}], [A | {"x": 1, "y": 1}]),
        ([A], [A | {"x": 1, "y": 1}], [A | {"x": 1}], [A | {"x": 1, "y": 1}]),
        ([], [A], [A], [A]),
    ],
)
def test_what_only_one_side_changed_is_taken(
    base: Entries, ours: Entries, theirs: Entries, result: Entries
) -> None:
    assert values(merged(base, ours, theirs)) == result
    assert merged(base, ours, theirs).conflicts == ()


def test_variables_are_merged_one_by_one() -> None:
    result = merged(
        [A | {"env": {"X": "1"}}],
        [A | {"env": {"X": "1", "Y": "2"}}],
        [A | {"env": {"X": "3"}}],
    )
    assert values(result) == [A | {"env": {"X": "3", "Y": "2"}}]
    both_new = merged([A], [A | {"env": {"X": "1"}}], [A | {"env": {"Y": "2"}}])
    assert values(both_new) == [A | {"env": {"X": "1", "Y": "2"}}]


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "conflict", "result"),
    [
        ([A], [A | {"port": 5}], [A | {"port": 6}], "a: port", [A | {"port": 5}]),
        ([A], [A | {"port": 5}], [], "a: changed here, removed there", [A | {"port": 5}]),
        ([A], [], [A | {"port": 5}], "a: removed here, changed there", [A | {"port": 5}]),
        ([], [A], [A | {"port": 5}], "a: port", [A]),
        (
            [A | {"env": {"X": "1"}}],
            [A | {"env": {"X": "2"}}],
            [A | {"env": {"X": "3"}, "y": 1}],
            "a: env.X",
            [A | {"env": {"X": "2"}, "y": 1}],
        ),
    ],
)
def test_what_both_changed_is_named_and_ours_is_taken(
    base: Entries, ours: Entries, theirs: Entries, conflict: str, result: Entries
) -> None:
    assert merged(base, ours, theirs).conflicts == (conflict,)
    assert values(merged(base, ours, theirs)) == result


TWICE = [A, A | {"port": 9}]


@pytest.mark.parametrize("nameless", [[{"label": "x"}], [7], TWICE])
def test_entries_without_an_id_of_their_own_are_taken_from_the_side_that_changed_them(
    nameless: Entries,
) -> None:
    assert values(merged([], [B, *nameless], [B])) == [B, *nameless]
    assert values(merged([], [B], [B, *nameless])) == [B, *nameless]
    fight = merged([], nameless, [8])
    assert fight.conflicts == ("the entries without an id of their own",)
    assert values(fight) == nameless
