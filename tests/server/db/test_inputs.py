"""Every input of a version moves it: data that differs never has an earlier version."""

import random
from functools import partial

import orjson
import pytest
from support.version_inputs import MAIN_INPUTS, PROJECT_INPUTS

from wb_cli.server.db.address import MAIN
from wb_cli.server.db.errors import DatabaseError, RecordMissingError
from wb_cli.server.db.fetch_config import InvalidConfigError
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_versions import (
    read_dataset_versions,
    read_metric_version,
    read_object_versions,
)
from wb_cli.server.results.declared import (
    DATASET_HFA,
    DATASET_HMIS,
    DECLARED,
    METRIC_INFO,
    PO_DETAIL,
    PO_ITEMS,
    REPLICANT_OPTIONS,
    Hmis,
    MetricOf,
    ReplicantsOf,
)
from wb_cli.server.results.wants import CachedQuery, ObjectOf

pytestmark = pytest.mark.services
PROJECT = "malaria"
# Restores what the statements under test removed, as operators would.
REPAIR = """
    INSERT INTO modules VALUES ('m1', 'Counts', now()), ('m2', 'Second', now())
        ON CONFLICT (id) DO UPDATE SET last_run = coalesce(modules.last_run, now()),
        run_started_at = NULL;
    INSERT INTO results_objects VALUES
        ('visits', 'm1', 'Visits', '{indicator_id,admin_area_2}', '{count,rate}')
        ON CONFLICT (id) DO UPDATE SET module_id = 'm1', label = 'Visits',
        dimensions = excluded.dimensions, measures = excluded.measures;
    INSERT INTO metrics VALUES ('visits', 'm1', 'Visits', 'visits', '{count,rate}', 'sum')
        ON CONFLICT (id) DO UPDATE SET module_id = 'm1', results_object_id = 'visits',
        value_props = excluded.value_props, value_func = 'sum';
    INSERT INTO presentation_objects (id, label, metric_id, config)
        VALUES ('table', 'Table', 'visits', '{"disaggregateBy": ["indicator_id"]}')
        ON CONFLICT (id) DO UPDATE SET metric_id = 'visits', config = excluded.config;
    DELETE FROM results_visits;
    INSERT INTO results_visits VALUES ('opd', 'North', 202401, 3, 1), ('anc', 'South', 202402, 4, 2)
"""
DATASETS = """
    INSERT INTO facilities VALUES ('f1', 'One', 'Land', 'North') ON CONFLICT DO NOTHING;
    INSERT INTO raw_indicators VALUES ('r1', 'Raw') ON CONFLICT DO NOTHING;
    INSERT INTO common_indicators VALUES ('c1', 'Common') ON CONFLICT DO NOTHING;
    INSERT INTO indicator_mappings VALUES ('c1', 'r1') ON CONFLICT DO NOTHING;
    INSERT INTO dataset_hmis VALUES ('f1', 'r1', 202401, 5) ON CONFLICT DO NOTHING;
    INSERT INTO hfa_indicators VALUES ('h1', 'Power') ON CONFLICT DO NOTHING;
    INSERT INTO dataset_hfa VALUES ('f1', 'North', 'h1', '2023', 1) ON CONFLICT DO NOTHING;
"""
# Values for a column, by its type. The table may refuse some of them; that is part of the test.
VALUES = {
    "text": ["'x'", "'visits'", "'m1'", "'m2'", "'nowhere'", "'North'", "'avg'", "''"],
    "text[]": ["'{count}'", "'{rate}'", "'{indicator_id}'", "'{indicator_id,admin_area_2}'"],
    "jsonb": ["'{}'", """'{"disaggregateBy":["admin_area_2"]}'""", "'null'", "'[1e400]'"],
    "timestamp with time zone": [
        "NULL",
        "now()",
        "'2001-01-01Z'",
        "'2002-01-01Z'",
        "'infinity'",
        "'-infinity'",
        "'2001-01-01 BC'",
    ],
    "integer": ["202402", "202311"],
    "bigint": ["1", "7"],
    "double precision": ["1", "7", "'NaN'"],
    "boolean": ["true"],
}


@pytest.fixture
def databases(fresh: Databases) -> Databases:
    """A project and a `main` for one test."""
    return fresh


