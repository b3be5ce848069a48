"""`/metrics`, as Prometheus' own tool checks it."""

import shutil
import subprocess

import pytest
from support.services import wait_until

NOWHERE = {"PG_HOST": "127.0.0.1", "PG_PORT": "1", "VALKEY_URL": "redis://127.0.0.1:1"}

# Dashboards and alerts know these names.
NAMES = {
    "process_virtual_memory_bytes": "gauge",
    "process_resident_memory_bytes": "gauge",
    "process_start_time_seconds": "gauge",
    "process_cpu_seconds_total": "counter",
    "process_open_fds": "gauge",
    "process_max_fds": "gauge",
    "wb_info": "gauge",
    "wb_uptime_seconds": "gauge",
    "wb_database_up": "gauge",
    "wb_database_connections": "gauge",
    "wb_l2_up": "gauge",
    "wb_l2_state": "gauge",
    "wb_l2_keys": "gauge",
    "wb_l2_memory_bytes": "gauge",
    "wb_l2_max_memory_bytes": "gauge",
    "wb_bus_databases": "gauge",
    "wb_bus_addresses": "gauge",
    "wb_bus_answers_total": "counter",
    "wb_warm_up_ready": "gauge",
    "wb_warm_up_done": "gauge",
    "wb_warm_up_objects": "gauge",
    "wb_warm_up_skipped": "gauge",
    "wb_warm_up_entries": "gauge",
    "wb_warm_up_entries_done": "gauge",
    "wb_warm_up_seconds": "gauge",
    "wb_loop_lag_seconds": "gauge",
    "wb_loop_lag_worst_seconds": "gauge",
    "wb_http_requests_total": "counter",
    "wb_http_request_seconds": "histogram",
    "wb_cache_hits_total": "counter",
    "wb_cache_misses_total": "counter",
    "wb_cache_unstored_total": "counter",
    "wb_cache_hydrated_total": "counter",
    "wb_cache_flights_joined_total": "counter",
    "wb_cache_load_failures_total": "counter",
    "wb_cache_load_seconds": "histogram",
    "wb_cache_seconds_saved_total": "counter",
    "wb_cache_entries": "gauge",
    "wb_cache_l1_bytes": "gauge",
    "wb_cache_l1_max_bytes": "gauge",
    "wb_cache_l1_evictions_total": "counter",
    "wb_cache_l2_queue_depth": "gauge",
    "wb_cache_l2_queue_bytes": "gauge",
    "wb_cache_l2_writes_total": "counter",
    "wb_cache_l2_drops_total": "counter",
    "wb_cache_l2_breaker": "gauge",
    "wb_cache_l2_breaker_openings_total": "counter",
}


@pytest.mark.network
def test_promtool_finds_nothing_to_mend(start_server):
    promtool = shutil.which("promtool")
    assert promtool, "promtool of Debian's package prometheus is missing; `make test` unpacks it"
    server = start_server(**NOWHERE)
    for path in ("/health_check", "/", "/nothing/here", "/api/projects"):
        server.http.get(path)

    text = server.http.get("/metrics").text
    judged = subprocess.run(
        [promtool, "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (judged.returncode, judged.stdout + judged.stderr) == (0, "")


@pytest.mark.network
def test_every_help_text_is_a_sentence_about_its_metric(start_server):
    helps = [
        line.split(" ", 3)[3]
        for line in start_server(**NOWHERE).http.get("/metrics").text.splitlines()
        if line.startswith("# HELP ")
    ]

    assert len(helps) == len(set(helps)) > 20
    for text in helps:
        assert text.endswith((".", "0.")) or ": 1" in text, text
        assert len(text.split()) >= 5, text


@pytest.mark.network
def test_every_metric_keeps_its_name_and_its_type(start_server):
    lines = start_server(**NOWHERE).http.get("/metrics").text.splitlines()

    types = [line.split()[2:] for line in lines if line.startswith("# TYPE ")]

    assert dict(types) == NAMES
    assert not [line for line in lines if "_created" in line]


@pytest.mark.network
def test_the_size_of_a_valkey_that_is_away_is_not_told_as_zero(start_server):
    server = start_server(**NOWHERE)

    assert server.metric("wb_l2_keys") is None
    assert server.metric("wb_l2_memory_bytes") is None


@pytest.mark.services
def test_the_size_of_valkey_is_told(demo):
    with demo.valkey() as client:
        client.set("one", "1")
    server = demo.start()

    wait_until(lambda: server.metric("wb_l2_keys"), "the keys of Valkey", 15)

    assert server.metric("wb_l2_keys") >= 1
    assert server.metric("wb_l2_memory_bytes") > 100_000
