"""Signals to the process of `wb`, from its first moment on."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from support.bursts import SEED, ended_by_burst
from support.wb_host import COMMAND_S

from wb_cli.errors import ExitCode


@pytest.mark.parametrize("tries", [25, pytest.param(200, marks=pytest.mark.faults)])
def test_a_signal_at_any_moment_ends_wb_with_its_exit_code_and_no_traceback(
    tmp_path: Path, tries: int
) -> None:
    environ = os.environ | {
        "WB_CONFIG_DIR": str(tmp_path),
        "SERVERS_FILE_PATH": str(tmp_path / "servers.json"),
    }
    chance = random.Random(SEED)
    codes = set()
    for number in range(tries):
        words = ["config", "add", f"i{number}", "label=I", "serverVersion=1"]
        with subprocess.Popen(
            [sys.executable, "-m", "wb_cli", *words],
            env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            told = ended_by_burst(process, chance, 0.25)
            _, talk = process.communicate(timeout=COMMAND_S)
        assert process.returncode in {0, ExitCode.INTERRUPTED, ExitCode.TERMINATED}, told + talk
        assert "Traceback" not in talk, told
        codes.add(process.returncode)
    whole = {"servers.json", "servers.json.lock", "history"}
    left = {path.name for path in tmp_path.iterdir()} - whole
    assert left == set(), "a part of a file was left"
    # On a busy machine each of them may have been ended before it began its history.
    assert {path.suffix for path in tmp_path.glob("history/*")} <= {".jsonl"}
    assert len(codes) > 1
