"""The lock of a folder, which is the same under all names of the folder."""

import errno
import fcntl
from pathlib import Path
from typing import Any

import pytest

from wb_cli.lifecycle.guard.folder_lock import folder_locked


class GivenUpError(OSError):
    """The wait was given up. Like ``InterruptedError``, it is an ``OSError``."""


def give_up(_: float) -> None:
    raise GivenUpError


def test_a_locked_folder_is_waited_for_under_another_name_too(tmp_path: Path) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    pauses: list[float] = []
    held = folder_locked(folder, give_up)
    held.__enter__()

    def let_go(seconds: float) -> None:
        pauses.append(seconds)
        held.__exit__(None, None, None)

    with pytest.raises(GivenUpError), folder_locked(link, give_up):
        pytest.fail("two have the lock")
    with folder_locked(link, let_go):
        assert pauses == [0.02]


def test_a_folder_that_is_not_there_is_not_locked(tmp_path: Path) -> None:
    with folder_locked(tmp_path / "missing", give_up):
        pass


def refuse_locks(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(number, "refused")

    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EINVAL, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    refuse_locks(monkeypatch, number)
    with folder_locked(tmp_path, give_up):
        pass


def test_a_lock_that_cannot_be_taken_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_locks(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match="refused"), folder_locked(tmp_path, give_up):
        pytest.fail("nothing is locked")
