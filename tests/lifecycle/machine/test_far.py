"""A machine elsewhere, seen through the real script, which runs on this machine in these tests."""

import fcntl
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.disks import small_disk
from support.fake_engine import FakeEngine

from wb_cli.errors import EngineUnreachableError, LockedError, WbError
from wb_cli.host.folders import FolderProblem, locate
from wb_cli.lifecycle.guard import far_lock
from wb_cli.lifecycle.guard.lock import Holder
from wb_cli.lifecycle.machine.far import FarMachine
from wb_cli.lifecycle.machine.here import THIS_MACHINE
from wb_cli.lifecycle.machine.outpost import Outpost, read_script

IMAGE = "image"
WAIT_S = 30.0


class DyingOutpost(Outpost):
    """An outpost whose connection can break."""

    def close_channel(self) -> None:
        assert self._channel
        self._channel.close()


def new_outpost() -> DyingOutpost:
    engine = FakeEngine([IMAGE])
    return DyingOutpost(lambda: engine.open_outpost(IMAGE, read_script(), {}))


@pytest.fixture
def outpost() -> Iterator[DyingOutpost]:
    with closing(new_outpost()) as opened:
        yield opened


@pytest.fixture
def far(outpost: Outpost) -> FarMachine:
    return FarMachine(outpost)


