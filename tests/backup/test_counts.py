"""What a manifest says of tables, and how restored ones are compared with it."""

import pytest

from wb_cli.backup.copying.counting import Count, Counts, Postgres, parse_counts
from wb_cli.backup.copying.tables import describe_tables
from wb_cli.backup.manifest import Database, Manifest, Table, parse, render
from wb_cli.backup.prove import compare
from wb_cli.errors import WbError

BEFORE: Counts = {"main": {"public.a": Count(3, "1:3:0:0"), "public.b": Count(5, "2:5:0:0")}}


def manifest(*tables: Table) -> Manifest:
    return Manifest(
        instance="demo", snapshot="aa1", began="", ended="", wb="0.1.0", postgres="17.1",
        images={}, wal_position="0/1", databases=(Database("main", tables),), folders=(),
        files=1, bytes=1, added_bytes=1,
    )  # fmt: skip


@pytest.mark.parametrize(("answer", "seconds"), [("", 0), ("0", 10), ("4.5", 5.5), ("600.1", 0)])
def test_what_was_written_is_told_ten_seconds_after_the_last_client_was_at_work(
    answer: str, seconds: float
) -> None:
    class Engine:
        def execute(self, *_: object) -> tuple[int, bytes]:
            return 0, answer.encode()

    assert Postgres(Engine(), "demo-postgres").count_seconds_until_told() == seconds  # type: ignore[arg-type]  # it only executes


def test_a_table_whose_state_is_another_one_was_written_to() -> None:
    after = {"main": {"public.a": Count(0, "1:3:0:0"), "public.b": Count(0, "2:6:0:1")}}
    (database,) = describe_tables(BEFORE, after)
    assert {table.name: table.was_written for table in database.tables} == {
        "public.a": False,
        "public.b": True,
    }


def test_a_table_that_is_gone_meanwhile_was_written_to() -> None:
    (database,) = describe_tables(BEFORE, {})
    assert all(table.was_written for table in database.tables)


def test_names_with_any_character_are_read_as_they_are() -> None:
    assert parse_counts(['["a\\nb", "public.\\"x\\"", 7, "1:7:0:0"]']) == {
        "a\nb": {'public."x"': Count(7, "1:7:0:0")}
    }


@pytest.mark.parametrize(
    ("restored", "said"),
    [
        ({"public.a": Count(3, "")}, ""),
        ({"public.a": Count(2, "")}, "main: public.a has 2 rows, not 3"),
        ({}, "main: public.a is missing"),
    ],
)
def test_a_table_that_was_left_alone_must_have_its_rows(
    restored: dict[str, Count], said: str
) -> None:
    assert compare(manifest(Table("public.a", 3, False)), {"main": restored}) == said


def test_a_table_that_was_written_to_is_not_compared() -> None:
    assert compare(manifest(Table("public.a", 3, True)), {"main": {}}) == ""


def test_a_manifest_is_read_as_it_was_written() -> None:
    written = manifest(Table("public.a", 3, True))
    assert parse(render(written), "aa1") == written


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b'{"format": 1}'])
def test_what_is_no_manifest_is_named(text: bytes) -> None:
    with pytest.raises(WbError, match="aa1 has no manifest that wb can read"):
        parse(text, "aa1")


def test_a_manifest_of_a_later_wb_is_not_guessed_at() -> None:
    later = render(manifest()).replace(b'"format": 1', b'"format": 3')
    with pytest.raises(WbError, match=r"written by wb 0\.1\.0"):
        parse(later, "aa1")