async def columns(databases: Databases, database: str) -> dict[str, dict[str, str]]:
    """The columns of every table and their types."""
    async with databases.connect(database) as connection:
        rows = await connection.fetch(
            """SELECT relname, attname, format_type(atttypid, NULL) AS type
            FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
            WHERE relkind = 'r' AND attnum > 0 AND NOT attisdropped
            AND relnamespace = 'public'::regnamespace"""
        )
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row["relname"], {})[row["attname"]] = row["type"]
    return found


@pytest.mark.parametrize(
    ("database", "inputs", "others"),
    [
        (
            PROJECT,
            PROJECT_INPUTS,
            {"module_runs", "version_floors", "results_idle", "results_ghost"},
        ),
        (MAIN, MAIN_INPUTS, {"projects", "cache_epochs", "project_epochs"}),
    ],
)
async def test_every_column_of_every_table_is_listed_as_input_or_as_no_input(
    databases: Databases, database, inputs, others
):
    found = await columns(databases, database)
    assert set(found) - {"schema_migrations"} - others == set(inputs)
    assert {name: set(found[name]) for name in inputs} == {
        name: set(entering) for name, entering in inputs.items()
    }


async def wanted_of_datasets(databases: Databases) -> list[CachedQuery]:
    """All cached queries of `main` that can be made now."""
    known = await read_dataset_versions(databases)
    hmis = [DATASET_HMIS.query(databases, Hmis(kind, known)) for kind in ("raw", "common")]
    return [*hmis, DATASET_HFA.query(databases, known)]


async def wanted(databases: Databases) -> list[CachedQuery]:
    """All cached queries of the project that can be made now."""
    found = []
    for known in await read_object_versions(databases, PROJECT):
        of = ObjectOf(PROJECT, known)
        by_indicator = ReplicantsOf(PROJECT, known, "indicator_id")
        for make_query in (
            partial(PO_DETAIL.query, databases, of),
            partial(PO_ITEMS.query, databases, of),
            partial(REPLICANT_OPTIONS.query, databases, by_indicator),
        ):
            try:
                found.append(make_query())
            except InvalidConfigError:
                continue
    for metric in ("visits", "idle", "ghost"):
        try:
            run = await read_metric_version(databases, PROJECT, metric)
        except RecordMissingError:
            continue
        found.append(METRIC_INFO.query(databases, MetricOf(PROJECT, metric, run)))
    return found


async def test_the_entries_of_every_cache_are_tried(databases: Databases):
    await repair(databases)
    tried = [*await wanted(databases), *await wanted_of_datasets(databases)]
    assert {query.key.cache for query in tried} == {cache.name for cache in DECLARED}


class Truth:
    """The cached results by their versions, since the test began."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str, str], bytes] = {}
        self.newest: dict[tuple[str, str], str] = {}

    async def check(self, databases: Databases, database: str, after: str) -> None:
        """Load everything anew, and compare it with the earlier results of the same version."""
        want_all = wanted_of_datasets if database == MAIN else wanted
        for query in await want_all(databases):
            try:
                loaded = await query.load()
            except (InvalidConfigError, DatabaseError):
                continue
            key = query.key
            assert loaded.version == key.version, f"{key} is loaded as {loaded.version}: {after}"
            if key.version is None:
                continue
            thing = (key.cache, key.uniqueness)
            data = orjson.dumps(loaded.data)
            assert self.known.setdefault((*thing, key.version), data) == data, f"{key}: {after}"
            newest = self.newest.get(thing, key.version)
            assert order(key.version) >= order(newest), f"{key}: {after}"
            self.newest[thing] = key.version


def order(version: str) -> tuple:
    """A version as a value that grows: a time, or the numbers of a dataset's version."""
    return (version,) if "T" in version else tuple(map(int, version.split("_")))


async def attempt(databases: Databases, database: str, statement: str) -> None:
    """Run a statement in its own transaction. A refused statement changes nothing."""
    try:
        async with databases.connect(database) as connection:
            await connection.execute(statement)
    except DatabaseError:
        pass


def updates(table: str, types: dict[str, str]) -> list[str]:
    """An UPDATE of each column to each value."""
    return [
        f"UPDATE {table} SET {column} = {value}"
        for column, type_ in types.items()
        for value in VALUES[type_]
    ]


