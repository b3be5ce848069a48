"""The way down."""

import signal
import subprocess
import sys

import pytest

NOWHERE = {"PG_HOST": "127.0.0.1", "PG_PORT": "1", "VALKEY_URL": "redis://127.0.0.1:1"}


@pytest.mark.services
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_disconnects_and_exits_0(start_platform, number):
    server = start_platform()
    server.wait_status("alive", "ready", "warm")
    server.wait_for_line("[Valkey] Ready")

    assert server.stop(number) == 0
    assert server.lines[-1] == "[Valkey] Disconnected"
    assert "Traceback" not in server.log


@pytest.mark.network
def test_a_server_still_waiting_for_its_database_stops_as_well(start_server):
    server = start_server(**NOWHERE)

    assert server.stop() == 0
    assert "Timed out" not in server.log


@pytest.mark.network
def test_more_signals_on_the_way_down_change_nothing(start_server):
    server = start_server(**NOWHERE)

    for _ in range(5):
        server.process.send_signal(signal.SIGTERM)

    assert server.wait_exit() == 0


def test_the_failsafe_ends_a_process_whose_loop_hangs():
    program = (
        "import time; from wb_cli.server.shutdown import arm_failsafe;"
        "from wb_cli.server.log import set_up_logging;"
        "set_up_logging('info'); arm_failsafe(0.2); time.sleep(60)"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )

    assert ended.returncode == 1
    assert ended.stdout == "[Shutdown] Timed out — forcing exit\n"
