"""Versions are exact, always grow, and are moved by every writer of their inputs."""

import asyncio
import itertools
import re

import pytest
from server.db.versions import read_results_version

from wb_cli.server.db.address import MAIN, connect
from wb_cli.server.db.errors import DatabaseError, RecordMissingError
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_versions import (
    RunVersion,
    read_dataset_versions,
    read_metric_version,
    read_object_version,
    read_object_versions,
)
from wb_cli.server.db.writes_runs import begin_module_run, complete_module_run, touch_object

pytestmark = pytest.mark.services
PROJECT = "malaria"
DATASETS = """
    INSERT INTO facilities VALUES ('f1', 'One', 'Land', 'North') ON CONFLICT DO NOTHING;
    INSERT INTO raw_indicators VALUES ('r1', 'Raw') ON CONFLICT DO NOTHING;
    INSERT INTO common_indicators VALUES ('c1', 'Common') ON CONFLICT DO NOTHING;
    INSERT INTO indicator_mappings VALUES ('c1', 'r1') ON CONFLICT DO NOTHING;
    INSERT INTO dataset_hmis VALUES ('f1', 'r1', 202401, 5) ON CONFLICT DO NOTHING;
    INSERT INTO hfa_indicators VALUES ('h1', 'Power') ON CONFLICT DO NOTHING;
    INSERT INTO dataset_hfa VALUES ('f1', 'North', 'h1', '2023', 1) ON CONFLICT DO NOTHING;
"""


async def execute(databases: Databases, database: str, sql: str) -> None:
    async with databases.connect(database) as connection:
        await connection.execute(sql)


async def test_all_versions_come_at_once_newest_first(databases: Databases):
    await touch_object(databases, PROJECT, "table")
    versions = await read_object_versions(databases, PROJECT)
    assert len(versions) == 4
    assert versions[0].id == "table"
    assert [v.last_updated for v in versions] == sorted(v.last_updated for v in versions)[::-1]


async def test_objects_of_modules_that_have_not_run_are_there_without_a_version(databases):
    versions = {known.id: known for known in await read_object_versions(databases, PROJECT)}
    assert versions["idle"].run == RunVersion(None, is_running=False)
    assert versions["ghost"].run == RunVersion(None, is_running=False)
    assert versions["table"].run.settled


async def test_objects_that_differ_in_style_share_their_fetch_config(databases: Databases):
    versions = {known.id: known for known in await read_object_versions(databases, PROJECT)}
    assert versions["table"].fetch_config().hash == versions["copy"].fetch_config().hash
    assert versions["table"].fetch_config().values == ("count", "rate")


async def test_a_version_reads_the_same_in_any_session(databases: Databases):
    version = await touch_object(databases, PROJECT, "table")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", version)
    other = await connect(databases.address, PROJECT)
    await other.execute("SET TimeZone = 'Asia/Kathmandu'; SET DateStyle = 'German'")
    row = "SELECT version_text(last_updated) FROM presentation_objects WHERE id = 'table'"
    assert await other.fetchval(row) == version
    await other.close()


async def test_touches_at_once_each_get_a_version_of_their_own(databases: Databases):
    before = (await read_object_version(databases, PROJECT, "table")).last_updated
    moved = await asyncio.gather(*(touch_object(databases, PROJECT, "table") for _ in range(200)))
    assert len(set(moved)) == 200
    assert min(moved) > before
    assert (await read_object_version(databases, PROJECT, "table")).last_updated == max(moved)


async def test_a_version_moves_on_even_when_the_clock_stands_behind_it(databases: Databases):
    await execute(
        databases,
        PROJECT,
        "UPDATE presentation_objects SET last_updated = '2100-01-01Z' WHERE id = 'copy'",
    )
    assert await touch_object(databases, PROJECT, "copy") == "2100-01-01T00:00:00.000001Z"
    assert await touch_object(databases, PROJECT, "copy") == "2100-01-01T00:00:00.000002Z"


async def test_a_run_is_unsettled_from_begin_to_complete(databases: Databases):
    before = await read_results_version(databases, PROJECT, "visits")
    await begin_module_run(databases, PROJECT, "m1")
    during = await read_metric_version(databases, PROJECT, "visits")
    assert (during.is_running, during.settled, during.last_run) == (True, None, before.last_run)
    after = (await complete_module_run(databases, PROJECT, "m1")).settled
    assert after > before.settled
    assert (await read_object_version(databases, PROJECT, "table")).run.settled == after


async def test_a_first_run_settles_a_module(databases: Databases):
    await begin_module_run(databases, PROJECT, "m2")
    version = (await complete_module_run(databases, PROJECT, "m2")).settled
    assert (await read_object_version(databases, PROJECT, "idle")).run.settled == version
    await execute(databases, PROJECT, "UPDATE modules SET last_run = NULL WHERE id = 'm2'")


@pytest.mark.parametrize(
    ("writer", "moves_object", "moves_run"),
    [
        ("UPDATE presentation_objects SET config = '{}' WHERE id = 'copy'", True, False),
        ("UPDATE presentation_objects SET label = 'New' WHERE id = 'copy'", True, False),
        ("UPDATE metrics SET label = 'New' WHERE id = 'visits'", True, True),
        ("UPDATE metrics SET value_func = 'avg' WHERE id = 'visits'", True, True),
        ("UPDATE results_objects SET label = 'New' WHERE id = 'visits'", True, True),
        ("UPDATE modules SET label = 'New' WHERE id = 'm1'", True, False),
        ("INSERT INTO results_visits VALUES ('opd', 'East', 202402, 1, 1)", False, True),
        ("UPDATE results_visits SET count = count + 1", False, True),
        ("DELETE FROM results_visits WHERE admin_area_2 = 'East'", False, True),
    ],
)
async def test_every_writer_moves_the_versions_that_depend_on_it(
    databases, writer, moves_object, moves_run
):
    before = await read_object_version(databases, PROJECT, "copy")
    await execute(databases, PROJECT, writer)
    after = await read_object_version(databases, PROJECT, "copy")
    assert (after.last_updated > before.last_updated) is moves_object
    assert (after.run.settled > before.run.settled) is moves_run


