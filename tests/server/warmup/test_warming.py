"""The warm-up on real servers: what it loads, from where, in which order, and requests first."""

import asyncio
import re

import pytest
import valkey as valkey_client
from support.platform_data import ENTRIES, NORTH, SHOWN, address_of, execute, locked_results
from support.services import wait_until

from wb_cli.server.cache import LocalTier, RemoteTier, ValkeyLink
from wb_cli.server.db.pool import Databases
from wb_cli.server.results.caches import Caches
from wb_cli.server.results.declared import DECLARED
from wb_cli.server.results.precedence import YIELDS_AT_MOST_S, Precedence
from wb_cli.server.warmup import warming

OBJECT = "/api/projects/north/objects/by-area"
services = pytest.mark.services


def statements(container, begun: int) -> list[str]:
    """The statements of the platform in PostgreSQL's log after so many bytes."""
    log = container.logs()[begun:].decode()
    return re.findall(
        r"wb-platform LOG: .*?(?:execute|statement)[^:]*: (.*?)(?=\n\S+ LOG|\Z)", log, re.DOTALL
    )


def loaded(server) -> list[str]:
    """The log lines of loads from the database. An object or dataset has one line."""
    return [line for line in server.lines if "Warmed " in line and "from Valkey" not in line]


@pytest.fixture
def logged_postgres(own_postgres):
    """The PostgreSQL of `demo`, which logs every statement with the name of its client."""
    for setting in ("log_statement = 'all'", "log_line_prefix = '%a '"):
        execute(own_postgres.url, "postgres", f"ALTER SYSTEM SET {setting}")
    execute(own_postgres.url, "postgres", "SELECT pg_reload_conf()")
    yield own_postgres
    execute(own_postgres.url, "postgres", "ALTER SYSTEM RESET ALL")
    execute(own_postgres.url, "postgres", "SELECT pg_reload_conf()")


@services
def test_a_cold_start_loads_each_distinct_entry_once_and_writes_it_behind(demo):
    server = demo.start_warm()

    warm_up = server.health()["warmUp"]
    with demo.valkey() as client:
        wait_until(lambda: len(client.keys("cache:*")) == ENTRIES, "written behind")
    assert (warm_up["entries"], warm_up["fromDatabase"], warm_up["fromL2"]) == (ENTRIES, ENTRIES, 0)
    assert (warm_up["objects"], warm_up["skipped"], warm_up["failed"]) == (len(SHOWN) + 3, 1, 0)
    assert server.metric("wb_warm_up_entries") == ENTRIES


@services
def test_a_cold_start_asks_valkey_once_for_each_entry(demo):
    with demo.valkey() as client:
        client.config_resetstat()
        demo.start_warm()
        calls, looked = client.info("commandstats"), client.info("stats")

    # Each persistent cache also asks once for the duration of earlier loads.
    caches = sum(declaration.is_persistent for declaration in DECLARED)
    assert calls["cmdstat_mget"]["calls"] > 0
    assert calls["cmdstat_get"]["calls"] == caches
    assert looked["keyspace_misses"] + looked["keyspace_hits"] == ENTRIES + caches


@services
def test_the_log_has_a_line_for_each_loaded_object_and_names_each_skipped_one(demo):
    server = demo.start_warm()

    told = sorted(re.sub("[0-9]+ items", "N items", line) for line in loaded(server))
    area = [line for line in told if "By area" in line]
    assert len(area) == 2
    assert sorted(set(told) - set(area)) == [
        "Warmed HFA dataset cache",
        "Warmed HMIS dataset cache (common indicators)",
        "Warmed HMIS dataset cache (raw indicators)",
        "[North] Warmed cache for PO: By month (RV: visits) - N items",
        "[North] Warmed cache for PO: Nothing (RV: visits) - NO DATA",
    ]
    assert server.lines.count("[North] Skipped PO (Idle): module has not run yet") == 1


@services
def test_a_warm_restart_asks_the_database_for_versions_alone(logged_postgres, demo):
    demo.start_warm().stop()
    begun = len(logged_postgres.container.logs())

    server = demo.start_warm()

    asked = statements(logged_postgres.container, begun)
    assert server.health()["warmUp"]["fromL2"] == ENTRIES
    assert sum("FROM presentation_objects" in statement for statement in asked) == 1
    loads = ("results_visits", "dataset_hmis h")
    assert not [s for s in asked if any(table in s for table in loads)]
    assert loaded(server) == []


