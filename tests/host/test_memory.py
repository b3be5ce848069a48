"""This machine's memory, as its kernel tells it."""

from pathlib import Path

import pytest

from wb_cli.host.memory import KIB, Memory, Pressure, read_memory, read_pressures


def test_this_machine_s_own_memory_is_read() -> None:
    memory = read_memory()
    assert 0 < memory.available <= memory.size
    assert memory.free_swap <= memory.swap
    assert memory.overcommit in {0, 1, 2}


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """What a kernel tells, but for the pressures."""
    (tmp_path / "sys" / "vm").mkdir(parents=True)
    (tmp_path / "sys" / "vm" / "overcommit_memory").write_text("1\n")
    (tmp_path / "meminfo").write_text(
        "MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable: 300 kB\n"
        "SwapTotal: 20 kB\nSwapFree: 5 kB\n"
    )
    return tmp_path


def test_sizes_are_in_bytes(proc: Path) -> None:
    assert read_memory(proc) == Memory(1000 * KIB, 300 * KIB, 20 * KIB, 5 * KIB, 1)


def test_pressures_are_those_of_the_last_minute(proc: Path) -> None:
    (proc / "pressure").mkdir()
    (proc / "pressure" / "io").write_text(
        "some avg10=1.00 avg60=12.50 avg300=3.00 total=1\n"
        "full avg10=1.00 avg60=4.25 avg300=3.00 total=1\n"
    )
    assert read_pressures(proc) == (Pressure("io", 12.5, 4.25),)


def test_a_kernel_may_measure_no_pressure(proc: Path) -> None:
    assert read_pressures(proc) == ()
