"""What containers use: asked side by side, and unknown where no answer came in time."""

import threading
from pathlib import Path

import pytest
from lifecycle.examples import DEMO, SETTINGS
from msgspec.structs import replace
from observe.status.test_look import all_up
from support.fake_engine import FakeEngine, Program

from wb_cli.contract import Part
from wb_cli.engine.types import NetworkSpec
from wb_cli.engine.usage import Usage, read_usage
from wb_cli.errors import EngineError, EngineUnreachableError
from wb_cli.instances.secrets import SecretStore
from wb_cli.lifecycle.fleet import Fleet
from wb_cli.observe.status.instance_state import InstanceStatus
from wb_cli.observe.status.look import look_at_all
from wb_cli.observe.status.side_by_side import ask_all
from wb_cli.observe.status.survey import Survey
from wb_cli.observe.status.usage import (
    DATABASE_SIZE,
    Measurement,
    PartUsage,
    add_up,
    compare,
)

SIZES = {tuple(DATABASE_SIZE): (0, b"31000000\n")}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    monkeypatch.setattr("wb_cli.observe.status.usage.INTERVAL_S", 0)
    made = FakeEngine(["x:1"], {"x:1": Program(answers=SIZES)})
    made.create_network(NetworkSpec("demo", "10.0.0.0/29", {}))
    all_up(made)
    return made


def used(engine: FakeEngine, tmp_path: Path) -> InstanceStatus:
    fleet = Fleet(engine, SETTINGS, SecretStore(tmp_path))
    survey = Survey(fleet, [DEMO], orphans=False)
    (status,) = look_at_all(survey, measured=True)
    return status


def test_each_container_has_its_usage_and_postgres_its_size(
    engine: FakeEngine, tmp_path: Path
) -> None:
    status = used(engine, tmp_path)
    assert [part.facts["usage"]["memoryBytes"] for part in status.parts] == [10 * 1024**2] * 3
    assert all(part.facts["usage"]["cpuPercent"] > 0 for part in status.parts)
    assert status.find(Part.POSTGRES).facts["databaseBytes"] == 31_000_000
    assert "databaseBytes" not in status.find(Part.VALKEY).facts


def test_a_container_that_hangs_is_unknown_and_holds_up_no_other(
    engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, read = engine.named("demo-valkey").id, engine.read_usage
    over = threading.Event()

    def read_or_hang(container: str) -> Usage | None:
        if container == hangs:
            over.wait()
        return read(container)

    monkeypatch.setattr(engine, "read_usage", read_or_hang)
    monkeypatch.setattr("wb_cli.observe.status.usage.DEADLINE_S", 0.4)
    status = used(engine, tmp_path)
    over.set()
    assert status.find(Part.VALKEY).facts["usage"] == PartUsage().as_document()
    assert status.find(Part.PLATFORM).facts["usage"]["memoryBytes"] == 10 * 1024**2


def test_the_first_reading_counts_if_the_second_does_not_come(
    engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, read = engine.named("demo-valkey").id, engine.read_usage
    over = threading.Event()
    asked: list[str] = []

    def read_once(container: str) -> Usage | None:
        if container == slow and asked:
            over.wait()
        asked.extend([container] if container == slow else [])
        return read(container)

    monkeypatch.setattr(engine, "read_usage", read_once)
    monkeypatch.setattr("wb_cli.observe.status.usage.DEADLINE_S", 0.4)
    usage = used(engine, tmp_path).find(Part.VALKEY).facts["usage"]
    over.set()
    assert (usage["memoryBytes"], usage["cpuPercent"]) == (10 * 1024**2, None)


def test_a_whole_fleet_is_asked_at_once(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = engine.observe().containers[0]
    fleet = [replace(listed, id=f"c{number}", labels={}) for number in range(120)]
    all_ask = threading.Barrier(len(fleet))

    def wait_for_all(_: str) -> None:
        all_ask.wait(timeout=30)  # it passes only if all ask at the same time

    monkeypatch.setattr(engine, "read_usage", wait_for_all)
    monkeypatch.setattr("wb_cli.observe.status.usage.DEADLINE_S", 60)
    Measurement(engine, fleet).add_to([])
    assert not all_ask.broken


def test_the_size_of_databases_is_read_from_their_files_on_this_machine(
    engine: FakeEngine, tmp_path: Path
) -> None:
    status = used(engine, tmp_path)
    (tmp_path / "pgdata" / "pg_tblspc").mkdir(parents=True)
    (tmp_path / "pgdata" / "base" / "1").mkdir(parents=True)
    (tmp_path / "pgdata" / "base" / "1" / "112").write_bytes(b"x" * 70)
    (listed,) = (c for c in engine.observe().containers if c.part is Part.POSTGRES)
    for folder, is_local, size in (
        (tmp_path, True, 70),
        (tmp_path, False, 31_000_000),
        (tmp_path / "closed", True, 31_000_000),
    ):
        engine.is_local = is_local
        measurement = Measurement(engine, [replace(listed, data_folder=str(folder))])
        (shown,) = measurement.add_to([status])
        assert shown.find(Part.POSTGRES).facts["databaseBytes"] == size


def test_a_container_that_is_down_has_no_usage(engine: FakeEngine, tmp_path: Path) -> None:
    engine.crash("demo")
    assert "usage" not in used(engine, tmp_path).find(Part.PLATFORM).facts


FIRST = Usage(at=10.0, cpu_s=1.0, memory=5, memory_limit=9, received=1, sent=2)


@pytest.mark.parametrize(
    ("second", "cpu"),
    [(replace(FIRST, at=12.0, cpu_s=2.0), 50.0), (None, None), (FIRST, None)],
)
def test_the_share_of_a_processor_needs_two_readings(second: Usage | None, cpu: float) -> None:
    assert compare(FIRST, second).cpu == cpu
    assert compare(FIRST, second).memory == 5


def test_a_sum_with_an_unknown_value_is_unknown() -> None:
    assert add_up([1, 2]) == 3
    assert add_up([1, None]) is None
    assert add_up([]) is None


def test_memory_is_counted_without_what_the_kernel_would_give_back() -> None:
    document = {
        "read": "2026-01-01T00:00:00.123456789Z",
        "cpu_stats": {"cpu_usage": {"total_usage": 2_500_000_000}},
        "memory_stats": {"usage": 100, "limit": 400, "stats": {"inactive_file": 30}},
        "networks": {"a": {"rx_bytes": 1, "tx_bytes": 2}, "b": {"rx_bytes": 3, "tx_bytes": 4}},
    }
    usage = read_usage(document)
    assert usage
    assert (usage.cpu_s, usage.memory, usage.memory_limit) == (2.5, 70, 400)
    assert (usage.received, usage.sent) == (4, 6)
    document["memory_stats"] = {"usage": 100, "stats": {"total_inactive_file": 10}}
    assert read_usage(document).memory == 90
    assert read_usage({"memory_stats": {}}) is None


def fail(error: Exception) -> None:
    raise error


def test_the_error_of_one_job_stands_in_the_place_of_its_answer() -> None:
    error = EngineError("refused")
    assert ask_all({"a": lambda: 1, "b": lambda: fail(error)}, 5) == {"a": 1, "b": error}


def test_a_lost_engine_is_an_error_of_all() -> None:
    with pytest.raises(EngineUnreachableError):
        ask_all({"a": lambda: fail(EngineUnreachableError("gone"))}, 5)


def test_a_fault_of_wb_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        ask_all({"a": lambda: 1 // 0}, 5)