@services
def test_objects_from_valkey_have_log_lines_only_at_debug_level(demo):
    demo.start_warm().stop()

    quiet, loud = demo.start_warm(), demo.start_warm(LOG_LEVEL="debug")

    assert "[North] By area: from Valkey" not in quiet.lines
    assert re.search(r"\[North\] 4 of 4 objects from Valkey in [\d.]+ s, 0 to load", quiet.log)
    assert sum(line.endswith(": from Valkey") for line in loud.lines) == len(SHOWN)
    for server in (quiet, loud):
        assert [line for line in server.lines if "dataset cache" in line] == [
            "Warmed HMIS dataset cache from Valkey (raw indicators)",
            "Warmed HMIS dataset cache from Valkey (common indicators)",
            "Warmed HFA dataset cache from Valkey",
        ]


@services
def test_the_most_recently_updated_object_is_loaded_first(demo):
    execute(
        demo.postgres_url,
        NORTH,
        "UPDATE presentation_objects SET last_updated = now() + interval '1 h' WHERE id='by-month'",
    )

    server = demo.start_warm(WARM_CONCURRENCY="1")

    told = loaded(server)
    assert told[0].startswith("[North] Warmed cache for PO: By month")
    assert "dataset cache" in told[-1]


@services
def test_the_server_answers_while_it_warms_and_requests_do_not_queue_behind_it(demo):
    with locked_results(demo.postgres_url) as release:
        server = demo.start(WARM_CONCURRENCY="2")
        server.wait_status("ready")

        detail = server.http.get("/api/projects/north/objects/idle")
        datasets = server.http.get("/api/datasets/hfa")

        assert (detail.status_code, datasets.status_code) == (200, 200)
        assert server.health()["status"] == "ready"
        release()
    warm_up = server.wait_status("warm")["warmUp"]
    assert (warm_up["done"], warm_up["failed"]) == (ENTRIES, 0)


@services
def test_the_warm_up_does_not_load_again_what_a_request_has_loaded(demo):
    with locked_results(demo.postgres_url) as release:
        server = demo.start(WARM_CONCURRENCY="1")
        server.wait_status("ready")
        server.json("/api/datasets/hfa")
        release()
    warm_up = server.wait_status("warm")["warmUp"]

    assert (warm_up["held"], warm_up["fromDatabase"]) == (1, ENTRIES - 1)


@services
def test_an_object_that_cannot_be_loaded_is_named_and_the_others_are_warmed(demo):
    bad = """'{"disaggregateBy": ["no_such_dimension"]}'"""
    worse = """'{"filters": "none"}'"""
    for object_id, config in (("by-month", bad), ("by-area", worse)):
        execute(
            demo.postgres_url,
            NORTH,
            f"UPDATE presentation_objects SET config = {config} WHERE id = '{object_id}'",
        )

    server = demo.start_warm()

    assert server.health()["warmUp"]["failed"] == 2
    assert "[North] By month: items failed: visits has no dimension" in server.log
    assert "[North] By area has no items: not an object's config" in server.log
    assert server.json("/api/projects/north/objects/by-area-bars/items")["status"] == "ok"


@services
def test_a_running_module_is_left_alone(demo):
    execute(demo.postgres_url, NORTH, "UPDATE modules SET run_started_at = now() WHERE id = 'm1'")

    server = demo.start_warm()

    assert server.health()["warmUp"]["skipped"] == len(SHOWN) + 1
    assert "[North] Skipped PO (By area): module is running" in server.lines


@services
def test_a_run_that_was_never_completed_is_shown_and_its_results_are_warmed(demo):
    long_ago = "UPDATE modules SET run_started_at = now() - interval '25 h' WHERE id = 'm1'"
    execute(demo.postgres_url, NORTH, long_ago)

    server = demo.start_warm()

    warm_up = server.health()["warmUp"]
    assert (warm_up["unfinishedRuns"], warm_up["skipped"]) == (1, 1)
    assert "[North] Module m1: a run that began over 24 h ago was never completed." in server.log