def test_folders_are_judged_as_on_this_machine(far: FarMachine, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    for path in (tmp_path, tmp_path / "none", tmp_path / "a file"):
        assert far.find_problem(path) == THIS_MACHINE.find_problem(path)
    assert far.find_problem(tmp_path / "none") is FolderProblem.MISSING
    assert far.is_present(tmp_path / "a file")
    assert not far.can_be_present(tmp_path / "none")


def test_missing_folders_are_made_with_their_modes_and_the_others_stay(
    far: FarMachine, tmp_path: Path
) -> None:
    root = tmp_path / "above" / "it's an instance"
    (root / "old").mkdir(parents=True, mode=0o700)
    made = far.create(root, ["old", "new", "open"], {"open": 0o777})
    assert made == {"old": False, "new": True, "open": True}
    modes = [(root / name).stat().st_mode & 0o777 for name in ("old", "new", "open")]
    assert modes == [0o700, 0o755, 0o777]


def test_a_file_in_the_place_of_a_folder_is_an_error(far: FarMachine, tmp_path: Path) -> None:
    (tmp_path / "databases").write_text("")
    with pytest.raises(WbError, match="a file has its name"):
        far.create(tmp_path, ["databases"], {})


def test_a_folder_above_that_cannot_be_made_is_an_error(far: FarMachine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WbError, match=f"cannot create {tmp_path}/file/below: .*Not a directory"):
        far.create(tmp_path / "file" / "below", [], {})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk")
def test_a_full_disk_is_named_with_its_remedy(far: FarMachine, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:  # of eight files, its own folder among them
        with pytest.raises(WbError, match=f"cannot create {disk}/demo/6: .*No space left") as full:
            far.create(disk / "demo", map(str, range(9)), {})
        assert f"The disk of {disk}/demo/6 on that machine is full" in full.value.hint


@pytest.mark.parametrize("text", ["17\n", "9.6\n", "none of it\n", None])
def test_the_version_of_a_database_is_read_as_on_this_machine(
    far: FarMachine, tmp_path: Path, text: str | None
) -> None:
    (tmp_path / "pgdata").mkdir()
    if text:
        (tmp_path / "pgdata" / "PG_VERSION").write_text(text)
    assert far.read_data_version(tmp_path) == THIS_MACHINE.read_data_version(tmp_path)


def test_places_are_found_through_links(far: FarMachine, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    paths = [str(tmp_path / name) for name in ("real", "link", "none")]
    assert far.locate(paths) == {path: locate(path) for path in paths}
    assert far.locate([]) == {}


def test_disks_are_found_once_with_their_free_space(far: FarMachine, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (disk,) = far.find_disks([tmp_path, tmp_path / "below", tmp_path / "none"])
    (own,) = THIS_MACHINE.find_disks([tmp_path])
    assert disk.path == tmp_path
    assert disk.is_read_only is own.is_read_only
    assert disk.free_bytes > 0
    assert far.find_disks([tmp_path / "none"]) == []


def test_a_database_closed_to_its_owner_is_found(far: FarMachine, tmp_path: Path) -> None:
    data = tmp_path / "databases" / "pgdata"
    data.mkdir(parents=True)
    os.chown(data, 999, 999)
    assert not far.is_closed_to_owner_of(data)
    data.parent.chmod(0o700)
    assert far.is_closed_to_owner_of(data)
    assert not far.is_closed_to_owner_of(tmp_path / "none" / "none")


@pytest.mark.network
def test_ports_are_taken_on_their_address_and_on_all(far: FarMachine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not far.is_free(port, "127.0.0.1")
        assert not far.is_free(port, "0.0.0.0")
        assert far.is_free(port, "127.0.0.2")
        assert far.name_listener(port) == "a process there"
    assert far.is_free(port, "127.0.0.1")
    assert far.name_listener(port) == ""


def test_addresses_and_routes_are_those_of_the_machine(far: FarMachine) -> None:
    for address in ("0.0.0.0", "127.0.0.1", "::", "::1", "192.0.2.1", "2001:db8::1"):
        assert far.is_address_here(address) == THIS_MACHINE.is_address_here(address), address
    assert set(far.read_routes()) == set(THIS_MACHINE.read_routes())


def test_a_volume_of_fstab_that_is_not_mounted_is_found(
    far: FarMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = far._read
    fstab = "# data\n/dev/sdx1 /srv/none ext4 defaults 0 2\n"
    monkeypatch.setattr(far, "_read", lambda *f: fstab if "fstab" in str(f[0]) else read(*f))
    assert far.find_unmounted_volume(Path("/srv/none/instances")) == "/srv/none"
    assert far.find_unmounted_volume(Path("/srv/other")) == ""


def test_a_locked_folder_is_waited_for(far: FarMachine, tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        os.close(descriptor)

    with far.folder_locked(tmp_path, pause):
        assert len(pauses) == 1
        assert not can_lock(tmp_path)
    wait_for_lock(tmp_path)
    with far.folder_locked(tmp_path / "none", pause):
        assert len(pauses) == 1


def can_lock(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def wait_for_lock(path: Path) -> None:
    deadline = time.monotonic() + WAIT_S
    while not can_lock(path):
        assert time.monotonic() < deadline


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(far_lock, "LOCKS", str(tmp_path / "locks"))
    monkeypatch.setattr(far_lock, "HISTORY", str(tmp_path / "history"))
    return tmp_path / "locks"


def hold(outpost: Outpost, command: str = "wb run demo", **options: Any) -> Any:
    given: dict[str, Any] = {"wait_s": 0, "cancelled": threading.Event()} | options
    return far_lock.locked(outpost, "demo", command, **given)


@pytest.mark.usefixtures("locks")
def test_two_operators_meet_one_lock_and_the_second_is_told_who_holds_it(outpost: Outpost) -> None:
    with closing(new_outpost()) as other:
        with hold(outpost), pytest.raises(LockedError, match=r"`wb run demo` of .*@"), hold(other):
            pass
        with hold(other) as lock:
            assert lock.left_by is None


@pytest.mark.usefixtures("locks")
def test_an_operator_waits_for_the_other_and_can_be_interrupted(outpost: Outpost) -> None:
    told: list[str] = []
    cancelled = threading.Event()

    def tell(text: str) -> None:
        told.append(text)
        cancelled.set()

    with closing(new_outpost()) as other, hold(outpost):
        waiting = hold(other, wait_s=WAIT_S, cancelled=cancelled, report=tell)
        with pytest.raises(InterruptedError), waiting:
            pass
        with pytest.raises(InterruptedError), hold(other, cancelled=cancelled):
            pass
    assert told[0].startswith("waiting for `wb run demo`")


def test_a_lock_whose_operator_dies_is_free_and_names_him_to_the_next(locks: Path) -> None:
    dying = new_outpost()
    with pytest.raises(EngineUnreachableError), hold(dying, "wb stop demo"):
        dying.close_channel()
    wait_for_lock(locks / "demo.lock")
    with closing(new_outpost()) as other:
        with pytest.raises(RuntimeError), hold(other):
            raise RuntimeError
        with hold(other) as lock:  # the work of the dead is still half done
            assert lock.left_by
            assert lock.left_by.command == "wb stop demo"
        with hold(other) as lock:
            assert lock.left_by is None


def test_a_damaged_signature_is_that_of_an_unknown_holder(outpost: Outpost, locks: Path) -> None:
    locks.mkdir()
    (locks / "demo.lock").write_text("{")
    with hold(outpost) as lock:
        assert lock.left_by == Holder()


def test_a_lock_that_cannot_be_made_is_an_error(outpost: Outpost, locks: Path) -> None:
    locks.write_text("")
    with pytest.raises(WbError, match="cannot lock demo"), hold(outpost):
        pass


def test_the_history_there_keeps_the_last_lines(outpost: Outpost, locks: Path) -> None:
    for number in range(302):
        far_lock.add_to_history(outpost, "demo", Holder(command=f"it's {number}"))
    lines = (locks.parent / "history" / "demo.jsonl").read_text().splitlines()
    assert len(lines) == 201
    assert "it's 301" in lines[-1]


def test_the_histories_there_can_be_read_here(
    outpost: Outpost, locks: Path, tmp_path: Path
) -> None:
    del locks
    (tmp_path / "here").mkdir()
    far_lock.fetch_history(outpost, tmp_path / "here")
    assert list((tmp_path / "here").iterdir()) == []
    far_lock.add_to_history(outpost, "demo", Holder(command="wb run demo"))
    far_lock.fetch_history(outpost, tmp_path / "here")
    assert "wb run demo" in (tmp_path / "here" / "demo.jsonl").read_text()


def test_a_name_with_a_line_break_is_refused(outpost: Outpost) -> None:
    with pytest.raises(WbError, match="line break"):
        outpost.ask("look", "/a\nb")


def test_a_machine_without_a_program_is_told_as_such(outpost: Outpost) -> None:
    with pytest.raises(WbError, match="lacks a program"):
        outpost.ask("no-such-program")


def test_a_broken_connection_is_an_error_and_no_answer(outpost: DyingOutpost) -> None:
    outpost.ask("look", "/")
    outpost.close_channel()
    with pytest.raises(EngineUnreachableError):
        outpost.ask("look", "/")


def test_the_request_after_a_broken_one_opens_another_connection(outpost: DyingOutpost) -> None:
    outpost.ask("look", "/")
    outpost.close_channel()
    with pytest.raises(EngineUnreachableError):
        outpost.ask("look", "/")
    assert outpost.ask("look", "/").lines


def test_no_connection_is_opened_after_locks_have_ended_with_one(
    outpost: DyingOutpost, tmp_path: Path
) -> None:
    """Work that goes on without its lock would meet another writer."""
    assert outpost.ask("take_folder", str(tmp_path)).code == 0
    outpost.close_channel()
    for _ in range(2):
        with pytest.raises(EngineUnreachableError):
            outpost.ask("look", "/")


def test_the_holder_of_a_lock_is_known_as_long_as_the_lock_is_held(
    outpost: Outpost, locks: Path
) -> None:
    assert far_lock.find_holder(outpost, "demo") is None
    with closing(new_outpost()) as other, hold(other, "wb stop demo"):
        holder = far_lock.find_holder(outpost, "demo")
        assert holder
        assert holder.command == "wb stop demo"
    assert (locks / "demo.lock").exists()
    assert far_lock.find_holder(outpost, "demo") is None


def test_the_signature_of_a_command_that_has_died_is_no_holder(
    outpost: Outpost, locks: Path
) -> None:
    locks.mkdir()
    (locks / "demo.lock").write_text('{"command": "wb run demo"}')
    assert far_lock.find_holder(outpost, "demo") is None


def test_the_script_ends_when_it_hears_nothing() -> None:
    """So do its locks: the connection of an operator may break without a word."""
    *words, script, name = read_script()
    short = script.replace("LEASE_S=20", "LEASE_S=0.2")
    assert short != script
    channel = FakeEngine([IMAGE]).open_outpost(IMAGE, [*words, short, name], {})
    channel.send(b"look /\n")
    assert channel.receive(WAIT_S)
    with pytest.raises(EngineUnreachableError):
        channel.receive(WAIT_S)
    channel.close()
