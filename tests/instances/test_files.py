"""Files are written whole or not at all, and by one process at a time."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from support.services import wait_until

from wb_cli.errors import LockedError, WbError
from wb_cli.instances import files
from wb_cli.instances.files import (
    file_errors,
    locked,
    open_lock,
    take_lock,
    write_atomically,
    written_whole,
)
from wb_cli.instances.registry_file.store import RegistryFile

WRITERS = 8
EACH = 6


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Run a script in another process."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_processes_that_add_entries_at_once_lose_no_entry(path: Path) -> None:
    script = """
        import sys
        from pathlib import Path
        from wb_cli.instances.registry_file.new_entry import complete
        from wb_cli.instances.registry_file.store import RegistryFile
        file, writer, count = RegistryFile(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
        for number in range(count):
            with file.edit() as change:
                wanted = {"id": f"w{writer}-{number}"}
                change.add(complete(wanted, change.registry, lambda port: True))
    """
    writers = [start(script, path, writer, EACH) for writer in range(WRITERS)]
    assert [writer.wait(60) for writer in writers] == [0] * WRITERS
    for writer in writers:
        writer.stdout.close()
    registry = RegistryFile(path).read()
    assert len(registry.instances) == WRITERS * EACH
    assert len({instance.port for instance in registry.instances}) == WRITERS * EACH


def test_a_reader_sees_a_whole_file_even_if_the_writer_is_killed(path: Path) -> None:
    script = """
        import sys
        from pathlib import Path
        from wb_cli.instances.files import write_atomically
        while True:
            for size in (10, 300_000):
                write_atomically(Path(sys.argv[1]), bytes([size % 256]) * size)
            sys.stdout.write("x"); sys.stdout.flush()
    """
    for _ in range(5):
        with start(script, path) as writer:
            writer.stdout.read(2)
            writer.send_signal(signal.SIGKILL)
        content = path.read_bytes()
        assert content in (bytes([10]) * 10, bytes([300_000 % 256]) * 300_000)


def test_a_lock_ends_with_its_process(path: Path) -> None:
    script = """
        import sys
        from pathlib import Path
        from wb_cli.instances.files import locked
        with locked(Path(sys.argv[1])):
            sys.stdout.write("x"); sys.stdout.flush(); sys.stdin.read()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        holder.stdout.read(1)
        with pytest.raises(LockedError) as caught, locked(path, within=0.05):
            pytest.fail("two processes hold one lock")
        assert "servers.json.lock" in caught.value.message
        holder.kill()
    with locked(path, within=5):
        pass


def test_a_writer_waits_for_the_lock(path: Path) -> None:
    script = """
        import sys
        from pathlib import Path
        from wb_cli.instances.files import locked
        with locked(Path(sys.argv[1])):
            Path(sys.argv[2]).touch()
    """
    done = path.with_name("done")
    with locked(path):
        waiter = start(script, path, done)
        wait_until(lambda: _waits_for(waiter.pid), "the second process")
        assert not done.exists()
    assert waiter.wait(10) == 0
    waiter.stdout.close()
    assert done.exists()


def _waits_for(pid: int) -> bool:
    """Whether a process has the lock file open, which means that it waits for the lock."""
    try:
        names = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return False
    return any(name.endswith(".lock") for name in names)


def test_a_failed_write_keeps_the_old_content_and_leaves_no_other_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WbError, match="no space left on device"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_the_remedy_for_a_full_disk_is_to_free_space(tmp_path: Path) -> None:
    with pytest.raises(WbError) as caught, file_errors(tmp_path / "file", "write"):
        Path("/dev/full").write_bytes(b"x")
    assert "no space left" in caught.value.message
    assert f"Free some space at {tmp_path}" in caught.value.hint


def test_a_full_disk_is_an_error_and_keeps_the_file(tmp_path: Path) -> None:
    script = """
        import resource, signal, sys
        from pathlib import Path
        from wb_cli.errors import WbError
        from wb_cli.instances.files import write_atomically
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            write_atomically(Path(sys.argv[1]), b"x" * 5000)
        except WbError as error:
            sys.stdout.write(error.message)
    """
    path = tmp_path / "servers.json"
    path.write_bytes(b"old")
    with start(script, path) as writer:
        said = writer.stdout.read()
    assert "cannot write" in said
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_large_file_is_written_by_one_command_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "main.dump"
    with written_whole(path) as output:
        output.write(b"first")
        with pytest.raises(LockedError, match="another command writes"), written_whole(path):
            pass
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_command_left_of_a_large_file_is_not_in_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "main.dump"
    (tmp_path / ".main.dump.part").write_bytes(b"much longer than the next")
    with written_whole(path) as output:
        output.write(b"short")
    assert path.read_bytes() == b"short"
    with pytest.raises(ValueError, match="cut off"), written_whole(path):
        raise ValueError("cut off")
    assert path.read_bytes() == b"short"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("is_there_again", [False, True])
def test_the_file_that_another_command_has_just_finished_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there_again: bool
) -> None:
    path, part = tmp_path / "main.dump", tmp_path / ".main.dump.part"

    def finish_first(*words: Any) -> bool:
        if not path.exists():
            part.write_bytes(b"whole")
            part.rename(path)
            if is_there_again:
                part.touch()
        return take_lock(*words)

    monkeypatch.setattr(files, "take_lock", finish_first)
    with written_whole(path) as output:
        assert path.read_bytes() == b"whole"
        output.write(b"later")
    assert path.read_bytes() == b"later"


