"""One command at a time per instance."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.services import wait_until

from wb_cli.errors import LockedError, WbError
from wb_cli.lifecycle.guard.lock import Holder, locked

NEVER = threading.Event()
HOLDER = """
import sys, threading, pathlib
from wb_cli.lifecycle.guard.lock import locked
with locked(pathlib.Path(sys.argv[1]), "demo", "wb restart demo", 0, threading.Event()):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.stdin.close()


def test_a_lock_can_be_taken_again_after_it_is_given_up(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path / "locks", "demo", "wb run demo", 0, NEVER):
            holder = json.loads((tmp_path / "locks" / "demo.lock").read_text())
            assert (holder["pid"], holder["command"]) == (os.getpid(), "wb run demo")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("demo", "demo is being changed by a wb command"),
        ("demo.backup", "the backup of demo is being changed by a wb command"),
        ("backups.repository", "the repository of backups is being changed by a wb command"),
    ],
)
def test_the_error_says_what_is_locked(tmp_path: Path, name: str, said: str) -> None:
    with (
        locked(tmp_path, name, "a wb command", 0, NEVER),
        pytest.raises(LockedError) as caught,
        locked(tmp_path, name, "wb backup demo", 0, NEVER),
    ):
        pytest.fail("it was not locked")
    assert caught.value.message.replace("`", "").startswith(said)


def test_the_error_names_the_process_that_holds_the_lock(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    with (
        pytest.raises(LockedError) as caught,
        locked(tmp_path, "demo", "wb run demo", 0, NEVER),
    ):
        pytest.fail("it was not locked")
    assert caught.value.message.startswith("demo is being changed by `wb restart demo` of ")
    assert re.search(rf"\(pid {holder.pid}, for \d+s\)$", caught.value.message)
    assert "--wait" in caught.value.hint


def test_a_holder_whose_beginning_is_not_known_is_named_without_it() -> None:
    assert str(Holder("wb run demo", 7, "amina")) == "`wb run demo` of amina (pid 7)"


def test_another_instance_is_not_locked(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    with locked(tmp_path, "other", "wb run other", 0, NEVER):
        assert holder.poll() is None


def test_a_lock_ends_with_its_process(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    with locked(tmp_path, "demo", "wb run demo", 0, NEVER):
        assert json.loads((tmp_path / "demo.lock").read_text())["pid"] == os.getpid()


def test_the_next_holder_learns_of_a_killed_holder(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    holder.kill()
    holder.wait()
    with locked(tmp_path, "demo", "wb run demo", 0, NEVER) as lock:
        assert lock.left_by
        assert (lock.left_by.command, lock.left_by.pid) == ("wb restart demo", holder.pid)
        assert lock.left_by.since.startswith("2")
    with locked(tmp_path, "demo", "wb run demo", 0, NEVER) as lock:
        assert lock.left_by is None


def test_a_holder_that_ends_without_an_error_leaves_no_signature(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    holder.stdin.close()
    assert holder.wait() == 0
    with locked(tmp_path, "demo", "wb run demo", 0, NEVER) as lock:
        assert lock.left_by is None


def test_a_dead_holder_is_known_until_another_command_succeeds(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    holder.kill()
    holder.wait()
    left_by: list[Holder | None] = []

    def fail() -> None:
        with locked(tmp_path, "demo", "wb run demo", 0, NEVER) as lock:
            left_by.append(lock.left_by)
            raise WbError("no engine")

    for _ in range(2):
        with pytest.raises(WbError, match="no engine"):
            fail()
    assert [left.pid for left in left_by if left] == [holder.pid, holder.pid]


def test_an_error_alone_leaves_no_signature(tmp_path: Path) -> None:
    with pytest.raises(WbError), locked(tmp_path, "demo", "wb run demo", 0, NEVER):
        raise WbError("no engine")
    assert (tmp_path / "demo.lock").read_text() == ""


WHOLE = '{"command":"wb stop x","pid":7,"user":"u","since":"2"}'
SIGNATURES = {
    "by wb": (WHOLE, Holder("wb stop x", 7, "u", "2")),
    "over a longer one": (WHOLE + '\nd":"3"}', Holder("wb stop x", 7, "u", "2")),
    "cut": ('{"command":"wb st', Holder()),
    "strange": ("[]", Holder()),
    "none": ("", None),
}


@pytest.mark.parametrize(("content", "left_by"), SIGNATURES.values(), ids=SIGNATURES)
def test_a_signature_is_read_however_it_was_left(
    tmp_path: Path, content: str, left_by: Holder | None
) -> None:
    (tmp_path / "demo.lock").write_text(content)
    with locked(tmp_path, "demo", "wb run demo", 0, NEVER) as lock:
        assert lock.left_by == left_by


def test_a_lock_can_be_waited_for(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    taken = threading.Event()

    def wait() -> None:
        with locked(tmp_path, "demo", "wb run demo", 30, NEVER):
            taken.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert not taken.is_set()
    holder.stdin.close()
    waiting.join(30)
    assert taken.is_set()


def test_waiting_can_be_interrupted(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    interrupted = threading.Event()
    interrupted.set()
    with (
        pytest.raises(InterruptedError),
        locked(tmp_path, "demo", "wb run demo", 30, interrupted),
    ):
        pytest.fail("it was not locked")
    assert holder.poll() is None


def test_no_lock_is_taken_after_an_interruption(tmp_path: Path) -> None:
    interrupted = threading.Event()
    interrupted.set()
    with (
        pytest.raises(InterruptedError),
        locked(tmp_path, "demo", "wb run demo", 0, interrupted),
    ):
        pytest.fail("it was begun")


def test_a_holder_that_has_not_signed_yet_is_called_another_command(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    (tmp_path / "demo.lock").write_text("")
    with (
        pytest.raises(LockedError, match="by another wb command"),
        locked(tmp_path, "demo", "wb run demo", 0, NEVER),
    ):
        pytest.fail("it was not locked")
    assert holder.poll() is None


def test_a_lock_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(WbError, match="cannot lock demo"),
        locked(tmp_path / "file", "demo", "wb run demo", 0, NEVER),
    ):
        pytest.fail("it was not locked")


def test_a_forked_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    """A process that a command starts may live longer, and must not hold the lock."""
    with locked(tmp_path, "demo", "wb run demo", 0, NEVER):
        child = subprocess.Popen(["sleep", "30"], close_fds=False)
    try:
        wait_until(lambda: can_be_taken(tmp_path), "the lock", within=5)
    finally:
        child.kill()
        child.wait()


def can_be_taken(folder: Path) -> bool:
    try:
        with locked(folder, "demo", "wb run demo", 0, NEVER):
            return True
    except LockedError:
        return False
