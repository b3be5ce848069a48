"""The shutdown."""

import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.platform_data import is_a_query_held_up, locked_results
from support.services import wait_until

from wb_cli.contract import SHUTDOWN_FAILSAFE_S

NOWHERE = {"PG_HOST": "127.0.0.1", "PG_PORT": "1", "VALKEY_URL": "redis://127.0.0.1:1"}


@pytest.mark.services
@pytest.mark.long
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
def test_more_signals_during_the_shutdown_change_nothing(start_server):
    server = start_server(**NOWHERE)

    for _ in range(5):
        server.process.send_signal(signal.SIGTERM)

    assert server.wait_exit() == 0


def test_the_failsafe_ends_a_process_whose_loop_hangs():
    program = (
        "import time; from wb_cli.server.process.shutdown import arm_failsafe;"
        "from wb_cli.server.process.log import set_up_logging;"
        "set_up_logging('info'); arm_failsafe(0.2); time.sleep(60)"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )

    assert ended.returncode == 1
    assert ended.stdout == "[Shutdown] Timed out — forcing exit\n"


@pytest.mark.services
@pytest.mark.long
def test_a_running_request_is_answered_before_the_server_exits(demo):
    server = demo.start_warm()
    server.http.delete("/api/caches").raise_for_status()
    path = "/api/projects/north/objects/by-area/items"

    with locked_results(demo.postgres_url) as release, ThreadPoolExecutor(1) as caller:
        waiting = caller.submit(server.http.get, path)
        wait_until(lambda: is_a_query_held_up(demo.postgres_url), "the load runs")
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not accepts(server.port), "it accepts no more")
        release()

        assert waiting.result().status_code == 200
        assert waiting.result().json()["status"] == "ok"
    assert server.wait_exit() == 0


@pytest.mark.services
@pytest.mark.long
def test_a_request_that_never_ends_is_cut_off_and_the_exit_is_clean(demo):
    server = demo.start_warm()
    server.http.delete("/api/caches").raise_for_status()

    with locked_results(demo.postgres_url), ThreadPoolExecutor(1) as caller:
        cut = caller.submit(server.http.get, "/api/projects/north/objects/by-area/items")
        wait_until(lambda: is_a_query_held_up(demo.postgres_url), "the load runs")
        began = time.monotonic()

        assert server.stop() == 0

    assert cut.result().status_code == 503
    assert cut.result().headers["retry-after"] == "1"
    assert "Traceback" not in server.log
    assert time.monotonic() - began < SHUTDOWN_FAILSAFE_S
    assert "[Shutdown] Timed out" not in server.log


@pytest.mark.services
@pytest.mark.long
def test_waiting_writes_are_flushed(demo):
    server = demo.start_warm()
    with demo.valkey() as client:
        client.flushall()
        client.client_pause(700, all=False)
        server.http.delete("/api/caches").raise_for_status()
        for path in ("by-area", "by-month", "nothing"):
            server.json(f"/api/projects/north/objects/{path}/items")

        assert server.stop() == 0

        assert len(client.keys("cache:po_items:*")) == 3


@pytest.mark.services
@pytest.mark.long
def test_a_stop_during_the_warm_up_ends_it_at_once(demo):
    with locked_results(demo.postgres_url):
        server = demo.start()
        server.wait_status("ready")
        began = time.monotonic()

        assert server.stop() == 0

    assert time.monotonic() - began < 4
    assert "Traceback" not in server.log


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
