"""Locks on a full or read-only disk, and for several users of one registry file."""

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support.disks import small_disk
from support.services import wait_until

from wb_cli.errors import LockedError, WbError
from wb_cli.lifecycle.guard.lock import locked

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount, and become others")

NEVER = threading.Event()
OWNER = 4712
# A process of another user. It takes a lock, says so, and holds the lock until its input ends.
HOLDER = """
import os, sys, threading, pathlib
from wb_cli.errors import WbError
from wb_cli.lifecycle.guard.lock import locked
folder, instance, user = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
if user:
    os.setgroups([]); os.setgid(user); os.setuid(user)
try:
    with locked(folder, instance, "wb stop " + instance, 0, threading.Event()):
        print("held", flush=True)
        sys.stdin.read()
except WbError as error:
    print(type(error).__name__, error.message, flush=True)
"""


@contextmanager
def holder(folder: Path, instance: str, user: int = 0) -> Iterator[str]:
    """Let another process take a lock and hold it. Give what it says."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), instance, str(user)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stdin
        yield process.stdout.readline().strip()
        process.stdin.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk with the folder of a registry file."""
    with small_disk(tmp_path / "disk") as mounted:
        yield mounted


def fill(disk: Path) -> None:
    """Leave room for no data and for no file."""
    for number in range(20):
        try:
            (disk / f"fill{number}").write_bytes(b"x" * 60_000)
        except OSError:
            continue


def make_read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)


def take(folder: Path, instance: str) -> list[str]:
    """Take a lock and give it up again. Give what was reported."""
    said: list[str] = []
    with locked(folder, instance, f"wb stop {instance}", 0, NEVER, said.append) as lock:
        assert lock.left_by is None
    return said


@pytest.mark.parametrize("spoil", [fill, make_read_only])
def test_an_existing_lock_file_can_be_taken(disk: Path, spoil: object) -> None:
    take(disk / "locks", "demo")
    spoil(disk)  # type: ignore[operator]
    assert take(disk / "locks", "demo") == []
    with holder(disk / "locks", "demo") as said:
        assert said == "held"
        with pytest.raises(LockedError, match="demo is being changed by"):
            take(disk / "locks", "demo")


@pytest.mark.parametrize("spoil", [fill, make_read_only])
@pytest.mark.parametrize("has_folder", [True, False])
def test_the_folder_is_locked_if_no_lock_file_can_be_made(
    disk: Path, spoil: object, has_folder: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wb_cli.lifecycle.guard.lock_file.MADE_WITHIN_S", 0)
    if has_folder:
        take(disk / "locks", "other")
    spoil(disk)  # type: ignore[operator]
    (said,) = take(disk / "locks", "demo")
    assert f"{disk} is locked instead" in said
    with holder(disk / "locks", "demo") as said:
        assert said == "held"
        with pytest.raises(LockedError, match=f"another wb command holds {disk}"):
            take(disk / "locks", "demo")
        if has_folder:
            assert take(disk / "locks", "other") == []
    take(disk / "locks", "demo")


def test_no_command_makes_a_lock_file_while_another_holds_the_folder(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wb_cli.lifecycle.guard.lock_file.MADE_WITHIN_S", 0)
    fill(disk)
    with holder(disk / "locks", "demo") as said:
        assert said == "held"
        for file in disk.glob("fill*"):
            file.unlink()
        with pytest.raises(LockedError):
            take(disk / "locks", "demo")
    assert take(disk / "locks", "demo") == []


def test_several_instances_of_one_command_wait_for_each_other(disk: Path) -> None:
    make_read_only(disk)
    ended: list[str] = []

    def stop(instance: str) -> None:
        take(disk / "locks", instance)
        ended.append(instance)

    threads = [threading.Thread(target=stop, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(ended) == ["a", "b", "c", "d"]


def test_waiting_for_the_folder_can_be_interrupted(disk: Path) -> None:
    make_read_only(disk)
    cancelled = threading.Event()

    def stop() -> None:
        with locked(disk / "locks", "b", "wb stop b", 60, cancelled):
            pytest.fail("it was locked")

    with holder(disk / "locks", "a") as said:
        assert said == "held"
        threading.Timer(0.1, cancelled.set).start()
        with pytest.raises(InterruptedError):
            stop()


@pytest.fixture
def shared() -> Iterator[Path]:
    """The folder of a registry file that is not root's."""
    with TemporaryDirectory() as folder:
        os.chown(folder, OWNER, OWNER)
        Path(folder).chmod(0o770)
        yield Path(folder)


def test_the_owner_can_lock_an_instance_that_root_locked_first(shared: Path) -> None:
    take(shared / "locks", "demo")
    for path, mode in [(shared / "locks", 0o770), (shared / "locks" / "demo.lock", 0o660)]:
        seen = path.stat()
        assert (seen.st_uid, seen.st_gid, stat.S_IMODE(seen.st_mode)) == (OWNER, OWNER, mode)
    for instance in ("demo", "other"):
        with holder(shared / "locks", instance, OWNER) as said:
            assert said == "held"
            with pytest.raises(LockedError, match=f"`wb stop {instance}` of "):
                take(shared / "locks", instance)


def test_the_owner_can_take_a_lock_file_that_only_root_may_write(shared: Path) -> None:
    """Earlier releases of wb made such lock files."""
    locks = shared / "locks"
    locks.mkdir(mode=0o755)
    (locks / "demo.lock").touch(mode=0o644)
    with holder(locks, "demo", OWNER) as said:
        assert said == "held"
        with pytest.raises(LockedError, match="demo is being changed"):
            take(locks, "demo")
    with holder(locks, "other", OWNER) as said:
        assert said == "held"


def test_root_can_lock_an_instance_that_the_owner_locked_first(shared: Path) -> None:
    with holder(shared / "locks", "demo", OWNER) as said:
        assert said == "held"
        with pytest.raises(LockedError):
            take(shared / "locks", "demo")
    wait_until(lambda: take(shared / "locks", "demo") == [], "the lock")


def test_a_link_in_place_of_a_lock_file_is_not_followed(shared: Path) -> None:
    precious = shared / "precious"
    precious.write_text("kept")
    (shared / "locks").mkdir()
    (shared / "locks" / "demo.lock").symlink_to(precious)
    with pytest.raises(WbError, match="cannot lock demo"):
        take(shared / "locks", "demo")
    assert precious.read_text() == "kept"


def test_a_holder_without_a_user_name_is_named_by_number(shared: Path) -> None:
    with holder(shared / "locks", "demo", OWNER) as said:
        assert said == "held"
        with pytest.raises(LockedError, match=rf"of user {OWNER} \(pid"):
            take(shared / "locks", "demo")


def test_a_waiting_command_names_the_holder(shared: Path) -> None:
    said: list[str] = []
    done = threading.Event()

    def wait() -> None:
        with locked(shared / "locks", "demo", "wb run demo", 60, NEVER, said.append):
            done.set()

    with holder(shared / "locks", "demo") as held:
        assert held == "held"
        waiting = threading.Thread(target=wait)
        waiting.start()
        wait_until(lambda: bool(said), "a word")
        assert not done.is_set()
    assert done.wait(30)
    waiting.join()
    assert said[0].startswith("waiting for `wb stop demo` of ")
