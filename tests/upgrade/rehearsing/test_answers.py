"""The answers of the version from before, and how those of the newer one are compared with them."""

import base64
import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from wb_cli.errors import WbError
from wb_cli.upgrade.rehearsing import answers as module
from wb_cli.upgrade.rehearsing.answers import Answer, Kept, parse_answer, read_body
from wb_cli.upgrade.rehearsing.comparing import Comparison


def answer(value: Any, path: str = "/a", status: int = 200, version: str = "v1") -> Answer:
    text = json.dumps(value).encode()
    body = base64.b64encode(zlib.compress(text)).decode()
    return Answer(path, f"result {path}", status, version, str(hash(text)), body)


@pytest.fixture
def comparison() -> Iterator[Comparison]:
    made = Comparison()
    yield made
    made.kept.close()


def test_what_is_kept_can_be_read_in_any_order() -> None:
    kept = Kept()
    for number in range(3):
        kept.add(answer({"n": number}, f"/{number}"))
    assert [kept.read(f"/{number}") for number in (2, 0, 1)] == [{"n": 2}, {"n": 0}, {"n": 1}]
    assert kept.answers["/1"].body == ""
    kept.close()


def test_beyond_its_room_a_text_is_only_known_by_its_digest() -> None:
    kept = Kept(most_bytes=10)
    kept.add(answer({"text": "longer than that"}))
    with pytest.raises(KeyError):
        kept.read("/a")
    assert kept.answers["/a"].digest
    kept.close()


def test_a_text_is_not_decompressed_beyond_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 1000)
    with pytest.raises(KeyError):
        read_body(answer("a" * 10_000_000))
    assert read_body(answer("a" * 100)) == "a" * 100


def test_what_is_no_json_is_text() -> None:
    body = base64.b64encode(zlib.compress(b"<html>")).decode()
    assert read_body(Answer("/a", "a", 200, body=body)) == "<html>"


def test_a_line_is_an_answer_or_refused() -> None:
    assert parse_answer('{"path": "/a", "name": "a", "status": 404}').describe() == "HTTP 404"
    with pytest.raises(ValueError, match="name"):
        parse_answer('{"path": "/a", "status": 404}')


def test_equal_answers_are_compared_and_do_not_differ(comparison: Comparison) -> None:
    comparison.keep(answer({"n": 1}))
    comparison.compare(answer({"n": 1}))
    comparison.require_all()
    assert (comparison.tally.differing, comparison.other_versions) == (0, 0)


def test_another_figure_is_found(comparison: Comparison) -> None:
    comparison.keep(answer({"n": 1}))
    comparison.compare(answer({"n": 3}))
    (group,) = comparison.tally.groups
    assert group.kept[0].describe() == "result /a: n: 1 -> 3"


def test_data_of_another_version_is_counted_and_is_no_difference(comparison: Comparison) -> None:
    comparison.keep(answer({"n": 1}))
    comparison.compare(answer({"n": 1}, version="v2"))
    assert (comparison.tally.differing, comparison.other_versions) == (0, 1)


def test_a_result_that_the_newer_version_does_not_give_is_a_difference(
    comparison: Comparison,
) -> None:
    for path in ("/a", "/b"):
        comparison.keep(answer({"n": 1}, path))
    comparison.compare(answer({}, "/a", status=404))
    comparison.compare(answer({}, "/b", status=0))
    (group,) = comparison.tally.groups
    assert [found.new for found in group.kept] == ["HTTP 404", "no answer"]


def test_what_the_older_version_does_not_have_is_no_result_and_what_it_fails_at_is_named(
    comparison: Comparison,
) -> None:
    comparison.keep(answer({}, "/none", status=404))
    comparison.keep(answer({}, "/fails", status=500))
    comparison.keep(answer({}, "/silent", status=0))
    assert comparison.results == ()
    assert comparison.unanswered == ["result /fails", "result /silent"]


def test_an_answer_without_its_text_is_only_known_to_differ(comparison: Comparison) -> None:
    comparison.keep(answer({"n": 1}))
    comparison.compare(Answer("/a", "a", 200, "v1", "other"))
    assert comparison.tally.groups[0].describe().startswith("known to differ")


def test_a_part_of_the_results_is_not_judged_by(comparison: Comparison) -> None:
    comparison.keep(answer({"n": 1}))
    with pytest.raises(WbError, match="was not asked for result /a"):
        comparison.require_all()
