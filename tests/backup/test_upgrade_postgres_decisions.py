"""Which image an upgrade of PostgreSQL leads to, what it compares, and what is said of it."""

from typing import Any

import pytest
from msgspec.structs import replace

from wb_cli.backup.another_postgres.move import Moved
from wb_cli.backup.another_postgres.target import Step, choose_step, name_image
from wb_cli.backup.another_postgres.upgraded import Ending, Upgraded
from wb_cli.backup.another_postgres.writers import find_written
from wb_cli.backup.copying.counting import Count
from wb_cli.errors import UsageError

DEFAULT = "postgres:17.4"
BY_ID = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("word", "declared", "named"),
    [
        ("18", "postgres:17.4", "postgres:18"),
        ("17.6", "registry:5000/pg:17.4", "registry:5000/pg:17.6"),
        ("18.1-alpine", "postgres:17.4", "postgres:18.1-alpine"),
        ("17", "postgres:latest", "postgres:latest"),
        ("17.4", "postgres:latest", "postgres:latest"),
        ("18", BY_ID, "postgres:18"),
        ("team/pg:18", "postgres:17.4", "team/pg:18"),
    ],
)
def test_a_version_is_another_tag_unless_the_declared_image_has_it(
    word: str, declared: str, named: str
) -> None:
    assert name_image(word, declared, "17.4", DEFAULT) == named


@pytest.mark.parametrize("word", ["", "a b", "Postgres:18"])
def test_what_is_neither_a_version_nor_an_image_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="must be a version, such as 18, or an image reference"):
        name_image(word, DEFAULT, "17.4", DEFAULT)


@pytest.mark.parametrize(
    ("old", "new", "is_same", "step"),
    [
        ("17.4", "17.4", True, Step.NONE),
        ("17.4", "17.6", False, Step.RESTART),
        ("17.6", "17.4", False, Step.RESTART),
        ("15.18", "17.4", False, Step.MOVE),
        ("9.6", "17", False, Step.MOVE),
    ],
)
def test_only_another_major_version_moves_the_databases(
    old: str, new: str, is_same: bool, step: Step
) -> None:
    assert choose_step(old, new, is_same_image=is_same) is step


def test_no_way_leads_back_to_an_earlier_major_version() -> None:
    with pytest.raises(UsageError, match="no way leads back to the major version 16"):
        choose_step("17.4", "16.1", is_same_image=False)


def read(*lines: str) -> Moved:
    said = Moved()
    for line in lines:
        said.read(line)
    return said


def test_the_script_s_lines_are_steps_obstacles_settings_and_what_both_hold() -> None:
    said = Moved()
    assert said.read("copying the roles") == "copying the roles"
    assert said.read("obstacle it has the tablespace fast, outside its folder") == ""
    assert said.read("left out old_snapshot_threshold") == ""
    assert said.read('old ["main", "rows of", "public.a", 3]') == ""
    assert said.read('new ["main", "rows of", "public.a", 3]') == ""
    assert said.obstacles == ["it has the tablespace fast, outside its folder"]
    assert said.left_out == ["old_snapshot_threshold"]
    assert (said.tables, said.rows, said.differences) == (1, 3, [])


def test_each_difference_between_both_is_a_sentence() -> None:
    said = read(
        'old ["main", "rows of", "public.a", 1003]',
        'new ["main", "rows of", "public.a", 1002]',
        'old ["main", "number", "triggers", 1]',
        'new ["trial", "rows of", "public.b", 5]',
    )
    assert said.differences == [
        "main: number triggers: 1, and missing in the copy",
        "main: rows of public.a: 1,003, and 1,002 in the copy",
        "trial: rows of public.b: missing, and 5 in the copy",
    ]


def test_a_table_that_was_written_to_made_or_removed_meanwhile_is_found() -> None:
    before = {"main": {"a": Count(1, "x"), "b": Count(1, "x"), "gone": Count(0, "x")}}
    after = {"main": {"a": Count(1, "x"), "b": Count(1, "y")}, "new": {"c": Count(0, "x")}}
    assert find_written(before, after) == [
        "the table b in main",
        "the table gone in main",
        "the table c in new",
    ]
    assert find_written(before, before) == []


PLANNED = Upgraded(
    ending=Ending.PLANNED,
    step=Step.MOVE,
    image="postgres:18",
    before="17.4",
    after="18.1",
    database_bytes=5 * 2**20,
)
SAID: dict[str, dict[str, Any]] = {
    "would be moved to postgres:18: PostgreSQL 18.1 in the place of 17.4, 5.0 MiB of databases": {},
    "would be restarted on postgres:18: PostgreSQL 18.1 in the place of 17.4": {
        "step": Step.RESTART
    },
    "runs PostgreSQL 17.4 of postgres:18 already": {"ending": Ending.UNCHANGED},
    "PostgreSQL 18.1 in the place of 17.4, the same 1,003 rows in 13 tables: http://x; away for "
    "6.2 s (9.0 s)": {
        "ending": Ending.UPGRADED,
        "tables": 13,
        "rows": 1003,
        "url": "http://x",
        "away_s": 6.2,
        "seconds": 9.0,
    },
}


@pytest.mark.parametrize("said", SAID)
def test_what_is_said_of_an_upgrade(said: str) -> None:
    assert replace(PLANNED, **SAID[said]).describe() == said
