"""The first moments of the server's process, while it imports what it needs."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from wb_cli.server import __main__ as beginning

# What is imported early waits here: until somebody opens the other end, and then for ever.
WAITS = "import os; open(os.environ['WAITS']).read()"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_stopped_during_its_imports_ends_at_once_and_well(
    tmp_path: Path, number: signal.Signals
) -> None:
    """A container's first process would not get the signal without a handler of its own."""
    (tmp_path / "asyncpg.py").write_text(WAITS)
    os.mkfifo(tmp_path / "waits")
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join((str(tmp_path), *filter(None, sys.path))),
        "WAITS": str(tmp_path / "waits"),
    }
    with (
        subprocess.Popen(
            [sys.executable, "-m", "wb_cli.server"], env=environment, stdout=subprocess.PIPE
        ) as server,
        (tmp_path / "waits").open("w"),
    ):
        server.send_signal(number)
        output, _ = server.communicate(timeout=30)
    assert (server.returncode, output) == (0, beginning.STOPPED)