@pytest.mark.parametrize(
    ("writer", "moves"),
    [
        ("UPDATE dataset_hmis SET count = count + 1", {"hmis"}),
        ("UPDATE facilities SET admin_area_2 = 'South'", {"hmis"}),
        ("INSERT INTO raw_indicators VALUES ('r2', 'Two')", {"hmis"}),
        ("UPDATE common_indicators SET label = 'New'", {"hmis"}),
        ("DELETE FROM indicator_mappings", {"hmis"}),
        ("UPDATE hfa_indicators SET label = 'New'", {"hfa"}),
        ("DELETE FROM dataset_hfa", {"hfa"}),
        ("UPDATE instance_config SET facility_columns = '{ownership}'", set()),
    ],
)
async def test_every_dataset_writer_moves_its_datasets_version(databases, writer, moves):
    await execute(databases, MAIN, DATASETS)
    before = await read_dataset_versions(databases)
    await execute(databases, MAIN, writer)
    after = await read_dataset_versions(databases)
    assert {
        name for name in ("hmis", "hfa") if getattr(before, name) != getattr(after, name)
    } == moves


async def test_one_transaction_makes_one_dataset_version(databases: Databases):
    await execute(databases, MAIN, DATASETS)
    async with databases.connect(MAIN) as connection:
        before = await connection.fetchval("SELECT count(*) FROM dataset_hmis_versions")
        async with connection.transaction():
            for count in range(5):
                await connection.execute("UPDATE dataset_hmis SET count = $1", count)
        after = await connection.fetchval("SELECT count(*) FROM dataset_hmis_versions")
    assert after == before + 1


async def test_dataset_versions_are_times_that_always_grow(databases: Databases):
    await execute(databases, MAIN, DATASETS)
    seen = []
    for count in range(20):
        await execute(databases, MAIN, f"UPDATE dataset_hmis SET count = {count}")
        await execute(databases, MAIN, "UPDATE raw_indicators SET label = label")
        versions = await read_dataset_versions(databases)
        seen.append((versions.hmis_version_id, versions.indicator_mappings_version))
    assert all(
        now[0] > before[0] and now[1] > before[1] for before, now in itertools.pairwise(seen)
    )
    # A count from one would be repeated by a database that is made anew.
    assert min(min(pair) for pair in seen) > 1_700_000_000_000


async def test_dataset_versions_become_visible_in_the_order_they_were_given(databases: Databases):
    await execute(databases, MAIN, DATASETS)
    first, second = [await connect(databases.address, MAIN) for _ in range(2)]
    began = first.transaction()
    await began.start()
    await first.execute("INSERT INTO dataset_hmis VALUES ('f1', 'r1', 202402, 1)")
    waiting = asyncio.create_task(
        second.execute("INSERT INTO dataset_hmis VALUES ('f1', 'r1', 202403, 1)")
    )
    done, _ = await asyncio.wait([waiting], timeout=0.2)
    assert not done, "a second writer overtook the first one"
    await began.commit()
    await waiting
    for connection in (first, second):
        await connection.close()


@pytest.mark.parametrize(
    ("database", "table"),
    [(MAIN, "dataset_hmis"), (MAIN, "facilities"), (PROJECT, "results_visits")],
)
async def test_nothing_is_truncated_under_readers(databases, database, table):
    with pytest.raises(DatabaseError, match="use DELETE"):
        await execute(databases, database, f"TRUNCATE {table} CASCADE")


async def test_a_missing_thing_is_named(databases: Databases):
    for asked in (
        read_object_version(databases, PROJECT, "no-such"),
        read_metric_version(databases, PROJECT, "no-such"),
        read_results_version(databases, PROJECT, "no-such"),
        touch_object(databases, PROJECT, "no-such"),
        begin_module_run(databases, PROJECT, "no-such"),
        complete_module_run(databases, PROJECT, "no-such"),
    ):
        with pytest.raises(RecordMissingError, match="no-such"):
            await asked


async def test_runs_that_overlap_settle_when_the_last_one_is_complete(databases: Databases):
    first = await begin_module_run(databases, PROJECT, "m1")
    second = await begin_module_run(databases, PROJECT, "m1")
    assert (await complete_module_run(databases, PROJECT, "m1", first)).settled is None
    assert (await read_results_version(databases, PROJECT, "visits")).is_running
    ended = await complete_module_run(databases, PROJECT, "m1", second)
    assert ended.settled == (await read_results_version(databases, PROJECT, "visits")).settled


async def test_a_completion_without_an_id_ends_every_run(databases: Databases):
    for _ in range(2):
        await begin_module_run(databases, PROJECT, "m1")
    assert (await complete_module_run(databases, PROJECT, "m1")).settled


async def test_a_run_that_was_never_completed_counts_as_ended_after_a_day(databases: Databases):
    started = "UPDATE modules SET run_started_at = now() - interval '{} h' WHERE id = 'm1'"
    await execute(databases, PROJECT, started.format(23))
    assert (await read_object_version(databases, PROJECT, "table")).run.settled is None
    await execute(databases, PROJECT, started.format(25))
    before = (await read_object_version(databases, PROJECT, "table")).run.settled
    assert before
    await execute(databases, PROJECT, "UPDATE results_visits SET count = count + 1")
    assert (await read_object_version(databases, PROJECT, "table")).run.settled > before
    await complete_module_run(databases, PROJECT, "m1")
