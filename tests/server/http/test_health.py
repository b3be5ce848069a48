"""Late, lost and returning servers, seen through `/health_check` and the log."""

import pytest
from support.services import free_port, wait_until

pytestmark = pytest.mark.services


def test_the_server_becomes_healthy_by_itself_when_the_database_comes_late(demo, mortal_postgres):
    mortal_postgres.container.stop(timeout=10)
    server = demo.start()
    assert server.http.get("/health_check").status_code == 503

    mortal_postgres.container.start()

    server.wait_status("warm")
    assert server.http.get("/health_check").status_code == 200
    assert server.health()["database"] == {"connected": True, "reason": None}


def test_the_health_check_reports_the_size_of_l1(demo):
    server = demo.start_warm()
    told = server.health()["l1"]
    assert told["entries"] > 0
    assert 0 < told["bytes"] <= told["maxBytes"]


def test_the_server_says_so_when_the_database_goes_and_comes_back(demo, mortal_postgres):
    server = demo.start_warm()

    mortal_postgres.container.stop(timeout=10)
    lost = server.wait_status("waiting")
    mortal_postgres.container.start()

    assert lost["database"]["reason"]
    server.wait_status("warm")


def test_valkey_absent_at_boot_is_logged_once_and_requests_go_on(start_platform):
    server = start_platform(VALKEY_URL=f"redis://127.0.0.1:{free_port()}")

    server.wait_status("alive", "ready", "warm")

    server.wait_for_line("Cache will be in-memory only.")
    assert server.log.count("[Valkey] Could not connect (") == 1
    assert server.health()["l2"]["state"] == "lost"


def test_valkey_that_comes_late_is_used(start_platform, services):
    port = free_port()
    server = start_platform(VALKEY_URL=f"redis://127.0.0.1:{port}")
    server.wait_for_line("[Valkey] Could not connect (")

    services.new_valkey(port=port)

    server.wait_for_line("[Valkey] Ready", within=2)
    server.wait_for_line(f"[Valkey] Connected to redis://127.0.0.1:{port}")
    wait_until(lambda: server.health()["l2"]["state"] == "ready", "L2 ready")


def test_valkey_lost_and_back_is_logged_and_requests_go_on(start_platform, mortal_valkey):
    server = start_platform(VALKEY_URL=mortal_valkey.url)
    server.wait_for_line("[Valkey] Ready")
    server.wait_status("alive", "ready", "warm")

    mortal_valkey.container.stop(timeout=10)
    server.wait_for_line("[Valkey] Connection error: ")
    assert server.http.get("/health_check").status_code == 200
    mortal_valkey.container.start()

    server.wait_for_line("[Valkey] Ready", times=2)
    assert server.log.count("[Valkey] Connected to ") == 1


def test_a_malformed_valkey_url_leaves_the_cache_in_memory(start_platform):
    server = start_platform(VALKEY_URL="here://[is:none")

    server.wait_for_line("Cache will be in-memory only.")
    server.wait_status("alive", "ready", "warm")
