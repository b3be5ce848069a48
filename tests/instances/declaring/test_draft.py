"""An edited copy is taken, merged with what others did meanwhile, or refused."""

import json
from typing import Any

import pytest
from instances.examples import entry

from wb_cli.errors import UsageError
from wb_cli.instances.declaring.draft import ConflictError, Verdict, judge_draft, judge_whole

COPY = "copy.json"
ONE, TWO = entry("a", 9000), entry("b", 9001)


def text(*entries: Any) -> bytes:
    return json.dumps(entries, indent=2).encode()


def read(verdict: Verdict) -> Any:
    return json.loads(verdict.content)


def test_a_draft_of_an_unchanged_file_is_taken_in_the_order_of_the_ids() -> None:
    verdict = judge_draft(text(ONE), text(TWO, ONE | {"memory": "2g"}), text(ONE), COPY)
    assert read(verdict) == [ONE | {"memory": "2g"}, TWO]
    assert [change.mark for change in verdict.comparison.changes] == ["~", "+"]


def test_the_first_file_is_made_of_a_draft() -> None:
    assert read(judge_draft(None, text(ONE), None, COPY)) == [ONE]


def test_what_somebody_else_changed_meanwhile_is_merged() -> None:
    base, present = text(ONE), text(ONE | {"memory": "2g"}, TWO)
    verdict = judge_draft(base, text(ONE | {"label": "New"}), present, COPY)
    assert read(verdict) == [ONE | {"label": "New", "memory": "2g"}, TWO]
    assert [str(change) for change in verdict.comparison.changes] == ['~ a: label: "Demo" -> "New"']


def test_where_both_changed_the_same_the_draft_gets_their_other_changes_and_is_refused() -> None:
    base, present = text(ONE), text(ONE | {"label": "Theirs", "memory": "2g"})
    with pytest.raises(ConflictError, match="changed the same: a: label") as caught:
        judge_draft(base, text(ONE | {"label": "Ours"}), present, COPY)
    merged = caught.value.merged
    assert json.loads(merged) == [ONE | {"label": "Ours", "memory": "2g"}]
    assert read(judge_draft(present, merged, present, COPY)) == json.loads(merged)


def test_a_draft_that_is_no_json_is_refused_with_its_line() -> None:
    with pytest.raises(UsageError, match=r"copy\.json: line 2, column 1"):
        judge_draft(text(ONE), b"[\n", text(ONE), COPY)


def test_a_draft_that_makes_an_entry_wrong_is_refused_and_each_is_named() -> None:
    with pytest.raises(UsageError) as caught:
        judge_draft(text(ONE), text(ONE | {"port": 1}, TWO | {"cpus": "x"}), text(ONE), COPY)
    assert caught.value.overview == "copy.json: 2 entries break a rule; nothing was written"
    first, second = caught.value.details
    assert first.startswith("line 5 (a): port 1 must be")
    assert 'cpus "x" must be' in second
    with pytest.raises(UsageError, match="port 1 must be") as caught:
        judge_draft(text(ONE), text(ONE | {"port": 1}), text(ONE), COPY)
    assert "an entry breaks a rule" in caught.value.overview


def test_an_entry_that_was_refused_before_may_stay_refused() -> None:
    broken = entry("c", 9002) | {"port": "x"}
    verdict = judge_draft(text(broken), text(broken, ONE), text(broken), COPY)
    assert read(verdict) == [ONE, broken]


def test_a_file_that_could_not_be_read_can_be_mended() -> None:
    broken = text(ONE)[:-3]
    assert read(judge_draft(broken, text(ONE), broken, COPY)) == [ONE]


def test_a_file_that_somebody_broke_meanwhile_is_not_written_over() -> None:
    with pytest.raises(UsageError, match="as somebody left it"):
        judge_draft(text(ONE), text(TWO), b"[", COPY)


def test_only_doubts_about_what_was_changed_are_told() -> None:
    old = ONE | {"frnech": True}
    verdict = judge_draft(text(old), text(old, TWO | {"colour": 1}), text(old), COPY)
    assert [(doubt.id, doubt.text) for doubt in verdict.doubts] == [
        ("b", 'unknown field "colour". It is kept, and means nothing to wb.')
    ]


def test_a_whole_content_is_compared_with_the_present_one_and_checked() -> None:
    comparison = judge_whole(text(ONE), text(ONE, TWO), "copy")
    assert [str(change) for change in comparison.changes] == ["- b"]
    with pytest.raises(UsageError, match="port 1 must be"):
        judge_whole(text(ONE | {"port": 1}), None, "copy")
