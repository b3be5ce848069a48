"""Two contents of the registry file are compared entry by entry."""

import json
from typing import Any

from instances.examples import entry

from wb_cli.instances.declaring.comparison import Comparison, compare
from wb_cli.instances.registry_file.text import parse


def compared(old: list[Any], new: list[Any]) -> Comparison:
    return compare(*(parse(json.dumps(side).encode(), "") for side in (old, new)))


def test_each_change_is_a_line_of_a_diff_without_private_values() -> None:
    old = [entry("a", 9000, env={"K": "hush"}), entry("b", 9001), entry("c", 9002)]
    new = [entry("a", 9005, env={"K": "other"}), entry("c", 9002), entry("d", 9003)]
    comparison = compared(old, new)
    assert [str(change) for change in comparison.changes] == [
        "~ a: port: 9000 -> 9005; env.K: changed",
        "- b",
        '+ d: label "Demo", port 9003, serverVersion "1.6.7"',
    ]
    assert [change.as_document()["action"] for change in comparison.changes] == [
        "change",
        "remove",
        "add",
    ]
    assert comparison.removed_ids == ["b"]


def test_instances_that_are_new_or_changed_are_given_before_and_after() -> None:
    old = [entry("a", 9000), entry("b", 9001), entry("c", 9002) | {"port": "x"}]
    new = [entry("a", 9005), entry("b", 9001), entry("c", 9002), entry("d", 9003)]
    pairs = compared(old, new).changed_instances
    assert [(before and before.port, after.port) for before, after in pairs] == [
        (9000, 9005),
        (None, 9002),
        (None, 9003),
    ]


def test_another_order_or_other_spaces_are_no_change() -> None:
    one, two = entry("a", 9000), entry("b", 9001)
    assert compared([one, two], [two, one]).changes == ()


def test_entries_with_one_id_and_entries_without_are_compared_in_their_order() -> None:
    twice = [entry("a", 9000), entry("a", 9001)]
    changed = compared([*twice, 7], [twice[0], entry("a", 9002), {"label": "x"}]).changes
    assert sorted(str(change) for change in changed) == [
        '+ an entry: label "x"',
        "- an entry",
        "~ a: port: 9001 -> 9002",
    ]
    assert [str(change) for change in compared([], [7]).changes] == ["+ an entry"]
