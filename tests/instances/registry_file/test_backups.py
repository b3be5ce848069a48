"""Copies of the registry file lie beside it, and are never replaced."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wb_cli.errors import UsageError, WbError
from wb_cli.instances.registry_file import backups

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def test_a_copy_has_its_time_in_its_name_and_is_for_its_owner_alone(path: Path) -> None:
    made = backups.make(path, b"[]", NOON)
    assert made.path.name == "servers.json.backup-20260301T120000Z"
    assert made.path.read_bytes() == b"[]"
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert made.size == 2


def test_two_copies_of_one_second_are_both_kept(path: Path) -> None:
    backups.make(path, b"[1]", NOON)
    second = backups.make(path, b"[2]", NOON)
    assert [each.path.read_bytes() for each in backups.list_all(path)] == [b"[2]", b"[1]"]
    assert backups.choose(path, "latest") == second.path


def test_only_copies_of_this_file_are_listed_the_newest_first(path: Path) -> None:
    assert backups.list_all(path.parent / "absent" / "servers.json") == []
    backups.make(path, b"[]", NOON)
    backups.make(path, b"[]", NOON.replace(hour=13))
    for name in ("servers.json.backup-old", "other.json.backup-20260301T120000Z", "servers.json"):
        path.with_name(name).touch()
    assert [each.made.hour for each in backups.list_all(path)] == [13, 12]


def test_copies_of_a_linked_file_lie_beside_the_file_itself(path: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "fleet.json").write_text("[]")
    path.symlink_to(tmp_path / "real" / "fleet.json")
    made = backups.make(path, b"[]", NOON)
    assert made.path.parent == tmp_path / "real"
    assert backups.list_all(path) == [made]


def test_a_copy_is_chosen_by_its_name_or_by_any_path(path: Path, tmp_path: Path) -> None:
    made = backups.make(path, b"[]", NOON)
    assert backups.choose(path, made.path.name).samefile(made.path)
    (tmp_path / "any.json").touch()
    assert backups.choose(path, str(tmp_path / "any.json")) == tmp_path / "any.json"


def test_a_file_that_is_not_there_is_named_with_what_helps(path: Path) -> None:
    with pytest.raises(UsageError, match="no file latest") as caught:
        backups.choose(path, "latest")
    assert "`wb config backup` makes one" in caught.value.hint
    backups.make(path, b"[]", NOON)
    with pytest.raises(UsageError) as caught:
        backups.choose(path, "nothing")
    assert "--list" in caught.value.hint


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(WbError, match=r"cannot write .*absent"):
        backups.write_new(tmp_path / "absent" / "copy", b"")
    assert list(tmp_path.iterdir()) == []
