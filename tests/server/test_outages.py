"""Outages of PostgreSQL, of Valkey, and of the server itself, as a client sees them."""

import signal
import time

import pytest
import valkey
from support.platform_data import ENTRIES, NORTH, execute
from support.services import wait_until

pytestmark = pytest.mark.services

OBJECT = "/api/projects/north/objects/by-area"
PATHS = (OBJECT, f"{OBJECT}/items", "/api/projects/north/metrics/visits", "/api/datasets/hfa")
DATASETS = 3
# A deadline of L2 is 0.15 s. The rest is for a busy machine.
DELAYED_AT_MOST_S = 1.0


@pytest.fixture
def paused(demo, mortal_valkey):
    """A warm server whose Valkey accepts connections but does not answer."""
    server = demo.start_warm(VALKEY_URL=mortal_valkey.url)
    mortal_valkey.container.pause()
    return server, mortal_valkey


def test_a_hung_valkey_fails_no_request_and_delays_each_by_a_deadline_at_most(paused):
    server, _ = paused

    for _ in range(5):
        server.http.post(f"{OBJECT}/touch").raise_for_status()
        began = time.monotonic()
        assert server.http.get(OBJECT).status_code == 200
        assert time.monotonic() - began < DELAYED_AT_MOST_S
    assert server.http.get("/health_check").status_code == 200


def test_entries_cleared_while_valkey_hangs_are_not_served_once_it_is_back(demo, paused):
    server, own = paused

    assert server.http.delete("/api/caches").status_code == 200
    assert server.stop() == 0
    own.container.unpause()
    after = demo.start_warm(VALKEY_URL=own.url)

    warm_up = after.health()["warmUp"]
    assert (warm_up["fromL2"], warm_up["fromDatabase"]) == (0, ENTRIES)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_project_cleared_while_valkey_hangs_is_not_served_once_it_is_back(demo, paused, number):
    server, own = paused

    assert server.http.delete("/api/projects/north/caches").status_code == 200
    server.stop(number)
    own.container.unpause()
    after = demo.start_warm(VALKEY_URL=own.url)

    warm_up = after.health()["warmUp"]
    assert (warm_up["fromL2"], warm_up["fromDatabase"]) == (DATASETS, ENTRIES - DATASETS)


def test_a_valkey_that_hung_is_used_again_within_a_second(paused):
    server, own = paused
    wait_until(lambda: server.health()["l2"]["state"] == "lost", "the loss is noticed")
    version = server.http.post(f"{OBJECT}/touch").json()["lastUpdated"]
    assert server.json(OBJECT)["lastUpdated"] == version

    own.container.unpause()
    wait_until(lambda: server.health()["l2"]["state"] == "ready", "ready again", within=2)

    with valkey.Valkey.from_url(own.url) as client:
        written = lambda: version.encode() in client.get("cache:po_detail:north|by-area")  # noqa: E731
        wait_until(written, "what was loaded meanwhile is written", within=2)


def test_a_server_killed_while_it_writes_leaves_no_wrong_entry(demo):
    server = demo.start()
    with demo.valkey() as client:
        wait_until(lambda: client.dbsize() > 0, "the first writes")
    server.process.send_signal(signal.SIGKILL)
    assert server.wait_exit() == -signal.SIGKILL
    execute(demo.postgres_url, NORTH, "UPDATE results_visits SET count = 2 * count")

    after = demo.start_warm()

    warm_up = after.health()["warmUp"]
    assert (warm_up["done"], warm_up["failed"]) == (ENTRIES, 0)
    sums = {row["admin_area_2"]: row["count"] for row in after.json(f"{OBJECT}/items")["items"]}
    assert sums == {"Coast": 66.0, "Hills": 102.0, "Lakes": 138.0}


def test_a_database_that_is_away_is_a_503_and_everything_is_there_when_it_returns(
    demo, mortal_postgres
):
    server = demo.start_warm()

    mortal_postgres.container.stop(timeout=10)
    refused = [server.http.get(path) for path in PATHS]
    mortal_postgres.container.start()
    server.wait_status("warm")

    assert {answer.status_code for answer in refused} == {503}
    assert all("retry-after" in answer.headers for answer in refused)
    assert {server.http.get(path).status_code for path in PATHS} == {200}
