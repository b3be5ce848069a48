"""Any row that PostgreSQL accepts: a bad row fails alone, and no answer is a 500."""

import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.platform_data import NORTH, address_of, aside, execute

from wb_cli.server.db.address import connect
from wb_cli.server.db.fetch_config import FetchConfig
from wb_cli.server.db.queries_versions import ObjectVersion, RunVersion
from wb_cli.server.results.declared import (
    METRIC_INFO,
    PO_DETAIL,
    PO_ITEMS,
    REPLICANT_OPTIONS,
    MetricOf,
    ReplicantsOf,
)
from wb_cli.server.results.wants import ObjectOf

pytestmark = pytest.mark.services
OBJECTS = "/api/projects/north/objects"
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.one_of(st.integers(-(2**80), 2**80), st.floats(allow_nan=False, allow_infinity=False))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)
WORDS = st.one_of(JSON, st.lists(st.sampled_from(["admin_area_2", "count", "North"]), max_size=2))
CONFIGS = st.one_of(
    JSON,
    st.fixed_dictionaries(
        {},
        optional={
            "values": WORDS,
            "disaggregateBy": WORDS,
            "replicateBy": st.one_of(JSON, st.just("indicator_id")),
            "selectedReplicant": JSON,
            "filters": st.one_of(
                JSON,
                st.lists(st.fixed_dictionaries({"dimension": WORDS, "values": WORDS}), max_size=2),
            ),
            "period": st.one_of(
                JSON,
                st.fixed_dictionaries(
                    {}, optional={"from": JSON, "to": JSON, "latestMonths": JSON}
                ),
            ),
            "style": JSON,
        },
    ),
)
# Configs that jsonb accepts and a JSON reader refuses, and configs that were seen in the field.
EXTREMES = [
    "null",
    "[]",
    '"text"',
    "1e400",
    '{"style": 1e400}',
    '{"period": {"from": 99999999999999999999}}',
    '{"style": 18446744073709551616}',
    '{"style": 9007199254740993}',
    '{"style": ' + "[" * 300 + "]" * 300 + "}",
    '{"style": ' + "[" * 1500 + "]" * 1500 + "}",
    "[" * 1500 + "]" * 1500,
    '{"replicateBy": "indicator_id", "selectedReplicant": ["North"]}',
    '{"replicateBy": "indicator_id", "selectedReplicant": {"a": 1}}',
    '{"replicateBy": ["indicator_id"], "selectedReplicant": "North"}',
    '{"replicateBy": 7, "selectedReplicant": "x", "filters": [{"dimension": "a", "values": []}]}',
    '{"replicateBy": "indicator_id", "selectedReplicant": 5}',
    '{"replicateBy": "indicator_id", "selectedReplicant": true}',
    '{"disaggregateBy": ["' + "x" * 100_000 + '"]}',
]


def store(demo, rows: list[tuple[str, str, str]]) -> None:
    """Store objects, given by id, label and config as text."""

    async def insert() -> None:
        connection = await connect(address_of(demo.postgres_url), NORTH)
        await connection.executemany(
            """INSERT INTO presentation_objects (id, label, metric_id, config)
            VALUES ($1, $2, 'visits', $3::text::jsonb)""",
            rows,
        )
        await connection.close()

    aside(insert)


def answers(server, object_id: str) -> dict[str, int]:
    """The statuses of all answers about an object."""
    path = f"{OBJECTS}/{quote(object_id, safe='')}"
    parts = ("", "/items", "/replicants/indicator_id", "/cache")
    return {part: server.http.get(path + part).status_code for part in parts}


def test_no_config_ends_the_warm_up_or_a_request(demo):
    """A few hundred configs at one time, because a start of the server takes seconds."""
    generated: list[str] = []

    @settings(max_examples=150, database=None, derandomize=True, deadline=None)
    @given(CONFIGS)
    def generate(config: object) -> None:
        generated.append(json.dumps(config))

    generate()
    configs = [*EXTREMES, *generated]
    store(demo, [(f"o{n}", f"Object {n}", config) for n, config in enumerate(configs)])

    server = demo.start_warm()

    warm_up = server.health()["warmUp"]
    assert warm_up["objects"] == len(configs) + 4 + 3
    assert warm_up["done"] == warm_up["entries"]
    assert 0 < warm_up["failed"] < len(configs)
    assert warm_up["problem"] is None
    for number, config in enumerate(configs):
        statuses = answers(server, f"o{number}")
        assert statuses[""] == 200, config
        assert set(statuses.values()) <= {200, 404, 409}, (config, statuses)
    assert answers(server, "by-area") == dict.fromkeys(answers(server, "by-area"), 200)
    assert "Traceback" not in server.log


def test_a_config_that_json_cannot_carry_is_shown_as_text(demo):
    store(demo, [("huge", "Huge", '{"style": 1e400}'), ("deep", "Deep", "[" * 400 + "]" * 400)])
    server = demo.start_warm()

    detail = server.json(f"{OBJECTS}/huge")

    assert detail["config"] is None
    assert json.loads(detail["configText"], parse_int=str)["style"] == "1" + "0" * 400
    assert "too large" in detail["configProblem"]
    assert server.json(f"{OBJECTS}/deep")["configText"] == "[" * 400 + "]" * 400


def test_a_project_that_cannot_be_read_is_left_out_and_the_others_are_warmed(demo):
    execute(demo.postgres_url, "main", "INSERT INTO projects VALUES ('broken', 'Broken')")
    execute(demo.postgres_url, "postgres", "CREATE DATABASE broken")
    execute(demo.postgres_url, "broken", "CREATE TABLE modules (id int)")

    server = demo.start_warm()
    execute(demo.postgres_url, "postgres", "DROP DATABASE broken WITH (FORCE)")

    assert "[Broken] Cannot be warmed: " in server.log
    assert server.health()["warmUp"]["failed"] == 1
    assert answers(server, "by-area")["/items"] == 200


