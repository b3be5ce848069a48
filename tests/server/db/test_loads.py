"""The loads of the caches: right figures, as JSON carries them, with their own version."""

import asyncio
import itertools
import random

import pytest
from server.db.versions import read_results_version

from wb_cli.server.cache.lossless import check, to_json
from wb_cli.server.db.address import MAIN
from wb_cli.server.db.errors import DatabaseError, RecordMissingError
from wb_cli.server.db.fetch_config import FetchConfig, Filter, InvalidConfigError
from wb_cli.server.db.loaded import VersionedData
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_datasets import load_hfa_items, load_hmis_items
from wb_cli.server.db.queries_items import MOST_VALUES, load_items, load_replicant_options
from wb_cli.server.db.queries_metrics import load_metric_info
from wb_cli.server.db.queries_objects import load_object_detail
from wb_cli.server.db.queries_versions import (
    read_dataset_versions,
    read_object_version,
)
from wb_cli.server.db.writes_runs import begin_module_run, complete_module_run, replace_results

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("known_rows")]
PROJECT = "malaria"


def by(*dimensions: str, value_func: str = "sum", **more) -> FetchConfig:
    return FetchConfig(("count",), value_func, dimensions, **more)


async def items(databases: Databases, fetch: FetchConfig) -> list[dict]:
    return clean(await load_items(databases, PROJECT, "visits", fetch))["items"]


def clean(loaded: VersionedData) -> dict:
    """The data. The cache must be able to keep it unchanged."""
    check(loaded.data, to_json(loaded.data))
    return loaded.data


async def test_items_are_grouped_and_summed(databases: Databases):
    assert await items(databases, by("indicator_id", "admin_area_2")) == [
        {"admin_area_2": area, "indicator_id": indicator, "count": count}
        for area, indicator, count in (
            ("North", "anc1", 7.0),
            ("North", "opd", 34.0),
            ("South", "anc1", 10.0),
            ("South", "opd", 64.0),
        )
    ]


@pytest.mark.parametrize(
    ("fetch", "expected"),
    [
        (by(), [{"count": 115.0}]),
        (by(value_func="count"), [{"count": 12}]),
        (by(value_func="max"), [{"count": 40.0}]),
        (by("year"), [{"year": 2023, "count": 99.0}, {"year": 2024, "count": 16.0}]),
        (
            by("quarter_id"),
            [{"quarter_id": 20234, "count": 99.0}, {"quarter_id": 20241, "count": 16.0}],
        ),
        (by(latest_months=1), [{"count": 16.0}]),
        (by(latest_months=2), [{"count": 82.0}]),
        (by(first_period=202312, last_period=202312), [{"count": 66.0}]),
        (by(filters=(Filter("indicator_id", ("anc1",)),)), [{"count": 17.0}]),
        (by(filters=(Filter("year", ("2024",)),)), [{"count": 16.0}]),
    ],
)
async def test_items_are_what_the_fetch_config_says(databases, fetch, expected):
    assert await items(databases, fetch) == expected


async def test_items_carry_their_status_and_version(databases: Databases):
    loaded = await load_items(databases, PROJECT, "visits", by("period_id"))
    assert loaded.data["status"] == "ok"
    assert loaded.data["periodBounds"] == {"first": 202311, "last": 202401}
    assert loaded.version == (await read_results_version(databases, PROJECT, "visits")).settled


async def test_more_items_than_allowed_are_not_sent(databases: Databases):
    fetch = by("period_id", "indicator_id", "admin_area_2")
    loaded = await load_items(databases, PROJECT, "visits", fetch, most=11)
    assert (loaded.data["status"], loaded.data["items"]) == ("too_many_items", [])
    loaded = await load_items(databases, PROJECT, "visits", fetch, most=12)
    assert (loaded.data["status"], len(loaded.data["items"])) == ("ok", 12)


@pytest.mark.parametrize("dimensions", [(), ("indicator_id",)])
async def test_no_rows_are_no_data(databases: Databases, dimensions):
    fetch = by(*dimensions, filters=(Filter("admin_area_2", ("Nowhere",)),))
    assert clean(await load_items(databases, PROJECT, "visits", fetch))["status"] == (
        "no_data_available"
    )


@pytest.mark.parametrize("results_object", ["idle", "ghost"])
async def test_a_module_that_has_not_run_has_no_data_and_no_version(databases, results_object):
    loaded = await load_items(databases, PROJECT, results_object, by("indicator_id"))
    assert (loaded.data["status"], loaded.version) == ("no_data_available", None)
    assert clean(loaded)["periodBounds"] is None


@pytest.mark.parametrize(
    "fetch",
    [
        by("no_such"),
        by('x" FROM secrets --'),
        by(filters=(Filter("count); DROP TABLE results_visits; --", ("1",)),)),
        FetchConfig(("no_such",), "sum"),
    ],
)
async def test_a_dimension_or_value_that_the_results_object_lacks_is_refused(
    databases: Databases, fetch
):
    with pytest.raises(InvalidConfigError):
        await load_items(databases, PROJECT, "visits", fetch)


