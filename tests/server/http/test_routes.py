"""The routes, over HTTP, on real data."""

import signal
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest
import zstandard
from support.platform_data import (
    ENTRIES,
    NORTH,
    execute,
    fill,
    fill_project,
    locked_results,
    with_databases,
)
from support.platform_server import PlatformServer, environment_for
from support.services import wait_until

from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_projects import Project, create_project, remove_project

pytestmark = pytest.mark.services

OBJECT = "/api/projects/north/objects/by-area"
NO_TOKEN = {"Authorization": ""}
CHANGING = [
    ("POST", f"{OBJECT}/touch"),
    ("POST", "/api/projects/north/modules/m1/run/begin"),
    ("POST", "/api/projects/north/modules/m1/run/complete"),
    ("DELETE", "/api/caches/po_items"),
    ("DELETE", "/api/caches"),
    ("DELETE", "/api/projects/north/caches"),
]


@pytest.fixture
def server(demo):
    return demo.start_warm()


@pytest.fixture(scope="module")
def reader(postgres_url, valkey_url):
    """A warm server for tests that change nothing, on a PostgreSQL that is not wiped."""
    with_databases(postgres_url, fill)
    server = PlatformServer(environment_for(postgres_url, valkey_url))
    server.wait_listening().wait_status("warm")
    yield server
    server.close()


