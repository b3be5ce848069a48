"""What is said of a rehearsal: its end, its exit code, its lines, and its page."""

import json
from typing import Any

import pytest

from wb_cli.cli.commands.schema import read_schema
from wb_cli.errors import ExitCode
from wb_cli.upgrade.rehearsing.causes import Cause
from wb_cli.upgrade.rehearsing.page import write_page
from wb_cli.upgrade.rehearsing.rehearsed import GROUPS_SHOWN, Ending, Rehearsed, combine
from wb_cli.upgrade.rehearsing.tally import Found, Group, Tally
from wb_cli.upgrade.target import Version

OLD, NEW = Version("1.6.7", "", "p:1.6.7", "sha256:1"), Version("1.7.0", "", "p:1.7.0", "sha256:2")
MADE = "2026-11-27T15:00:00Z"
HOSTILE = '<script>alert("1")</script>'


def make(compared: int = 10, differing: int = 0, **more: Any) -> Rehearsed:
    fields = {"is_proven": True} | more
    return Rehearsed(
        "demo", OLD, NEW, "abcdef0123456", MADE, compared=compared, differing=differing, **fields
    )


def differ(name: str = "one", field: str = "n", count: int = 1) -> tuple[Group, ...]:
    tally = Tally()
    for _ in range(count):
        tally.compare(name, {field: 1}, {field: 3})
    return tuple(tally.groups)


@pytest.mark.parametrize(
    ("rehearsed", "ending", "code"),
    [
        (make(), Ending.SAME, ExitCode.OK),
        (make(differing=1, groups=differ()), Ending.DIFFERS, ExitCode.DIFFERS),
        (make(differing=1, groups=differ(), unanswered=("a",)), Ending.DIFFERS, ExitCode.DIFFERS),
        (make(unanswered=("a",)), Ending.UNKNOWN, ExitCode.FAILURE),
        (make(compared=0), Ending.UNKNOWN, ExitCode.FAILURE),
    ],
)
def test_only_where_all_was_compared_it_is_the_same(
    rehearsed: Rehearsed, ending: Ending, code: ExitCode
) -> None:
    assert (rehearsed.ending, rehearsed.exit_code) == (ending, code)
    assert rehearsed.as_document()["result"] == ending


def test_the_lines_name_what_differs_and_how_much_more_there_is() -> None:
    groups = differ(count=8)
    text = make(differing=8, groups=groups, is_proven=False, other_versions=3).describe()
    first, second, *found, more, versions = text.splitlines()
    assert first == (
        "1.6.7 -> 1.7.0: 8 of 10 results differ, in 8 values, on the backup abcdef01 of "
        "2026-11-27 15:00 (not proven) (0.0 s)"
    )
    assert second == "  another figure in n: 8 in one result"
    assert found == ["    one: n: 1 -> 3"] * 5
    assert more == "    and 3 more"
    assert "3 results has another version" in versions


def test_many_groups_are_cut_in_the_lines_and_not_in_the_document() -> None:
    groups = tuple(
        Group(Cause.FIGURE, "", f"f{number}", 1, 1) for number in range(GROUPS_SHOWN + 2)
    )
    found = make(differing=1, groups=groups)
    assert "and 2 more groups" in found.describe()
    assert len(found.as_document()["groups"]) == GROUPS_SHOWN + 2


def test_what_was_not_compared_is_said() -> None:
    assert "no result" in make(compared=0).describe()
    text = make(unanswered=("a", "b")).describe()
    assert "10 results are the same, and 2 could not be compared" in text
    assert "gave no answer to a, b" in text
    assert "all 10 results are the same" in make().describe()


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ([0, 0], 0),
        ([0, 8], 8),
        ([8, 8], 8),
        ([8, 1], 3),
        ([0, 1], 1),
        ([], 0),
    ],
)
def test_what_differs_on_one_instance_differs(codes: list[int], code: int) -> None:
    assert combine(map(ExitCode, codes)) == code


def test_the_page_is_whole_by_itself_and_escapes_everything() -> None:
    kept = [Found(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)]
    groups = (Group(Cause.TEXT, HOSTILE, HOSTILE, 30, 1, kept),)
    found = make(differing=1, groups=groups, unanswered=(HOSTILE,))
    page = "".join(write_page([found, make()], {"mali": HOSTILE}, MADE))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 9
    assert "29 more are not shown" in page
    assert "src=" not in page
    assert "href=" not in page
    assert "All 10 results are the same" in page


def test_a_long_group_is_closed_at_first_on_the_page() -> None:
    page = "".join(write_page([make(differing=1, groups=differ(count=30))], {}, MADE))
    assert "<details><summary>" in page
    short = "".join(write_page([make(differing=1, groups=differ())], {}, MADE))
    assert "<details open>" in short


def test_the_schema_has_exactly_the_existing_causes_and_endings() -> None:
    defined = json.loads(read_schema("upgrade"))["$defs"]
    assert set(defined["group"]["properties"]["cause"]["enum"]) == set(Cause)
    assert set(defined["rehearsed"]["oneOf"][0]["properties"]["result"]["enum"]) == set(Ending)