async def test_values_that_are_no_numbers_become_null(databases: Databases):
    await replace_results(
        databases, PROJECT, "visits", [("odd", "North", 202401, float("nan"), float("inf"))]
    )
    fetch = FetchConfig(("count", "rate"), "sum", ("indicator_id",))
    assert await items(databases, fetch) == [{"indicator_id": "odd", "count": None, "rate": None}]


async def test_detail_says_what_the_object_refers_to(databases: Databases):
    loaded = await load_object_detail(databases, PROJECT, "table")
    detail = clean(loaded)
    version = await read_object_version(databases, PROJECT, "table")
    assert loaded.version == detail["lastUpdated"] == version.last_updated
    assert detail["fetchConfig"] == version.fetch_config().to_json()
    assert detail["metric"] == {
        "id": "visits", "label": "Visits", "valueProps": ["count", "rate"], "valueFunc": "sum"
    }  # fmt: skip
    assert detail["module"] == {"id": "m1", "label": "Counts"}
    assert detail["resultsObject"]["dimensions"] == ["indicator_id", "admin_area_2"]


async def test_detail_of_an_object_whose_module_is_missing(databases: Databases):
    detail = clean(await load_object_detail(databases, PROJECT, "ghost"))
    assert detail["module"] == {"id": "nowhere", "label": None}


async def test_an_object_with_a_broken_config_still_opens(databases: Databases):
    async with databases.connect(PROJECT) as connection:
        await connection.execute(
            "UPDATE presentation_objects SET config = '{\"disaggregateBy\": 7}' WHERE id = 'copy'"
        )
    detail = clean(await load_object_detail(databases, PROJECT, "copy"))
    assert detail["fetchConfig"] is None
    assert "7" in detail["configProblem"] or "int" in detail["configProblem"]


async def test_metric_info_says_what_can_be_asked(databases: Databases):
    await replace_results(databases, PROJECT, "visits", [("opd", "North", 202401, 1.0, 1.0)])
    loaded = await load_metric_info(databases, PROJECT, "visits")
    info = clean(loaded)
    assert info["disaggregations"] == [
        {"dimension": "indicator_id", "status": "ok", "values": ["opd"]},
        {"dimension": "admin_area_2", "status": "ok", "values": ["North"]},
    ]
    assert info["periodBounds"] == {"first": 202401, "last": 202401}
    assert loaded.version == (await read_results_version(databases, PROJECT, "visits")).settled


async def test_replicants_are_the_values_that_the_other_filters_leave(databases: Databases):
    rows = [("opd", "North", 202401, 1.0, 1.0), ("anc1", "South", 202401, 1.0, 1.0)]
    await replace_results(databases, PROJECT, "visits", rows)
    north = Filter("admin_area_2", ("North",))
    fetch = by(filters=(north, Filter("indicator_id", ("anc1",))))
    loaded = await load_replicant_options(databases, PROJECT, "visits", "indicator_id", fetch)
    assert clean(loaded)["values"] == ["opd"]


async def test_too_many_replicants_are_a_status(databases: Databases):
    rows = [(f"i{number}", "North", 202401, 1.0, 1.0) for number in range(MOST_VALUES + 1)]
    await replace_results(databases, PROJECT, "visits", rows)
    options = await load_replicant_options(databases, PROJECT, "visits", "indicator_id", by())
    assert (options.data["status"], options.data["values"]) == ("too_many_values", [])
    await replace_results(databases, PROJECT, "visits", [])
    options = await load_replicant_options(databases, PROJECT, "visits", "indicator_id", by())
    assert options.data["status"] == "no_values_available"


async def test_a_missing_thing_is_named(databases: Databases):
    for asked in (
        load_items(databases, PROJECT, "no_such", by()),
        load_object_detail(databases, PROJECT, "no_such"),
        load_metric_info(databases, PROJECT, "no_such"),
    ):
        with pytest.raises(RecordMissingError, match="no_such"):
            await asked


async def test_a_load_during_a_run_has_no_version(databases: Databases):
    await begin_module_run(databases, PROJECT, "m1")
    assert (await load_items(databases, PROJECT, "visits", by())).version is None
    assert (await load_metric_info(databases, PROJECT, "visits")).version is None
    version = (await complete_module_run(databases, PROJECT, "m1")).settled
    assert (await load_items(databases, PROJECT, "visits", by())).version == version


async def test_a_racing_run_never_gives_data_a_version_that_is_not_its_own(databases: Databases):
    truth: dict[str, float] = {}
    seen: list[tuple[str, float]] = []
    writing = True

    async def run(number: float) -> None:
        await begin_module_run(databases, PROJECT, "m1")
        # In two steps, so that a reader can see the unsettled state.
        await replace_results(databases, PROJECT, "visits", [("a", "North", 202401, -1.0, 0.0)])
        await replace_results(databases, PROJECT, "visits", [("a", "North", 202401, number, 0.0)])
        truth[(await complete_module_run(databases, PROJECT, "m1")).settled] = number

    async def correct(number: float) -> None:
        await replace_results(databases, PROJECT, "visits", [("a", "North", 202401, number, 0.0)])
        version = (await read_results_version(databases, PROJECT, "visits")).settled
        truth[version] = number

    async def write() -> None:
        nonlocal writing
        for number in range(60):
            await random.choice((run, correct))(float(number))
        writing = False

    async def read() -> None:
        while writing:
            loaded = await load_items(databases, PROJECT, "visits", by())
            if loaded.version is not None:
                seen.append((loaded.version, loaded.data["items"][0]["count"]))

    await run(100.0)
    await asyncio.gather(write(), read(), read())
    assert len(set(seen)) > 10
    assert [pair for pair in seen if truth[pair[0]] != pair[1]] == []


