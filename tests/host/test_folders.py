"""Folders for a user who is not root, and disks."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from wb_cli.errors import WbError
from wb_cli.host import folders
from wb_cli.host.folders import FolderProblem

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Run as a user who must respect permissions, as root does not."""
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that every user may look into."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def make_closed(folder: Path) -> Path:
    """Make a folder with a file in it, and close it to other users as PostgreSQL does."""
    folder.mkdir()
    (folder / "PG_VERSION").write_text("17")
    folder.chmod(0o700)
    return folder


def test_each_problem_of_a_folder_is_found(root: Path) -> None:
    (root / "file").touch(0o600)
    (root / "loop").symlink_to("loop")
    (root / "folder").mkdir()
    problems = {name: folders.find_problem(root / name) for name in ("file", "loop", "folder", "x")}
    assert problems == {
        "file": FolderProblem.NOT_A_FOLDER,
        "loop": FolderProblem.MISSING,
        "folder": None,
        "x": FolderProblem.MISSING,
    }
    assert folders.find_problem(root / "file" / "below") is FolderProblem.MISSING


@needs_root
def test_a_folder_that_is_closed_to_this_user(root: Path) -> None:
    pgdata = make_closed(root / "pgdata")
    with as_nobody():
        assert folders.find_problem(pgdata) is FolderProblem.UNREADABLE
        assert folders.find_problem(pgdata / "below") is FolderProblem.UNREADABLE
    assert folders.find_problem(pgdata) is None


@needs_root
def test_a_file_can_be_present_where_this_user_may_not_look(root: Path) -> None:
    pgdata = make_closed(root / "pgdata")
    with as_nobody():
        assert folders.can_be_present(pgdata / "PG_VERSION")
        assert not folders.can_be_present(root / "elsewhere" / "PG_VERSION")
        assert not folders.can_be_present(pgdata / "too" / "deep" / "PG_VERSION")
    assert folders.can_be_present(pgdata / "PG_VERSION")
    assert not folders.can_be_present(pgdata / "nothing")


@needs_root
def test_a_folder_that_cannot_be_made_below_a_closed_one_is_named(root: Path) -> None:
    pgdata = make_closed(root / "pgdata")
    with as_nobody(), pytest.raises(WbError, match=f"cannot create {pgdata}/new: Permission"):
        folders.create(pgdata, ["new"], {})


def test_each_disk_is_picked_once_and_measured(root: Path) -> None:
    (root / "disk").mkdir()
    (root / "folder").mkdir()
    paths = [root, root / "folder", root / "disk", root / "missing"]
    assert folders.pick_one_per_disk(paths) == [root]
    options = ["-t", "tmpfs", "-o", "size=1m,ro", "tmpfs", str(root / "disk")]
    if subprocess.run(["mount", *options], capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount")
    try:
        assert set(folders.pick_one_per_disk(paths)) == {root, root / "disk"}
        assert folders.is_read_only(root / "disk")
        assert not folders.is_read_only(root)
        assert folders.count_free_bytes(root / "disk") == 1024**2
    finally:
        subprocess.run(["umount", str(root / "disk")], check=True)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("data", "data", True),
        ("data", "data/pgdata", True),
        ("data/pgdata", "data", True),
        ("data", "link", True),
        ("data/pgdata", "link", True),
        ("data", "/", True),
        ("data", "database", False),
        ("data", "other", False),
        ("missing", "missing", True),
        ("missing", "loop", False),
    ],
)
def test_two_places_overlap_if_they_are_the_same_or_one_lies_in_the_other(
    tmp_path: Path, one: str, other: str, expected: bool
) -> None:
    (tmp_path / "data" / "pgdata").mkdir(parents=True)
    (tmp_path / "link").symlink_to("data")
    (tmp_path / "loop").symlink_to("loop")
    places = [folders.locate(tmp_path / name) for name in (one, other)]
    assert places[0].overlaps(places[1]) is expected
    assert places[1].overlaps(places[0]) is expected


@needs_root
@pytest.mark.parametrize(
    ("mode", "owner", "is_closed"),
    [(0o755, (0, 0), False), (0o000, (0, 0), True), (0o750, (0, 0), True), (0o710, (0, 999), False),
     (0o700, (999, 999), False), (0o677, (999, 999), True)],
)  # fmt: skip
def test_a_folder_may_be_closed_to_the_owner_of_what_it_holds(
    tmp_path: Path, mode: int, owner: tuple[int, int], is_closed: bool
) -> None:
    held = tmp_path / "databases" / "pgdata"
    held.mkdir(parents=True)
    os.chown(held, 999, 999)
    os.chown(held.parent, *owner)
    held.parent.chmod(mode)
    assert folders.is_closed_to_owner_of(held) is is_closed
    assert not folders.is_closed_to_owner_of(tmp_path / "missing" / "pgdata")


@pytest.mark.parametrize(
    ("mode", "is_private", "is_writable"),
    [
        (0o700, True, False),
        (0o750, False, False),
        (0o777, False, True),
        (0o1777, False, False),
    ],
    ids=oct,
)
def test_the_access_of_a_folder(
    tmp_path: Path, mode: int, is_private: bool, is_writable: bool
) -> None:
    tmp_path.chmod(mode)
    (access,) = folders.read_access([tmp_path, tmp_path / "none"])
    assert (access.path, access.mode, access.owner) == (str(tmp_path), mode, os.geteuid())
    assert (access.is_private, access.is_writable_by_others) == (is_private, is_writable)
