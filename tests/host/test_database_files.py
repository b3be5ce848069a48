"""The version of a database is read from its files; what cannot be known is said."""

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from wb_cli.host.database_files import DataVersion, read_data_version, read_size


def write(databases: Path, text: str) -> Path:
    (databases / "pgdata").mkdir()
    file = databases / "pgdata" / "PG_VERSION"
    file.write_text(text)
    return file


@pytest.mark.parametrize(("text", "major"), [("17\n", 17), ("9.6\n", 9)])
def test_the_version_stands_in_a_file(tmp_path: Path, text: str, major: int) -> None:
    write(tmp_path, text)
    found = read_data_version(tmp_path)
    assert (found.text, found.major, found.unknown) == (text.strip(), major, "")


def test_where_there_is_no_database_there_is_no_version(tmp_path: Path) -> None:
    assert read_data_version(tmp_path / "databases") == DataVersion()
    assert DataVersion().major is None
    (tmp_path / "file").write_text("")
    assert read_data_version(tmp_path / "file") == DataVersion()


@pytest.mark.parametrize("text", ["", "\0\xff", "seventeen"])
def test_a_file_that_holds_no_version_is_named(tmp_path: Path, text: str) -> None:
    file = write(tmp_path, text)
    assert read_data_version(tmp_path) == DataVersion(unknown=f"{file} holds no version")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_database_that_this_user_may_not_read_is_unknown(tmp_path: Path) -> None:
    write(tmp_path, "17").parent.chmod(0)
    assert "Permission denied" in read_data_version(tmp_path).unknown


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_database_that_is_closed_to_the_user_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path, "17")

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(Path, "read_text", refuse)
    assert read_data_version(tmp_path) == DataVersion(unknown=f"{file}: Permission denied")


def make_files(databases: Path) -> None:
    for name in ("base/1/112", "base/1/113", "base/16384/112", "base/pgsql_tmp/9", "pg_tblspc/"):
        path = databases / "pgdata" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir()
        else:
            path.write_bytes(b"x" * 100)


def test_the_size_of_all_databases_is_that_of_their_files(tmp_path: Path) -> None:
    make_files(tmp_path)
    assert read_size(tmp_path) == 300


def test_a_size_that_the_files_do_not_tell_is_unknown(tmp_path: Path) -> None:
    assert read_size(tmp_path) is None
    make_files(tmp_path)
    (tmp_path / "pgdata" / "pg_tblspc" / "16400").symlink_to(tmp_path)
    assert read_size(tmp_path) is None


def test_a_file_that_postgres_removes_meanwhile_counts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_files(tmp_path)
    real = os.scandir

    def remove_after_listing(path: Path) -> AbstractContextManager[list[os.DirEntry[str]]]:
        with real(path) as listed:
            entries = list(listed)
        for entry in entries:
            if entry.name == "113":
                Path(entry.path).unlink()
        return nullcontext(entries)

    monkeypatch.setattr(os, "scandir", remove_after_listing)
    assert read_size(tmp_path) == 200