@services
def test_valkey_absent_means_everything_from_the_database(demo):
    server = demo.start_warm(VALKEY_URL="redis://127.0.0.1:1")

    assert server.health()["warmUp"]["fromDatabase"] == ENTRIES
    assert server.json(f"{OBJECT}/items")["status"] == "ok"


@services
def test_a_database_restarted_during_the_warm_up_only_delays_it(demo, mortal_postgres):
    with locked_results(demo.postgres_url):
        server = demo.start()
        server.wait_status("ready")
        wait_until(lambda: server.health()["warmUp"]["done"] >= 3, "some is loaded")

        mortal_postgres.container.restart(timeout=10)

    warm_up = server.wait_status("warm")["warmUp"]
    assert "[Warm-up] Begins again: " in server.log
    assert (warm_up["done"], warm_up["failed"]) == (ENTRIES, 0)
    assert warm_up["held"] >= 3


@services
def test_garbage_and_entries_of_other_code_in_valkey_are_loaded_anew(demo):
    demo.start_warm().stop()
    with demo.valkey() as client:
        client.set("cache:po_detail:north|by-area", b"\x00 rubbish")
        foreign = client.get("cache:dataset_hfa:hfa").replace(
            b'"fingerprint":"', b'"fingerprint":"x'
        )
        client.set("cache:dataset_hfa:hfa", foreign)

    server = demo.start_warm()

    warm_up = server.health()["warmUp"]
    assert (warm_up["fromL2"], warm_up["fromDatabase"]) == (ENTRIES - 2, 2)
    assert "[North] Warmed cache for PO: By area (RV: visits) - detail" in server.lines
    assert server.json(OBJECT)["label"] == "By area"


@services
def test_a_valkey_that_reads_a_large_snapshot_is_waited_for(demo, services):
    slowly = ("--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024")
    own = services.new_valkey("valkey-server", *slowly)
    demo.start_warm(VALKEY_URL=own.url).stop()
    with valkey_client.Valkey.from_url(own.url) as client:
        client.mset({f"ballast:{number}": b"x" * 100 for number in range(3000)})
        client.save()
    own.container.restart(timeout=10)

    server = demo.start_warm(VALKEY_URL=own.url)

    assert "[Warm-up] Waits for Valkey to read its snapshot" in server.lines
    assert server.health()["warmUp"]["fromL2"] == ENTRIES


async def test_the_warm_up_waits_while_a_request_waits_for_a_load():
    precedence, order = Precedence(), []

    async def warm_up() -> None:
        await precedence.turn()
        order.append("warm-up")

    with precedence.request():
        turn = asyncio.create_task(warm_up())
        await asyncio.sleep(0)
        order.append("request")
    await turn

    assert order == ["request", "warm-up"]


async def test_requests_without_end_do_not_stop_the_warm_up():
    precedence = Precedence()
    loop = asyncio.get_running_loop()

    with precedence.request():
        began = loop.time()
        await precedence.turn()

    assert loop.time() - began == pytest.approx(YIELDS_AT_MOST_S, abs=0.3)


@services
async def test_a_warm_up_that_failed_as_a_whole_is_shown_and_tried_again(demo, monkeypatch, caplog):
    monkeypatch.setattr(warming, "AGAIN_AFTER_FAILURE_S", 0.05)
    databases = Databases(address_of(demo.postgres_url))
    valkey = ValkeyLink("redis://127.0.0.1:1")
    caches = Caches(LocalTier(2**20), RemoteTier(valkey), "code")
    warm_up = warming.WarmUp(databases, valkey, caches, 2)
    tries, shown = [], []

    async def list_projects(databases: Databases) -> list:
        shown.append(warm_up.progress.report()["problem"])
        tries.append(databases)
        if len(tries) < 3:
            raise TypeError("unhashable type: 'list'")
        return []

    monkeypatch.setattr(warming, "list_projects", list_projects)
    await warm_up.run()
    await caches.close()
    await databases.close()

    problem = "TypeError: unhashable type: 'list'"
    assert shown == [None, problem, problem]
    assert caplog.text.count("[Warm-up] Failed, and begins again") == 2
    assert warm_up.progress.is_warm
    assert warm_up.progress.report()["problem"] is None
