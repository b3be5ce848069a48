"""A warm request asks PostgreSQL nothing, and never shows what the server itself has replaced."""

import asyncio

import pytest
from support.platform_data import NORTH, address_of, aside, execute
from support.platform_server import PlatformServer
from support.services import wait_until

from wb_cli.server.db.address import MAIN, connect

pytestmark = pytest.mark.services

OBJECT = "/api/projects/north/objects/by-area"
ITEMS = f"{OBJECT}/items"
PATHS = (
    OBJECT,
    ITEMS,
    f"{OBJECT}/replicants/indicator_id",
    "/api/projects/north/metrics/visits",
    "/api/datasets/hmis/raw",
    "/api/datasets/hfa",
)
RUN = "/api/projects/north/modules/m1/run"


def from_memory(server: PlatformServer) -> float:
    """How many answers needed no question to PostgreSQL."""
    return server.metric("wb_bus_answers_total") or 0


def is_hot(server: PlatformServer, path: str, **headers: str) -> bool:
    """Ask once; whether the answer came from memory."""
    before = from_memory(server)
    server.http.get(path, headers=headers).raise_for_status()
    return from_memory(server) > before


def make_hot(server: PlatformServer, *paths: str) -> None:
    for path in paths:
        wait_until(lambda: is_hot(server, path), f"{path} is hot")  # noqa: B023  (called here)


@pytest.fixture
def server(demo):
    return demo.start_warm()


def test_a_warm_request_is_answered_while_no_query_can_be(demo, server):
    make_hot(server, *PATHS)
    answers = {path: server.http.get(path).content for path in PATHS}

    async def under_lock() -> dict[str, bytes]:
        held = [await connect(address_of(demo.postgres_url), name) for name in (NORTH, MAIN)]
        await held[0].execute("BEGIN; LOCK TABLE presentation_objects, metrics, modules")
        await held[1].execute("BEGIN; LOCK TABLE instance_config")
        try:
            return {
                path: (await asyncio.to_thread(server.http.get, path)).content for path in PATHS
            }
        finally:
            for connection in held:
                connection.terminate()

    assert aside(under_lock) == answers


def test_an_answer_from_memory_is_the_answer_of_the_long_way(server):
    make_hot(server, ITEMS)
    for headers in ({"Accept-Encoding": "zstd"}, {"Accept-Encoding": "identity"}):
        hot = server.http.get(ITEMS, headers=headers)
        long = server.http.get(ITEMS, headers={**headers, "Cache-Control": "no-cache"})

        assert hot.content == long.content
        assert without_date(hot) == without_date(long)


def without_date(response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name != "date"}


def test_a_304_from_memory_says_what_is_current(server):
    make_hot(server, ITEMS)
    tag = server.http.get(ITEMS).headers["etag"]
    before = from_memory(server)

    unchanged = server.http.get(ITEMS, headers={"If-None-Match": tag})

    assert (unchanged.status_code, unchanged.headers["etag"]) == (304, tag)
    assert from_memory(server) == before + 1


@pytest.mark.parametrize(
    "headers",
    [{"Cache-Control": "no-cache"}, {"Cache-Control": "max-age=0, no-store"}, {"If-Match": "*"}],
)
def test_a_client_may_ask_past_memory(server, headers):
    make_hot(server, ITEMS)

    assert not is_hot(server, ITEMS, **headers)


@pytest.mark.parametrize("method", ["HEAD", "POST", "DELETE"])
def test_only_a_get_is_answered_from_memory(server, method):
    make_hot(server, ITEMS)
    before = from_memory(server)

    server.http.request(method, ITEMS)

    assert from_memory(server) == before


def test_an_unknown_query_parameter_is_refused_on_a_hot_path_too(server):
    make_hot(server, ITEMS)

    assert server.http.get(f"{ITEMS}?page=2").status_code == 400


def test_what_a_client_cannot_take_is_refused_on_a_hot_path_too(server):
    make_hot(server, ITEMS)

    refused = server.http.get(ITEMS, headers={"Accept-Encoding": "gzip, identity;q=0"})

    assert refused.status_code == 406


def test_what_the_server_has_changed_itself_is_shown_by_its_next_answer(server):
    make_hot(server, OBJECT)
    for _ in range(200):
        version = server.http.post(f"{OBJECT}/touch").json()["lastUpdated"]
        assert server.json(OBJECT)["lastUpdated"] == version
        server.json(OBJECT)