def test_content_and_folder_reach_the_disk_before_the_call_returns(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    real = os.fsync

    def note(descriptor: int) -> None:
        synced.append((str(Path(f"/proc/self/fd/{descriptor}").readlink()), path.exists()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    write_atomically(path, b"new")
    (temporary, was_there), folder = synced
    assert temporary.startswith(str(path.parent / ".servers.json."))
    assert not was_there
    assert folder == (str(path.parent), True)


def test_of_any_other_fault_the_remedy_is_the_folder(tmp_path: Path) -> None:
    with pytest.raises(WbError) as caught, file_errors(tmp_path / "file", "read"):
        raise OSError(errno.EIO, "Input/output error")
    assert caught.value.message == f"cannot read {tmp_path}/file: input/output error"
    assert caught.value.hint == f"Check the path {tmp_path}, then repeat the command."


def test_of_a_file_that_is_not_there_the_remedy_is_what_is_missing(tmp_path: Path) -> None:
    for path, missing in (
        (tmp_path / "file", "name of the file"),
        (tmp_path / "no" / "file", f"folder {tmp_path}/no"),
    ):
        with pytest.raises(WbError) as caught, file_errors(path, "read"):
            path.read_bytes()
        assert caught.value.hint == f"Check the {missing}, then repeat the command."


def let_only_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, this user may write no file; root could write every one."""
    real = os.open

    def refuse_to_write(file: Path, flags: int, *mode: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(file, flags, *mode)

    monkeypatch.setattr(os, "open", refuse_to_write)


def test_a_lock_of_another_user_is_taken_by_a_reader(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.with_name(f"{path.name}.lock").touch()
    let_only_read(monkeypatch)
    with locked(path), pytest.raises(LockedError), locked(path, within=0):
        pytest.fail("the lock was taken twice")


def test_a_reader_makes_no_lock(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let_only_read(monkeypatch)
    with pytest.raises(WbError, match="permission denied"), locked(path):
        pytest.fail("there is no lock to take")


def test_any_other_fault_of_a_lock_is_no_reason_to_open_it_for_reading(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_lock(tmp_path / "none")


def test_a_file_that_cannot_keep_its_owner_keeps_its_group(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(b"old")
    path.chmod(0o664)
    owner, group = path.stat().st_uid, path.stat().st_gid
    asked: list[tuple[int, int]] = []

    def give(_: int, user: int, group: int) -> None:
        asked.append((user, group))
        if user != -1:
            raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", give)
    write_atomically(path, b"new")
    assert asked == [(owner, group), (-1, group)]
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o664
