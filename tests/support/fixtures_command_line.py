"""The fixture that runs `wb` in the test's own process."""

from pathlib import Path

import pytest
from support.command_line import CommandLine, Ended, use_own_settings

from wb_cli.cli.app import run


@pytest.fixture
def wb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    """Run a command line; give its exit code, its answer and its talk."""
    use_own_settings(tmp_path, monkeypatch)

    def run_in_this_process(*words: str) -> Ended:
        code = run(list(words))
        return Ended(code, *capsys.readouterr())

    return run_in_this_process
