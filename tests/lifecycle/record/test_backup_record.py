"""The record of what a repository had, which is kept beside the registry file."""

from pathlib import Path

import pytest
from lifecycle.examples import SETTINGS
from msgspec.structs import replace

from wb_cli.errors import WbError
from wb_cli.instances.host_settings.settings import Settings
from wb_cli.lifecycle.record.backup_record import (
    Copying,
    Kept,
    find_record,
    note_copies,
    note_problem,
    read_record,
    write_record,
)

KEPT = {"demo": Kept("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", restore_seconds=1.5)}
NOW, LATER = "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(SETTINGS, servers_file=tmp_path / "servers.json", backup_repository="/srv/b")


def test_what_was_written_is_read(settings: Settings) -> None:
    path = find_record(settings, None)
    assert read_record(path) is None
    write_record(path, "/srv/b", NOW, KEPT)
    record = read_record(path)
    assert record
    assert (record.looked, record.instances, record.problem) == (NOW, KEPT, "")


def test_a_problem_stands_beside_what_was_known_until_the_repository_is_read_again(
    settings: Settings,
) -> None:
    path = find_record(settings, None)
    write_record(path, "/srv/b", NOW, KEPT)
    note_problem(path, "/srv/b", LATER, "locked")
    record = read_record(path)
    assert record
    assert (record.looked, record.instances, record.problem) == (NOW, KEPT, "locked")
    write_record(path, "/srv/b", LATER, {})
    again = read_record(path)
    assert again
    assert (again.problem, again.instances) == ("", {})


def test_how_copies_ended_is_kept_and_a_place_that_fails_keeps_when_it_was_complete(
    settings: Settings,
) -> None:
    path = find_record(settings, None)
    note_copies(path, "/srv/b", NOW, {"/mnt/disk": "", "sftp:far:/b": "no route"})
    write_record(path, "/srv/b", NOW, KEPT)
    note_copies(path, "/srv/b", LATER, {"/mnt/disk": "full"})
    record = read_record(path)
    assert record
    assert record.instances == KEPT
    assert record.copies == {
        "/mnt/disk": Copying(LATER, NOW, "full"),
        "sftp:far:/b": Copying(NOW, "", "no route"),
    }


def test_a_problem_of_a_repository_that_was_never_read_is_kept_too(settings: Settings) -> None:
    path = find_record(settings, None)
    path.parent.mkdir()
    path.write_text("torn")
    note_problem(path, "/srv/b", NOW, "gone")
    record = read_record(path)
    assert record
    assert record.problem == "gone"


def test_a_file_that_is_none_is_an_error_that_names_it(settings: Settings) -> None:
    path = find_record(settings, None)
    path.parent.mkdir()
    path.write_text("[]")
    with pytest.raises(WbError, match=str(path)) as caught:
        read_record(path)
    assert "wb backup list" in caught.value.hint


def test_a_folder_is_another_repository_on_each_host_and_an_address_the_same(
    settings: Settings,
) -> None:
    assert find_record(settings, None) != find_record(settings, "ssh://far")
    elsewhere = replace(settings, backup_repository="s3:https://s3/b")
    assert find_record(elsewhere, None) == find_record(elsewhere, "ssh://far")
    assert find_record(elsewhere, None) != find_record(settings, None)


def test_where_it_cannot_be_written_nothing_fails(settings: Settings) -> None:
    settings.servers_file.with_name("backup-record").write_text("a file")
    write_record(find_record(settings, None), "/srv/b", NOW, KEPT)