def others(table: str, types: dict[str, str]) -> list[str]:
    """DELETE, TRUNCATE, and DELETE with INSERT of the same rows, in one transaction and in two."""
    older = ", ".join(
        f"CASE WHEN {name} IS NULL THEN NULL ELSE '2001-01-01Z'::timestamptz END"
        if type_.startswith("timestamp")
        else name
        for name, type_ in types.items()
    )
    relabelled = ", ".join(f"{name} || ' again'" if name == "label" else name for name in types)
    names = ", ".join(types)
    # Foreign keys refuse most of these, unless they are disabled, as a restore with psql does.
    return [
        f"TRUNCATE {table} CASCADE",
        f"DELETE FROM {table}",
        *(
            f"""CREATE TEMPORARY TABLE kept AS SELECT * FROM {table};
            DELETE FROM {table};
            INSERT INTO {table} ({names}) SELECT {chosen} FROM kept;
            DROP TABLE kept"""
            for chosen in (older, relabelled)
        ),
    ]


async def statements(databases: Databases, database: str, inputs: dict) -> list[str]:
    types = await columns(databases, database)
    return [
        statement
        for table in inputs
        for statement in (*updates(table, types[table]), *others(table, types[table]))
    ]


DISMANTLED = """
    CREATE TEMPORARY TABLE o AS SELECT * FROM presentation_objects;
    CREATE TEMPORARY TABLE m AS SELECT * FROM metrics;
    CREATE TEMPORARY TABLE r AS SELECT * FROM results_objects;
    DELETE FROM presentation_objects; DELETE FROM metrics; DELETE FROM results_objects;
    INSERT INTO results_objects SELECT id, module_id, label || '+', dimensions, measures FROM r;
    INSERT INTO metrics SELECT id, module_id, label || '+', results_object_id, value_props,
        value_func FROM m;
    INSERT INTO presentation_objects SELECT id, label || '+', metric_id, config, '2001-01-01Z'
        FROM o;
    DROP TABLE o, m, r
"""
MODULES = [
    "DELETE FROM modules WHERE id = 'm1'",
    "INSERT INTO modules VALUES ('m1', 'Anew', '2001-01-01Z')",
    "INSERT INTO modules VALUES ('nowhere', 'Installed')",
    "UPDATE modules SET last_run = now()",
    "UPDATE metrics SET module_id = 'm2' WHERE id = 'visits'",
    "UPDATE results_visits SET count = count + 1",
    "UPDATE results_objects SET module_id = 'm2' WHERE id = 'visits'",
    "UPDATE results_visits SET count = count + 1",
    "UPDATE results_objects SET module_id = 'nowhere' WHERE id = 'visits'",
    "UPDATE results_visits SET count = count + 1",
    "UPDATE modules SET last_run = '2001-01-01Z' WHERE id = 'nowhere'",
    "UPDATE results_objects SET module_id = 'm1' WHERE id = 'visits'",
]


async def repair(databases: Databases) -> None:
    await attempt(databases, MAIN, DATASETS)
    async with databases.connect(PROJECT) as connection:
        await connection.execute(REPAIR)


@pytest.mark.long
@pytest.mark.parametrize(("database", "inputs"), [(PROJECT, PROJECT_INPUTS), (MAIN, MAIN_INPUTS)])
async def test_an_answer_that_differs_bears_another_version_after_each_statement(
    databases: Databases, database, inputs
):
    truth = Truth()
    for statement in await statements(databases, database, inputs):
        await repair(databases)
        await truth.check(databases, database, f"the repair before {statement}")
        await attempt(databases, database, statement)
        await truth.check(databases, database, statement)
    assert len(truth.known) > 50


async def test_the_same_holds_in_any_order_without_repairs_between(databases: Databases):
    mixed, truth = random.Random(7), Truth()
    tried = [*MODULES, DISMANTLED] * 5 + await statements(databases, PROJECT, PROJECT_INPUTS)
    kept = [statement for statement in tried if not statement.startswith("DELETE")]
    for count, statement in enumerate(mixed.sample(kept, 60)):
        if count % 10 == 0:
            await repair(databases)
        await attempt(databases, PROJECT, statement)
        await truth.check(databases, PROJECT, statement)