def test_a_run_is_unsettled_by_the_next_answer_after_its_begin(server):
    make_hot(server, ITEMS)
    for _ in range(20):
        server.http.post(f"{RUN}/begin").raise_for_status()
        assert "etag" not in server.http.get(ITEMS).headers
        server.http.post(f"{RUN}/complete").raise_for_status()
        assert "etag" in server.http.get(ITEMS).headers
        make_hot(server, ITEMS)


@pytest.mark.parametrize(
    ("path", "database", "change"),
    [
        (OBJECT, NORTH, "UPDATE presentation_objects SET label = 'New' WHERE id = 'by-area'"),
        (ITEMS, NORTH, "UPDATE results_visits SET count = 7 * count"),
        (ITEMS, NORTH, "UPDATE metrics SET value_func = 'max' WHERE id = 'visits'"),
        ("/api/projects/north/metrics/visits", NORTH, "UPDATE metrics SET label = 'New'"),
        ("/api/datasets/hmis/raw", MAIN, "UPDATE dataset_hmis SET count = 7 * count + 1"),
        ("/api/datasets/hfa", MAIN, "UPDATE hfa_indicators SET label = 'New'"),
    ],
)
def test_what_another_process_changed_is_shown_soon(demo, server, path, database, change):
    make_hot(server, path)
    old = server.http.get(path).content

    execute(demo.postgres_url, database, change)

    wait_until(lambda: server.http.get(path).content != old, "the new data", within=2)


def test_an_object_that_is_deleted_by_another_process_is_soon_a_404(demo, server):
    make_hot(server, OBJECT)

    execute(demo.postgres_url, NORTH, "DELETE FROM presentation_objects WHERE id = 'by-area'")

    wait_until(lambda: server.http.get(OBJECT).status_code == 404, "it is gone", within=2)


def test_a_project_that_is_removed_by_another_process_is_soon_a_404(demo, server):
    make_hot(server, OBJECT)

    execute(demo.postgres_url, MAIN, "DELETE FROM projects WHERE id = 'north'")

    wait_until(lambda: server.http.get(OBJECT).status_code == 404, "it is gone", within=2)


def test_a_dropped_trigger_makes_every_request_ask_again(demo, server):
    make_hot(server, OBJECT)
    execute(demo.postgres_url, NORTH, "DROP TRIGGER tells_update ON presentation_objects")

    server.wait_for_line("tells_update is missing or switched off")

    assert not is_hot(server, OBJECT)
    rename = "UPDATE presentation_objects SET label = $1 WHERE id = 'by-area'"
    for label in ("One", "Two", "Three"):
        execute(demo.postgres_url, NORTH, rename, label)
        assert server.json(OBJECT)["label"] == label


def test_a_cut_connection_makes_requests_ask_until_changes_are_heard_again(demo, server):
    make_hot(server, OBJECT)
    execute(
        demo.postgres_url,
        "postgres",
        """SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
        WHERE application_name = 'wb-platform' AND datname = 'north'
        AND pid <> pg_backend_pid()""",
    )
    execute(demo.postgres_url, NORTH, "UPDATE presentation_objects SET label = 'New'")

    wait_until(lambda: server.json(OBJECT)["label"] == "New", "the new label", within=2)
    make_hot(server, OBJECT)
    assert server.json(OBJECT)["label"] == "New"


def test_a_paused_database_is_not_answered_for_longer_than_the_bound(mortal_postgres, demo):
    server = demo.start_warm()
    make_hot(server, OBJECT)
    mortal_postgres.container.pause()
    try:
        wait_until(lambda: is_refused_or_late(server), "memory is no longer trusted", within=10)
    finally:
        mortal_postgres.container.unpause()
    make_hot(server, OBJECT)


def is_refused_or_late(server: PlatformServer) -> bool:
    """Whether a request went the long way, which leads nowhere now."""
    before = from_memory(server)
    try:
        server.http.get(OBJECT, timeout=1)
    except Exception:  # noqa: BLE001  (it waits for PostgreSQL)
        return True
    return from_memory(server) == before


def test_what_was_in_use_is_loaded_again_before_anybody_asks(demo, server):
    make_hot(server, ITEMS)
    for _ in range(5):
        server.json(ITEMS)

    execute(demo.postgres_url, NORTH, "UPDATE results_visits SET count = 5 * count")

    wait_until(lambda: server.json(f"{OBJECT}/cache")["items"]["status"] == "l1", "loaded")
    before = server.metric("wb_cache_misses_total", cache="po_items", reason="stale")
    assert server.json(ITEMS)["items"][0]["count"] == 165.0
    assert server.metric("wb_cache_misses_total", cache="po_items", reason="stale") == before
