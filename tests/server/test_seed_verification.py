"""The plan's verification steps 1 to 5, on one machine without containers for the server.

A test reads the log lines that its step names.
"""

import re

import pytest
import valkey
from support.platform_data import ENTRIES, NORTH, execute
from support.services import free_port, wait_until

pytestmark = pytest.mark.services

ITEMS = "/api/projects/north/objects/by-area/items"


def database_lines(server) -> list[str]:
    """The log lines of loads from the database. An object or dataset has one line."""
    return [line for line in server.lines if "Warmed " in line and "from Valkey" not in line]


def test_step_1_first_startup(demo):
    """Valkey is ready and connected, and the warm-up's queries show."""
    server = demo.start_warm()

    ready = server.lines.index("[Valkey] Ready")
    connected = server.lines.index(f"[Valkey] Connected to {demo.valkey_url}")
    assert ready < connected
    assert len(database_lines(server)) == 7
    assert server.health()["warmUp"]["fromDatabase"] == ENTRIES


def test_step_2_warm_restart(demo):
    """Everything comes from Valkey, and no object from the database."""
    first = demo.start_warm()
    items = first.http.get(ITEMS)
    first.stop()

    second = demo.start_warm(LOG_LEVEL="debug")

    assert database_lines(second) == []
    assert second.log.count(": from Valkey") == 4
    assert second.log.count("dataset cache from Valkey") == 3
    assert second.health()["warmUp"]["fromL2"] == ENTRIES
    again = second.http.get(ITEMS)
    assert (again.content, again.headers["etag"]) == (items.content, items.headers["etag"])


def test_step_3_stale_cache_invalidation(demo):
    """The object whose `last_updated` moved is loaded anew. The others are not."""
    demo.start_warm().stop()
    execute(
        demo.postgres_url,
        NORTH,
        "UPDATE presentation_objects SET last_updated = now() WHERE id = 'by-month'",
    )

    server = demo.start_warm(LOG_LEVEL="debug")

    assert database_lines(server) == ["[North] Warmed cache for PO: By month (RV: visits) - detail"]
    assert server.log.count(": from Valkey") == 3
    assert server.health()["warmUp"]["fromL2"] == ENTRIES - 1


def test_step_4_transient_valkey_error(demo, mortal_valkey):
    """Requests go on while Valkey is away. Afterwards entries are written to it again."""
    server = demo.start_warm(VALKEY_URL=mortal_valkey.url)
    touch = "/api/projects/north/objects/by-month/touch"

    mortal_valkey.container.stop(timeout=10)
    server.wait_for_line("[Valkey] Connection error: ")
    assert server.http.get(ITEMS).status_code == 200
    server.http.post(touch).raise_for_status()
    fresh = server.http.get("/api/projects/north/objects/by-month")
    assert fresh.status_code == 200

    mortal_valkey.container.start()
    server.wait_for_line("[Valkey] Ready", times=2)

    def is_written() -> bool:
        server.http.post(touch).raise_for_status()
        server.http.get("/api/projects/north/objects/by-month").raise_for_status()
        with valkey.Valkey.from_url(mortal_valkey.url) as client:
            version = server.json("/api/projects/north/objects/by-month")["lastUpdated"]
            return version.encode() in (client.get("cache:po_detail:north|by-month") or b"")

    wait_until(is_written, "new writes go to Valkey again", within=10)


def test_step_5_valkey_unavailable_at_startup(demo):
    """The server starts, warms from the database, and answers everything."""
    server = demo.start_warm(VALKEY_URL=f"redis://127.0.0.1:{free_port()}")

    assert re.search(
        r"^\[Valkey\] Could not connect \(.+\)\. Cache will be in-memory only\.$",
        server.log,
        re.MULTILINE,
    )
    assert len(database_lines(server)) == 7
    for path in (ITEMS, "/api/projects/north/metrics/visits", "/api/datasets/hmis/common"):
        assert server.http.get(path).status_code == 200
