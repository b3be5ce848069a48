"""The records of the black box as an operator reads them."""

from pathlib import Path

import pytest
from lifecycle.examples import SETTINGS
from msgspec.structs import replace

from wb_cli.contract import Part
from wb_cli.instances.host_settings.settings import Settings
from wb_cli.lifecycle.record.beside_registry import folder_beside, make_folder, write_private
from wb_cli.lifecycle.record.black_box import Crash, encode, folder_of
from wb_cli.lifecycle.record.history import note, written
from wb_cli.observe import crashes

FIRST = Crash(
    "demo",
    Part.VALKEY,
    "demo-valkey",
    "c1",
    kept_at="2026-01-01T00:00:02.000000Z",
    finished_at="2026-01-01T00:00:01.5Z",
    exit_code=1,
    log="2026-01-01T00:00:00Z one\n2026-01-01T00:00:01Z two\n",
)
LAST = replace(
    FIRST,
    part=Part.PLATFORM,
    container="demo",
    finished_at="2026-01-02T00:00:00.5Z",
    exit_code=137,
    oom_killed=True,
    memory_bytes=2**30,
    restart_count=2,
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = replace(SETTINGS, servers_file=tmp_path / "servers.json")
    folder = folder_of(settings, "demo")
    make_folder(folder)
    write_private(folder / "1.json", encode(FIRST))
    write_private(folder / "2.json", encode(LAST))
    return settings


def test_an_instance_that_never_failed_has_no_record(settings: Settings) -> None:
    assert crashes.read_crashes(settings, "mali") == crashes.Crashes()
    assert crashes.describe_last_failure(settings, "mali") == ""


def test_the_records_are_read_in_order_and_by_part(settings: Settings) -> None:
    kept = crashes.read_crashes(settings, "demo")
    assert kept.of() == (FIRST, LAST)
    assert kept.of(Part.VALKEY) == (FIRST,)


def test_a_damaged_record_is_named_and_the_others_are_read(settings: Settings) -> None:
    path = folder_of(settings, "demo") / "3.json"
    path.write_text("{")
    kept = crashes.read_crashes(settings, "demo")
    assert kept.records == (FIRST, LAST)
    (problem,) = kept.problems
    assert problem.startswith(f"{path} is damaged: ")


def test_one_phrase_says_how_it_failed_last(settings: Settings) -> None:
    phrase = crashes.describe_last_failure(settings, "demo")
    assert phrase.startswith("failed ")
    assert phrase.endswith("d ago: out of memory; wb logs demo --failed")


def test_a_failure_before_the_last_start_is_not_told(settings: Settings) -> None:
    assert crashes.describe_last_failure(settings, "demo", "2026-01-03T00:00:00.1Z") == ""
    assert crashes.describe_last_failure(settings, "demo", "2026-01-01T00:00:00.1Z") != ""


def test_a_failure_is_past_once_a_later_command_has_worked(settings: Settings) -> None:
    folder = folder_beside(settings.servers_file, "history")
    with written(folder, "demo", "run") as entry:
        entry.exit_code = 1
    note(folder, "demo", "config set", "changed")
    assert crashes.describe_last_failure(settings, "demo") != ""
    with written(folder, "demo", "stop"):
        assert crashes.describe_last_failure(settings, "demo") != ""
    assert crashes.describe_last_failure(settings, "demo") == ""


def test_a_command_that_failed_before_a_container_started_is_told(settings: Settings) -> None:
    folder = folder_beside(settings.servers_file, "history")
    assert crashes.describe_last_failure(settings, "mali") == ""
    with written(folder, "mali", "run") as entry:
        entry.exit_code, entry.error = 1, "mali was left as it is: the port is taken"
    phrase = crashes.describe_last_failure(settings, "mali")
    assert phrase.endswith("s ago: the port is taken; `wb why mali` says more")
    assert phrase.startswith("failed ")
    note(folder, "mali", "config set", "changed")
    assert crashes.describe_last_failure(settings, "mali") == phrase
    with written(folder, "mali", "stop"):
        pass
    assert crashes.describe_last_failure(settings, "mali") == ""


def test_a_line_says_who_ended_when_and_how() -> None:
    line = crashes.describe(LAST)
    assert line.startswith("demo ended ")
    assert line.endswith(
        "at 2026-01-02T00:00:00Z: out of memory (its limit: 1.0 GiB), restarted 2 times"
    )
    assert crashes.describe(FIRST).endswith("at 2026-01-01T00:00:01Z: exited 1")


def test_earlier_ends_are_listed_from_the_latest() -> None:
    assert crashes.list_earlier([FIRST, LAST]) == "2026-01-01T00:00:01Z demo-valkey exited 1"
    assert crashes.list_earlier([LAST]) == ""


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, ""), (1, "two\n"), (9, "one\ntwo\n"), (None, "one\ntwo\n")],
    ids=["none", "one", "more", "all"],
)
def test_the_last_lines_are_shown_without_their_times(count: int | None, text: str) -> None:
    assert crashes.take_lines(FIRST, count) == text


def test_times_are_shown_on_demand() -> None:
    assert crashes.take_lines(FIRST, 1, has_times=True) == "2026-01-01T00:00:01Z two\n"
