"""What the program that copies a database says, in words for an operator."""

import pytest

from wb_cli.backup.copying.base_backup import describe_step
from wb_cli.backup.manifest import CHANGES, Manifest


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("checking", "checking the copy"),
        ("     0/23489 kB (0%), 0/1 tablespace", "copying the database: 0 B of 22.9 MiB"),
        ("  2048/ 23489 kB (8%), 0/1 tablespace", "copying the database: 2.0 MiB of"),
    ],
)  # fmt: skip
def test_a_line_of_the_copying_program_says_how_far_it_is(line: str, said: str) -> None:
    assert describe_step(line).startswith(said)


def test_changes_need_room_for_the_whole_copy_and_for_what_comes_of_both() -> None:
    whole = Manifest(
        instance="demo", snapshot="aa1", began="", ended="", wb="0.1.0", postgres="17.1",
        images={}, wal_position="0/1", databases=(), folders=(), files=1, bytes=10, added_bytes=1,
        database_bytes=100,
    )  # fmt: skip
    assert whole.room == 10
    changes = Manifest(**{name: getattr(whole, name) for name in whole.__struct_fields__} | {
        "format": CHANGES, "base": "aa0",
    })  # fmt: skip
    assert changes.room == 210
