"""Programs that end well, badly, too late, or never started."""

import os
import sys
from pathlib import Path

import pytest
from support.services import wait_until

from wb_cli.errors import WbError
from wb_cli.host.process import run, start_in_background


def test_run_gives_no_input_and_adds_to_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KEPT", "kept")
    script = f'cat; echo "$KEPT $ADDED" > {tmp_path}/output'
    run(["sh", "-c", script], timeout=10, env={"ADDED": "a"})
    assert (tmp_path / "output").read_text() == "kept a\n"


def test_an_error_shows_the_programs_last_lines_and_its_exit_code() -> None:
    with pytest.raises(WbError, match=r"\(exit code 7\): disk full$"):
        run(["sh", "-c", "echo fine; echo disk full >&2; exit 7"], timeout=10)


def test_an_error_shows_stdout_if_stderr_is_empty() -> None:
    with pytest.raises(WbError, match="spoken"):
        run(["sh", "-c", "echo spoken; exit 1"], timeout=10)


def test_a_missing_program_is_named() -> None:
    with pytest.raises(WbError, match="no-such-program is not installed"):
        run(["no-such-program"], timeout=10)


def test_output_that_is_not_utf_8_is_shown() -> None:
    with pytest.raises(WbError, match=r": \ufffdx$"):
        run(["sh", "-c", r"printf '\377x'; exit 1"], timeout=10)


def test_when_time_is_up_the_children_of_the_program_end_too(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with pytest.raises(WbError, match=r"did not end within 0\.5 s"):
        run(["sh", "-c", f"sleep 600 & echo $! > {pid_file}; wait"], timeout=0.5)
    wait_until(lambda: not is_alive(int(pid_file.read_text())), "the end of sleep", 5)


def test_a_program_in_the_background_logs_to_its_file_and_is_known_to_run(tmp_path: Path) -> None:
    log = tmp_path / "new folder" / "log"
    script = "import sys; print('hello', flush=True); sys.stdin.read(); input()"
    started = start_in_background([sys.executable, "-c", script], log)
    wait_until(lambda: not started.is_running(), "its end: there is no stdin", 10)
    assert log.read_text().startswith("hello\n")


def is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        os.kill(pid, 0)
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
