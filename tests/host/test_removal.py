"""Folders are measured and removed on a real disk."""

import os
import threading
from pathlib import Path

import pytest

from wb_cli.errors import WbError
from wb_cli.host import mounts, removal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / "deep" / "deeper" / "file").write_bytes(b"x" * 10_000)
    (folder / "file").write_text("")
    return folder


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_bytes(b"x" * 1_000_000)
    return elsewhere


def test_a_folder_is_removed_with_its_content(folder: Path) -> None:
    removal.remove(folder)
    assert not folder.exists()


def test_links_are_removed_and_their_targets_stay(folder: Path, elsewhere: Path) -> None:
    (folder / "to-a-folder").symlink_to(elsewhere)
    (folder / "deep" / "to-a-file").symlink_to(elsewhere / "precious")
    (folder / "to-nothing").symlink_to("/nowhere")
    removal.remove(folder)
    assert not folder.exists()
    assert [path.name for path in elsewhere.iterdir()] == ["precious"]


def test_a_link_in_place_of_the_folder_is_refused_and_its_target_stays(
    tmp_path: Path, elsewhere: Path
) -> None:
    (tmp_path / "link").symlink_to(elsewhere)
    with pytest.raises(WbError, match="cannot remove"):
        removal.remove(tmp_path / "link")
    assert (elsewhere / "precious").exists()


def test_measure_counts_each_file_once_and_follows_no_link(folder: Path, elsewhere: Path) -> None:
    before = removal.measure(folder)
    assert before >= 10_000
    (folder / "link").symlink_to(elsewhere)
    os.link(folder / "deep" / "deeper" / "file", folder / "another-name")
    assert removal.measure(folder) - before < 10_000


def test_a_removal_ends_when_the_check_raises(folder: Path) -> None:
    over = threading.Event()

    def check() -> None:
        if over.is_set():
            raise WbError("enough")
        over.set()

    with pytest.raises(WbError, match="enough"):
        removal.remove(folder, check)
    assert (folder / "file").exists()
    assert not (folder / "deep" / "deeper" / "file").exists()


def test_a_file_that_cannot_be_removed_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str, **_: object) -> None:
        raise PermissionError(1, "Operation not permitted", name)

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(WbError, match=r"cannot remove .*/folder \(file\): Operation not permitted"):
        removal.remove(folder)


def test_remove_if_empty_removes_only_an_empty_folder(folder: Path, tmp_path: Path) -> None:
    removal.remove_if_empty(folder)
    assert folder.exists()
    (tmp_path / "empty").mkdir()
    for _ in range(2):
        removal.remove_if_empty(tmp_path / "empty")
        assert not (tmp_path / "empty").exists()


def test_mount_points_at_a_folder_and_below_it_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = "36 35 98:0 / {} rw,noatime shared:1 - ext4 /dev/root rw\n"
    points = [tmp_path, tmp_path / "a b" / "disk", tmp_path.parent, Path(f"{tmp_path}-2")]
    listed = tmp_path / "mountinfo"
    listed.write_text("".join(at.format(str(point).replace(" ", r"\040")) for point in points))
    monkeypatch.setattr(mounts, "MOUNTS", listed)
    assert removal.find_mount_points(tmp_path) == points[:2]
    (tmp_path / "link").symlink_to(tmp_path / "a b")
    (tmp_path / "a b").mkdir()
    assert removal.find_mount_points(tmp_path / "link") == points[1:2]


def test_this_machine_s_own_mounts_are_read() -> None:
    assert Path("/proc") in removal.find_mount_points(Path("/"))
