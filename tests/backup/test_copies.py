"""Which backup is where, and what ssh needs to get there."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from lifecycle.examples import SETTINGS
from msgspec.structs import replace

from wb_cli.backup.copies import Copied, find_everywhere
from wb_cli.backup.repository import KNOWN_HOSTS, SSH_KEY
from wb_cli.backup.snapshots import DATA, MANIFEST, Snapshot, make_tags
from wb_cli.backup.ssh_files import read_ssh_files
from wb_cli.errors import UsageError, WbError


def stored(id_: str, minute: int, original: str = "") -> tuple[Snapshot, Snapshot]:
    time, first = f"2026-01-01T00:{minute:02}:00Z", original or id_
    return (
        Snapshot(id_, time, make_tags("demo", DATA), original),
        Snapshot(f"m{id_}", time, (*make_tags("demo", MANIFEST), f"of={first}")),
    )


def test_a_backup_is_one_however_many_places_have_it() -> None:
    here = [*stored("aa1", 1), *stored("ab2", 2)]
    there = [*stored("xx9", 1, original="aa1"), *stored("zz0", 0)]
    found = find_everywhere({"/here": here, "sftp:there": there})
    assert [(backup.id, places) for backup, places in found] == [
        ("ab2", ["/here"]),
        ("aa1", ["/here", "sftp:there"]),
        ("zz0", ["sftp:there"]),
    ]


@pytest.mark.parametrize(
    ("copied", "said"),
    [
        (Copied("/usb", 3), "/usb: 3 snapshots copied"),
        (Copied("/usb"), "/usb: has all"),
        (Copied("/usb", error=WbError("no\nmore")), "/usb: no"),
    ],
)
def test_what_was_copied_is_told_in_a_line(copied: Copied, said: str) -> None:
    assert copied.describe() == said


def read(location: str, home: Path, given: Path | None = None) -> Mapping[str, bytes]:
    settings = replace(SETTINGS, backup_ssh_key=given, backup_known_hosts=given)
    return read_ssh_files(settings, location, home)


def test_only_sftp_needs_files(tmp_path: Path) -> None:
    assert read("/srv/backups", tmp_path) == read("s3:https://s3/b", tmp_path) == {}


def test_ssh_s_usual_files_are_taken_unless_a_setting_names_others(tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_rsa").write_bytes(b"rsa")
    (tmp_path / ".ssh" / "known_hosts").write_bytes(b"hosts")
    assert read("sftp:me@host:/b", tmp_path) == {SSH_KEY: b"rsa", KNOWN_HOSTS: b"hosts"}
    (tmp_path / "other").write_bytes(b"other")
    found = read("sftp:me@host:/b", tmp_path, tmp_path / "other")
    assert set(found.values()) == {b"other"}


def test_a_missing_key_names_where_it_was_looked_for_and_the_setting(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no key for sftp:") as caught:
        read("sftp:me@host:/b", tmp_path)
    assert "id_ed25519" in caught.value.message
    assert "WB_BACKUP_SSH_KEY" in caught.value.hint


def test_a_key_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read: .*: Is a directory"):
        read("sftp:me@host:/b", tmp_path, tmp_path)