HOSTILE_IDS = [
    "-V1StGXR8_Z5jdHi6B-my",
    "a|b",
    "a::b",
    "a b",
    "a/b",
    "/",
    "a%2Fb",
    "a%b",
    "'; DROP TABLE x; --",
    '"quoted" {braces}',
    "ኢትዮጵያ",
    "é\u0301",
    "😀",
    "line\nbreak",
    "\x01\x1b[31m\x7f",
    "?query#fragment",
    "x" * 1000,
    "a\\b",
    "items",
    "a/items",
]
IDS = TEXT.filter(lambda text: text not in {"", ".", ".."})


def test_an_id_that_postgresql_takes_is_an_id_that_the_api_answers(demo):
    generated: set[str] = set()

    @settings(max_examples=60, database=None, derandomize=True, deadline=None)
    @given(IDS)
    def generate(text: str) -> None:
        generated.add(text)

    generate()
    ids = sorted(generated.union(HOSTILE_IDS))
    store(demo, [(id_, f"Object {id_}", "{}") for id_ in ids])
    for id_ in HOSTILE_IDS:
        execute(
            demo.postgres_url,
            NORTH,
            "INSERT INTO metrics VALUES ($1, 'm1', $1, 'visits', '{count}', 'sum')",
            id_,
        )
        execute(demo.postgres_url, NORTH, "INSERT INTO modules VALUES ($1, $1, now())", id_)
    server = demo.start_warm()

    for id_ in ids:
        assert server.json(f"{OBJECTS}/{quote(id_, safe='')}")["id"] == id_
        assert set(answers(server, id_).values()) == {200}, id_
        assert server.json(f"{OBJECTS}/{quote(id_, safe='')}/cache")["detail"]["status"] == "l1"
    for id_ in HOSTILE_IDS:
        place = quote(id_, safe="")
        assert server.json(f"/api/projects/north/metrics/{place}")["metricId"] == id_
        run = f"/api/projects/north/modules/{place}/run"
        begun = server.http.post(f"{run}/begin").raise_for_status().json()
        ended = server.http.post(f"{run}/complete", params={"run": begun["runId"]})
        assert ended.json()["isRunning"] is False
        assert server.http.post(f"{OBJECTS}/{place}/touch").json()["id"] == id_
    forged = [line for line in server.lines if line.startswith(("break", "\x1b"))]
    assert forged == []


RUN = RunVersion(last_run=None, is_running=False)


class Hashed(FetchConfig, frozen=True):
    """A fetch config that has any text as its hash."""

    text: str = ""

    @property
    def hash(self) -> str:
        return self.text


class Known(ObjectVersion):
    """An object of which only the parts of its keys are given."""

    def __init__(self, id_: str = "", results: str = "", fetch: str = "") -> None:
        super().__init__(id_, "", "", "", results, "", RUN, {"fetch": fetch}, ["count"], "sum")

    def fetch_config(self) -> FetchConfig:
        return Hashed(tuple(self.value_props), self.value_func, text=self.config["fetch"])


def detail_key(project: str, object_id: str) -> str:
    return PO_DETAIL.uniqueness(ObjectOf(project, Known(object_id)))


def metric_key(project: str, metric: str) -> str:
    return METRIC_INFO.uniqueness(MetricOf(project, metric, RUN))


def items_key(project: str, results: str, fetch: str) -> str:
    return PO_ITEMS.uniqueness(ObjectOf(project, Known("", results, fetch)))


def replicants_key(project: str, results: str, by: str, fetch: str) -> str:
    return REPLICANT_OPTIONS.uniqueness(ReplicantsOf(project, Known("", results, fetch), by))


KEYS = ((2, detail_key), (2, metric_key), (3, items_key), (4, replicants_key))


@given(st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT), min_size=2, max_size=2, unique=True))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_two_things_never_share_a_key(things):
    for size, key in KEYS:
        one, other = (thing[:size] for thing in things)
        assert (key(*one) == key(*other)) == (one == other)


def test_ordinary_ids_keep_their_keys():
    assert detail_key("north", "a|b") == "north|a|b"
    assert items_key("north", "visits", "f0") == "north|visits|f0"
    assert metric_key("north", "m::1") == "north::m::1"
    assert replicants_key("north", "visits", "area", "f0") == "north::visits::area::f0"


def test_a_results_table_that_is_not_there_yet_has_no_data(demo):
    execute(demo.postgres_url, NORTH, "DROP TABLE results_visits")
    server = demo.start_warm()

    items = server.http.get(f"{OBJECTS}/by-area/items")

    assert (items.status_code, items.json()["status"]) == (200, "no_data_available")
    assert items.headers["cache-control"] == "no-store"
    assert server.json("/api/projects/north/metrics/visits")["periodBounds"] is None
    assert server.json(f"{OBJECTS}/by-area/replicants/indicator_id")["values"] == []


def test_no_label_forges_a_line_of_the_log(demo):
    forged = "x\n[Shutdown] Timed out — forcing exit\r\n[Valkey] Ready\u2028[Server] y"
    store(demo, [("forger", forged, '{"filters": 1}')])
    execute(demo.postgres_url, "main", "UPDATE projects SET label = $1", forged)

    server = demo.start_warm()

    assert "[Shutdown] Timed out — forcing exit" not in server.lines
    assert server.lines.count("[Valkey] Ready") == 1
    assert r"x\n[Shutdown] Timed out" in server.log
