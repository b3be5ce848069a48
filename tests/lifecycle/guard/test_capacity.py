"""The room on this machine is measured once, before several instances are started."""

from pathlib import Path

import pytest
from lifecycle.examples import DEMO, SETTINGS
from msgspec.structs import replace
from support.fake_engine import FakeEngine

from wb_cli.errors import ExitCode
from wb_cli.host import kernel, listeners, memory, ports, routes
from wb_cli.host.memory import Memory
from wb_cli.instances.model import Instance
from wb_cli.instances.secrets import SecretStore
from wb_cli.lifecycle.fleet import Fleet
from wb_cli.lifecycle.guard import capacity
from wb_cli.lifecycle.guard.capacity import ELSEWHERE, CapacityError
from wb_cli.lifecycle.guard.preflight import PreflightError
from wb_cli.lifecycle.machine.here import ThisMachine

GIB, MIB = 1024**3, 1024**2
THREE = [Instance(name, name, 9000 + number, "1") for number, name in enumerate("abc")]


class Here(FakeEngine):
    is_local = True


class Taken(ThisMachine):
    """A machine on which something listens on the port 9000."""

    def is_free(self, port: int, address: str) -> bool:  # noqa: ARG002
        return port != 9000


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    settings = replace(SETTINGS, mount_path=tmp_path)
    return Fleet(Here([]), settings, SecretStore(tmp_path / "secrets"))


@pytest.fixture(autouse=True)
def free_ports(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """All ports of the host are free, except those that a test adds here."""
    taken: set[int] = set()
    monkeypatch.setattr(ports, "is_free", lambda port, _address: port not in taken)
    monkeypatch.setattr(listeners, "read_listeners", lambda _: {})
    return taken


@pytest.fixture(autouse=True)
def much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, 8 * GIB)


def give(monkeypatch: pytest.MonkeyPatch, available: int) -> None:
    found = Memory(16 * GIB, available, 0, 0, 1)
    monkeypatch.setattr(memory, "read_memory", lambda: found)


def test_a_machine_with_room_has_room_for_all(fleet: Fleet) -> None:
    room = capacity.find_room(fleet, THREE)
    assert (room.shortages, room.unknown) == ({}, ())
    room.check("a")


def test_those_that_do_not_fit_are_named_and_some_memory_is_kept(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, 512 * MIB + 400 * MIB)
    room = capacity.find_room(fleet, THREE)
    assert set(room.shortages) == {"c"}
    with pytest.raises(CapacityError) as caught:
        room.check("c")
    assert caught.value.message.startswith("c was left as it is: it needs about 184.0 MiB of memo")
    assert "`wb run c --force`" in caught.value.hint
    assert caught.value.exit_code is ExitCode.FAILURE


def test_a_large_snapshot_of_the_cache_counts(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    give(monkeypatch, 512 * MIB + 400 * MIB)
    folder = tmp_path / "a" / "valkey_data"
    folder.mkdir(parents=True)
    with (folder / "dump.rdb").open("wb") as file:
        file.truncate(900 * MIB)
    assert set(capacity.find_room(fleet, THREE).shortages) == {"a"}


def test_networks_that_the_pool_has_no_room_for_are_named(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "read_routes", list)  # whatever this machine has
    fleet.settings = replace(fleet.settings, subnet_pool="10.99.0.0/25", subnet_prefix=26)
    room = capacity.find_room(fleet, THREE)
    assert set(room.shortages) == {"c"}
    assert "no subnet is left" in room.shortages["c"][0]


def test_an_instance_whose_port_is_taken_is_named_and_leaves_its_room_to_others(
    fleet: Fleet, free_ports: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, 512 * MIB + 400 * MIB)
    free_ports.add(9001)
    room = capacity.find_room(fleet, THREE)
    assert room.shortages == {}
    room.check("c")
    with pytest.raises(PreflightError, match=r"port 9001 on 127.0.0.1 \(platform\) is taken"):
        room.check("b")


def test_ports_are_asked_on_the_machine_of_the_engine(fleet: Fleet) -> None:
    there = Taken()
    far = Fleet(FakeEngine([]), fleet.settings, fleet.secrets, elsewhere=there)  # type: ignore[arg-type]
    room = capacity.find_room(far, THREE)
    assert (set(room.taken), room.unknown) == ({"a"}, (ELSEWHERE,))


def test_what_cannot_be_measured_is_said_and_refuses_nobody(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OSError("no such file")

    monkeypatch.setattr(kernel, "read_tasks", fail)
    room = capacity.find_room(fleet, THREE)
    assert room.shortages == {}
    assert room.unknown == (
        "whether there is room for more processes and threads is not known: no such file",
    )


def test_nothing_is_known_of_another_machine(fleet: Fleet) -> None:
    elsewhere = Fleet(FakeEngine([]), fleet.settings, fleet.secrets)
    assert capacity.find_room(elsewhere, [DEMO]).unknown == (ELSEWHERE,)


def test_a_disk_is_known_by_the_highest_folder_on_it(tmp_path: Path) -> None:
    highest = capacity._find_disk(tmp_path / "not" / "there")
    assert Path(highest).stat().st_dev == tmp_path.stat().st_dev
    assert highest == capacity._find_disk(tmp_path)