def raw(server, path, **headers):
    """Status, headers and the bytes as they came over the wire."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    with server.http.stream("GET", path, headers=headers) as response:
        return response.status_code, response.headers, b"".join(response.iter_raw())


def loads(server) -> float:
    """The number of loads so far."""
    lines = server.http.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if "wb_cache_load_seconds_count" in line)


def standing(server, entry) -> str:
    return server.json(f"{OBJECT}/cache")[entry]["status"]


def fill_past_the_limit(demo) -> None:
    execute(
        demo.postgres_url,
        NORTH,
        """INSERT INTO results_visits SELECT 'i' || n, 'Coast', 202312, n
        FROM generate_series(1, 20001) n""",
    )
    execute(
        demo.postgres_url,
        NORTH,
        """UPDATE presentation_objects SET config = '{"disaggregateBy": ["indicator_id"]}'
        WHERE id = 'by-month'""",
    )


def test_projects_and_objects_are_listed_most_recent_first(server):
    server.http.post(f"{OBJECT}/touch").raise_for_status()

    assert server.json("/api/projects") == [{"id": "north", "label": "North"}]
    listed = server.json("/api/projects/north/objects")
    assert listed[0]["id"] == "by-area"
    assert {known["id"] for known in listed} == {
        "by-area",
        "by-area-bars",
        "by-month",
        "nothing",
        "idle",
    }


def test_an_object_its_items_and_its_metric_are_what_the_database_holds(reader):
    detail = reader.json(OBJECT)
    items = reader.json(f"{OBJECT}/items")
    metric = reader.json("/api/projects/north/metrics/visits")

    assert (detail["label"], detail["metric"]["id"]) == ("By area", "visits")
    assert items["status"] == "ok"
    assert {row["admin_area_2"]: row["count"] for row in items["items"]} == {
        "Coast": 33.0,
        "Hills": 51.0,
        "Lakes": 69.0,
    }
    assert metric["periodBounds"] == {"first": 202310, "last": 202312}


def test_items_answer_with_a_status_where_there_is_nothing_or_too_much(demo):
    fill_past_the_limit(demo)
    server = demo.start_warm()

    nothing = server.json("/api/projects/north/objects/nothing/items")
    too_many = server.json("/api/projects/north/objects/by-month/items")

    assert (nothing["status"], nothing["items"]) == ("no_data_available", [])
    assert (too_many["status"], too_many["items"]) == ("too_many_items", [])
    assert "Warmed cache for PO: Nothing (RV: visits) - NO DATA" in server.log
    assert "- TOO MANY ITEMS" in server.log
    assert standing(server, "items") == "l1"


def test_replicants_and_datasets_answer(reader):
    replicants = reader.json(f"{OBJECT}/replicants/indicator_id")
    datasets = [reader.json(f"/api/datasets/{name}") for name in ("hmis/raw", "hmis/common", "hfa")]

    assert replicants["values"] == ["anc1", "opd"]
    assert [data["items"][0]["indicator_id"] for data in datasets] == ["opd_raw", "opd", "power"]


@pytest.mark.parametrize("path", [OBJECT, f"{OBJECT}/items", "/api/datasets/hfa"])
def test_an_unchanged_thing_is_a_304(reader, path):
    tag = reader.http.get(path).headers["etag"]

    status, headers, body = raw(reader, path, if_none_match=tag)

    assert (status, headers["etag"], body) == (304, tag, b"")


def test_a_run_that_changed_nothing_leaves_the_clients_copy_current(server):
    run = "/api/projects/north/modules/m1/run"
    old = server.http.get(f"{OBJECT}/items").headers["etag"]
    before = server.json(f"{OBJECT}/cache")["items"]["versionHash"]
    for step in ("begin", "complete"):
        server.http.post(f"{run}/{step}").raise_for_status()

    status, headers, body = raw(server, f"{OBJECT}/items", if_none_match=old)

    assert server.json(f"{OBJECT}/cache")["items"]["versionHash"] > before
    assert (status, headers["etag"], body) == (304, old, b"")


def test_large_answers_leave_compressed_as_they_are_stored(demo):
    execute(
        demo.postgres_url,
        NORTH,
        """INSERT INTO results_visits SELECT 'anc1', 'District number ' || n, 202312, n
        FROM generate_series(1, 1000) n""",
    )
    server = demo.start_warm()
    path = f"{OBJECT}/items"

    _, headers, compressed = raw(server, path, accept_encoding="zstd")
    _, plain_headers, plain = raw(server, path, accept_encoding="gzip")

    assert headers["content-encoding"] == "zstd"
    assert "content-encoding" not in plain_headers
    assert zstandard.ZstdDecompressor().decompress(compressed) == plain
    assert len(orjson.loads(plain)["items"]) == 1003
    assert headers["etag"] == plain_headers["etag"]
    with demo.valkey() as client:
        key = (
            b"cache:po_items:" + server.json(f"{OBJECT}/cache")["items"]["uniquenessHash"].encode()
        )
        wait_until(lambda: client.get(key) is not None, "written behind")
        assert client.get(key).endswith(compressed)


def test_a_head_request_has_the_tag_and_no_body(reader):
    response = reader.http.head(f"{OBJECT}/items")

    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["etag"]


def test_touching_an_object_moves_its_version_and_only_its_own(server):
    old = server.http.get(OBJECT).headers["etag"]
    before = loads(server)

    version = server.http.post(f"{OBJECT}/touch").raise_for_status().json()["lastUpdated"]

    assert standing(server, "detail") == "stale"
    assert standing(server, "items") == "l1"
    fresh = server.http.get(OBJECT, headers={"If-None-Match": old})
    assert fresh.status_code == 200
    assert fresh.json()["lastUpdated"] == version
    assert loads(server) == before + 1
    assert standing(server, "detail") == "l1"


def test_a_changed_config_is_not_answered_with_the_old_items_tag(demo, server):
    old = server.http.get(f"{OBJECT}/items").headers["etag"]
    execute(
        demo.postgres_url,
        NORTH,
        """UPDATE presentation_objects SET config = '{"disaggregateBy": ["indicator_id"]}'
        WHERE id = 'by-area'""",
    )

    response = server.http.get(f"{OBJECT}/items", headers={"If-None-Match": old})

    assert response.status_code == 200
    assert {row["indicator_id"] for row in response.json()["items"]} == {"anc1", "opd"}


def test_a_running_module_is_unsettled_until_its_run_is_completed(demo, server):
    run = "/api/projects/north/modules/m1/run"
    old = server.http.get(f"{OBJECT}/items").headers["etag"]

    server.http.post(f"{run}/begin").raise_for_status()
    execute(demo.postgres_url, NORTH, "UPDATE results_visits SET count = count + 1")
    during = server.http.get(f"{OBJECT}/items", headers={"If-None-Match": old})

    assert during.status_code == 200
    assert "etag" not in during.headers
    assert during.headers["cache-control"] == "no-store"
    assert standing(server, "items") == "unsettled"

    completed = server.http.post(f"{run}/complete").raise_for_status().json()
    after = server.http.get(f"{OBJECT}/items", headers={"If-None-Match": old})

    assert server.json(f"{OBJECT}/cache")["items"]["versionHash"] == completed["lastRun"]
    assert after.headers["etag"] != old
    assert after.json()["items"][0]["count"] == 39.0
    assert standing(server, "items") == "l1"


def test_many_requests_for_one_cold_thing_cause_one_load(demo, server):
    server.http.delete("/api/caches").raise_for_status()
    before = loads(server)

    with locked_results(demo.postgres_url) as release, ThreadPoolExecutor(20) as callers:
        answers = [callers.submit(server.http.get, f"{OBJECT}/items") for _ in range(20)]
        joined = "wb_cache_flights_joined_total"
        wait_until(lambda: server.metric(joined, cache="po_items") == 19, "all have joined")
        release()

    assert {answer.result().status_code for answer in answers} == {200}
    assert loads(server) == before + 1


def test_one_cache_is_cleared_in_both_tiers_and_the_others_are_not(demo, server):
    with demo.valkey() as client:
        wait_until(lambda: len(client.keys("cache:po_items:*")) == 3, "written behind")

    cleared = server.http.delete("/api/caches/po_items").raise_for_status().json()

    assert cleared == {"cleared": {"po_items": 3}}
    assert standing(server, "items") == "stale"
    assert standing(server, "detail") == "l1"


def test_all_caches_are_cleared_at_once(server):
    server.http.delete("/api/caches").raise_for_status()

    standings = {standing(server, entry) for entry in ("detail", "metricInfo", "items")}
    assert standings <= {"stale", "absent"}
    assert server.http.get(f"{OBJECT}/items").status_code == 200
    assert standing(server, "items") == "l1"


def test_a_cache_that_one_process_cleared_is_cleared_in_the_others_too(demo, server):
    other = demo.start_warm()
    assert standing(other, "items") == "l1"

    server.http.delete("/api/caches").raise_for_status()

    wait_until(lambda: standing(other, "items") != "l1", "the other has heard", within=10)


def test_what_was_cleared_does_not_come_back_with_a_restart(demo, server):
    server.http.delete("/api/caches").raise_for_status()
    assert server.stop() == 0

    again = demo.start_warm()

    assert again.health()["warmUp"]["fromL2"] == 0


SOUTH = "/api/projects/south"


@pytest.fixture
def two_projects(demo):
    """Another project, with the same objects and results as the first."""

    async def make(databases: Databases) -> None:
        await create_project(databases, Project("south", "South"))
        await fill_project(databases, "south")

    with_databases(demo.postgres_url, make)
    yield demo
    with_databases(demo.postgres_url, lambda databases: remove_project(databases, "south"))


def entries_of_south(server) -> set[str]:
    return {entry["status"] for entry in server.json(f"{SOUTH}/objects/by-area/cache").values()}


def test_one_project_is_cleared_in_both_tiers_and_the_others_and_the_datasets_are_not(
    two_projects,
):
    server = two_projects.start_warm()
    other = two_projects.start_warm()
    of_north = {"po_detail": 4, "metric_info": 1, "po_items": 3, "replicant_options": 0}

    cleared = server.http.delete("/api/projects/north/caches").raise_for_status().json()

    assert cleared == {"cleared": of_north}
    assert {standing(server, entry) for entry in ("detail", "metricInfo", "items")} == {"stale"}
    assert entries_of_south(server) == {"l1"}
    assert server.metric("wb_cache_entries", cache="dataset_hmis") == 2
    wait_until(lambda: standing(other, "items") != "l1", "the other has heard", within=10)
    assert entries_of_south(other) == {"l1"}
    assert server.http.get(f"{OBJECT}/items").status_code == 200
    assert standing(server, "items") == "l1"


def test_what_was_cleared_of_a_project_does_not_come_back_with_a_restart(two_projects):
    server = two_projects.start_warm()
    with two_projects.valkey() as client:
        wait_until(lambda: len(client.keys("cache:*")) == ENTRIES + 8, "written behind")
    server.http.delete("/api/projects/north/caches").raise_for_status()
    server.stop(signal.SIGKILL)

    again = two_projects.start_warm().health()["warmUp"]
    after = two_projects.start_warm().health()["warmUp"]

    assert (again["fromL2"], again["fromDatabase"]) == (ENTRIES, 8)
    assert (after["fromL2"], after["fromDatabase"]) == (ENTRIES + 8, 0)


@pytest.mark.parametrize(("method", "path"), CHANGING)
def test_changing_routes_are_refused_without_the_token(reader, method, path):
    before = reader.json("/api/projects/north/objects")

    refused = reader.http.request(method, path, headers=NO_TOKEN)
    wrong = reader.http.request(method, path, headers={"Authorization": "Bearer wrong-token-here"})

    assert (refused.status_code, wrong.status_code) == (401, 401)
    assert refused.headers["content-type"] == "application/problem+json"
    assert reader.json("/api/projects/north/objects") == before


def test_changing_routes_are_closed_where_no_token_is_configured(demo):
    server = demo.start_warm(WB_ADMIN_TOKEN="")

    assert {server.http.request(*change).status_code for change in CHANGING} == {403}


def test_cache_status_needs_the_token_and_reading_data_does_not(reader):
    assert reader.http.get(f"{OBJECT}/cache", headers=NO_TOKEN).status_code == 401
    assert reader.http.get(f"{OBJECT}/items", headers=NO_TOKEN).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/projects/nowhere/objects", 404),
        ("/api/projects/main/objects", 404),
        ("/api/projects/postgres/objects/x", 404),
        ("/api/projects/North/objects", 422),
        ("/api/projects/north/objects/none", 404),
        ("/api/projects/north/objects/no%20ne/items", 404),
        ("/api/projects/north/objects/no%00ne/items", 422),
        ("/api/projects/north/metrics/none", 404),
        (f"{OBJECT}/replicants/nothing", 404),
        ("/api/datasets/hmis/other", 422),
        ("/api/datasets", 404),
    ],
)
def test_a_missing_thing_or_a_wrong_id_is_a_problem_document(reader, path, status):
    response = reader.http.get(path)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status
    assert response.json()["instance"] == response.url.path


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/api/projects/nope/objects", 'there is no project "nope"'),
        ("/api/projects/nope/objects/by-area", 'there is no project "nope"'),
        ("/api/projects/main/objects", 'there is no project "main"'),
        ("/api/projects/north/objects/nope", 'there is no presentation object "nope"'),
        ("/api/projects/north/metrics/nope", 'there is no metric "nope"'),
    ],
)
def test_a_missing_thing_is_named(reader, path, detail):
    assert reader.http.get(path).json()["detail"] == detail


def test_an_unknown_cache_or_module_is_a_problem_document(reader):
    assert reader.http.delete("/api/caches/nothing").status_code == 422
    assert reader.http.post("/api/projects/north/modules/none/run/begin").status_code == 404


def test_an_object_with_a_wrong_config_says_so_and_can_still_be_opened(demo):
    execute(
        demo.postgres_url,
        NORTH,
        """UPDATE presentation_objects SET config = '{"filters": 1}' WHERE id = 'by-area'""",
    )
    server = demo.start_warm()

    items = server.http.get(f"{OBJECT}/items")

    assert (items.status_code, items.json()["title"]) == (409, "Conflict")
    assert "not an object's config" in server.json(OBJECT)["configProblem"]


@pytest.mark.network
def test_data_without_a_database_is_a_503_that_says_when_to_ask_again(start_server):
    server = start_server(PG_HOST="127.0.0.1", PG_PORT="1", VALKEY_URL="redis://127.0.0.1:1")

    response = server.http.get("/api/projects")

    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.json()["hint"]