async def fill_datasets(databases: Databases) -> None:
    async with databases.connect(MAIN) as connection:
        await connection.execute(
            """
            INSERT INTO facilities (id, label, admin_area_1, admin_area_2, ownership) VALUES
                ('f1', 'One', 'Land', 'North', 'public'), ('f2', 'Two', 'Land', 'North', NULL),
                ('f3', 'Three', 'Land', 'South', 'public') ON CONFLICT DO NOTHING;
            INSERT INTO raw_indicators VALUES ('r1', 'R 1'), ('r2', 'R 2') ON CONFLICT DO NOTHING;
            INSERT INTO common_indicators VALUES ('c', 'Common') ON CONFLICT DO NOTHING;
            INSERT INTO indicator_mappings VALUES ('c', 'r1'), ('c', 'r2') ON CONFLICT DO NOTHING;
            INSERT INTO dataset_hmis VALUES ('f1', 'r1', 202401, 1), ('f2', 'r1', 202401, 2),
                ('f3', 'r1', 202401, 4), ('f1', 'r2', 202401, 8) ON CONFLICT DO NOTHING;
            INSERT INTO hfa_indicators VALUES ('h', 'Power') ON CONFLICT DO NOTHING;
            INSERT INTO dataset_hfa VALUES ('f1', 'North', 'h', '2023', 1),
                ('f2', 'North', 'h', '2023', 0) ON CONFLICT DO NOTHING;
            """
        )


async def test_datasets_that_were_never_imported_have_no_version(databases: Databases):
    assert await read_dataset_versions(databases) is not None
    for loaded in (await load_hmis_items(databases, "raw", ()), await load_hfa_items(databases)):
        assert (clean(loaded)["status"], loaded.version) == ("no_data_available", None)


async def test_hmis_raw_items_are_summed_over_facilities(databases: Databases):
    await fill_datasets(databases)
    loaded = await load_hmis_items(databases, "raw", ())
    assert [tuple(item.values()) for item in clean(loaded)["items"]] == [
        ("r1", 202401, "North", 3, 2),
        ("r1", 202401, "South", 4, 1),
        ("r2", 202401, "North", 8, 1),
    ]
    assert loaded.version == (await read_dataset_versions(databases)).hmis


async def test_hmis_common_items_follow_the_mappings_and_facility_columns(databases: Databases):
    await fill_datasets(databases)
    data = clean(await load_hmis_items(databases, "common", ("ownership",)))
    assert [tuple(item.values()) for item in data["items"]] == [
        ("c", 202401, "North", "public", 9, 2),
        ("c", 202401, "North", None, 2, 1),
        ("c", 202401, "South", "public", 4, 1),
    ]
    assert data["indicators"] == [{"id": "c", "label": "Common"}]


async def test_an_unknown_facility_column_is_refused(databases: Databases):
    with pytest.raises(DatabaseError, match="no such facility column: id; DROP"):
        await load_hmis_items(databases, "raw", ("id; DROP TABLE facilities",))


async def test_hfa_items_are_averaged_over_facilities(databases: Databases):
    await fill_datasets(databases)
    loaded = await load_hfa_items(databases)
    assert clean(loaded)["items"] == [
        {"indicator_id": "h", "time_point": "2023", "admin_area_2": "North", "value": 0.5,
         "facilities": 2}
    ]  # fmt: skip
    assert loaded.version == (await read_dataset_versions(databases)).hfa


async def test_a_racing_import_never_gives_a_dataset_a_version_that_is_not_its_own(databases):
    await fill_datasets(databases)
    truth: dict[str | None, int] = {}
    seen: list[tuple[str | None, int]] = []

    async def write() -> None:
        for number in itertools.count():
            if number >= 40 and len(set(seen)) > 5:
                return
            async with databases.connect(MAIN) as connection:
                await connection.execute("UPDATE dataset_hmis SET count = $1", number)
            truth[(await read_dataset_versions(databases)).hmis] = number

    async def read(writer: asyncio.Task) -> None:
        while not writer.done():
            loaded = await load_hmis_items(databases, "raw", ())
            seen.append((loaded.version, loaded.data["items"][1]["count"]))

    truth[(await load_hmis_items(databases, "raw", ())).version] = 4
    writer = asyncio.create_task(write())
    await asyncio.gather(writer, read(writer), read(writer))
    assert len(set(seen)) > 5
    assert [pair for pair in seen if truth[pair[0]] != pair[1]] == []
