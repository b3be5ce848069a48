"""The OpenAPI document: real answers of a running server are what it says, for every route."""

from datetime import datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from support.platform_data import NORTH, execute
from support.platform_server import TOKEN, PlatformServer

from wb_cli import __version__
from wb_cli.server.app import ENDPOINTS
from wb_cli.server.http.openapi import document
from wb_cli.server.http.schemas import SCHEMAS

NOWHERE = {"PG_HOST": "127.0.0.1", "PG_PORT": "1", "VALKEY_URL": "redis://127.0.0.1:1"}
OBJECT = "/api/projects/north/objects/by-area"
RUN = "/api/projects/north/modules/m1/run"
FORMATS = FormatChecker(formats=())
FORMATS.checks("date-time", ValueError)(lambda text: text is None or datetime.fromisoformat(text))
BY_NAME = {endpoint.name: endpoint for endpoint in ENDPOINTS}

# The order matters: a run is begun before it is completed, and caches are cleared last.
GOOD = [
    ("health_check", "GET", "/health_check"),
    ("metrics", "GET", "/metrics"),
    ("last_hour", "GET", "/metrics/hour"),
    ("status_page", "GET", "/"),
    ("openapi", "GET", "/openapi.json"),
    ("projects", "GET", "/api/projects"),
    ("objects", "GET", "/api/projects/north/objects"),
    ("object_detail", "GET", OBJECT),
    ("object_detail", "GET", "/api/projects/north/objects/wrong"),
    ("object_items", "GET", f"{OBJECT}/items"),
    ("object_items", "GET", "/api/projects/north/objects/by-month/items"),
    ("object_items", "GET", "/api/projects/north/objects/nothing/items"),
    ("object_items", "GET", "/api/projects/north/objects/idle/items"),
    ("replicant_options", "GET", f"{OBJECT}/replicants/admin_area_2"),
    ("replicant_options", "GET", f"{OBJECT}/replicants/quarter_id"),
    ("replicant_options", "GET", "/api/projects/north/objects/idle/replicants/indicator_id"),
    ("metric_info", "GET", "/api/projects/north/metrics/visits"),
    ("metric_info", "GET", "/api/projects/north/metrics/idle"),
    ("hmis_items", "GET", "/api/datasets/hmis/raw"),
    ("hmis_items", "GET", "/api/datasets/hmis/common"),
    ("hfa_items", "GET", "/api/datasets/hfa"),
    ("cache_status", "GET", f"{OBJECT}/cache"),
    ("cache_status", "GET", "/api/projects/north/objects/idle/cache"),
    ("touch", "POST", f"{OBJECT}/touch"),
    ("begin_run", "POST", f"{RUN}/begin"),
    ("object_items", "GET", f"{OBJECT}/items"),
    ("objects", "GET", "/api/projects/north/objects"),
    ("complete_run", "POST", f"{RUN}/complete"),
    ("clear_project", "DELETE", "/api/projects/north/caches"),
    ("clear_cache", "DELETE", "/api/caches/po_items"),
    ("clear_caches", "DELETE", "/api/caches"),
]
# While neither PostgreSQL nor Valkey is there.
ALONE = [
    ("health_check", "GET", "/health_check", 503),
    ("clear_project", "DELETE", "/api/projects/north/caches", 503),
    ("clear_cache", "DELETE", "/api/caches/po_items", 503),
    ("clear_caches", "DELETE", "/api/caches", 503),
    ("projects", "GET", "/api/projects", 503),
]
PROBLEMS = [
    ("objects", "GET", "/api/projects/nope/objects", {}, 404),
    ("objects", "GET", "/api/projects/NOPE/objects", {}, 422),
    ("clear_project", "DELETE", "/api/projects/nope/caches", {}, 404),
    ("objects", "GET", "/api/projects/north/objects?limit=3", {}, 400),
    ("object_items", "GET", "/api/projects/north/objects/wrong/items", {}, 409),
    ("object_items", "GET", f"{OBJECT}/items", {"Accept-Encoding": "identity;q=0"}, 406),
    ("touch", "POST", f"{OBJECT}/touch", {"Authorization": ""}, 401),
    ("touch", "POST", f"{OBJECT}/touch", {"If-Match": "*"}, 412),
]


def closed(schema: Any) -> Any:
    """The schema, but a record has no field that is not described."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(part) for name, part in schema.items()}
    is_record = schema.get("type") == "object" and "properties" in schema
    return {"additionalProperties": False, **inner} if is_record else inner


def complaints(described: dict, name: str, answer: Any) -> list[str]:
    """What an answer has that the document does not say."""
    endpoint = BY_NAME[name]
    operation = described["paths"][endpoint.path][endpoint.method.lower()]
    reply = operation["responses"].get(str(answer.status_code))
    if reply is None:
        return [f"{name} answers {answer.status_code}, which is not described"]
    content = reply.get("content", {})
    if not content:
        return [f"{name} has a body"] if answer.content else []
    media_type = answer.headers["content-type"].partition(";")[0]
    if media_type not in content:
        return [f"{name} is {media_type}"]
    if not media_type.endswith("json"):
        return []
    schemas = closed(described["components"]["schemas"])
    schemas["Document"].pop("additionalProperties")
    whole = {**content[media_type]["schema"], "components": {"schemas": schemas}}
    found = Draft202012Validator(whole, format_checker=FORMATS).iter_errors(answer.json())
    return [f"{name}: {error.json_path}: {error.message}" for error in found]


@pytest.fixture
def server(demo) -> PlatformServer:
    """A warm server. One of its objects has a config that fetches nothing and is no good JSON."""
    execute(
        demo.postgres_url,
        NORTH,
        """INSERT INTO presentation_objects (id, label, metric_id, config)
        VALUES ('wrong', 'Wrong', 'visits', '{"filters": 1, "big": 9007199254740993}')""",
    )
    return demo.start_warm()


@pytest.mark.services
def test_every_good_answer_of_every_route_is_as_described(server):
    described = server.json("/openapi.json")

    answers = [(name, server.http.request(method, path)) for name, method, path in GOOD]

    assert {name for name, *_ in GOOD} == set(BY_NAME)
    assert {answer.status_code for _, answer in answers} == {200}
    assert [line for name, answer in answers for line in complaints(described, name, answer)] == []


@pytest.mark.services
def test_every_route_with_a_version_has_its_etag_and_its_304_as_described(server):
    described = server.json("/openapi.json")
    cached = {endpoint.name for endpoint in ENDPOINTS if 304 in endpoint.responses}
    paths = {name: path for name, _, path in reversed(GOOD) if name in cached}
    assert set(paths) == cached

    for name, path in paths.items():
        tag = server.http.get(path).headers["etag"]
        unchanged = server.http.get(path, headers={"If-None-Match": tag})
        assert (unchanged.status_code, unchanged.headers["etag"]) == (304, tag)
        assert complaints(described, name, unchanged) == []


@pytest.mark.services
def test_every_refusal_is_a_problem_as_described(server):
    described = server.json("/openapi.json")

    for name, method, path, headers, status in PROBLEMS:
        refused = server.http.request(method, path, headers=headers)
        assert (refused.status_code, path) == (status, path)
        assert complaints(described, name, refused) == []


@pytest.mark.network
@pytest.mark.parametrize(("name", "method", "path", "status"), ALONE)
def test_an_answer_without_database_and_valkey_is_as_described(
    start_server, name, method, path, status
):
    server = start_server(**NOWHERE, WB_ADMIN_TOKEN=TOKEN)

    answer = server.http.request(method, path)

    assert answer.status_code == status
    assert complaints(server.json("/openapi.json"), name, answer) == []


def test_the_schemas_are_schemas_and_each_is_used():
    text = str(document(ENDPOINTS))

    for name, schema in SCHEMAS.items():
        Draft202012Validator.check_schema(schema)
        assert f"'#/components/schemas/{name}'" in text, name


def test_a_field_that_is_missing_or_not_described_would_be_found():
    described = document(ENDPOINTS)

    class Answer:
        status_code = 200
        content = b"..."
        headers = {"content-type": "application/json"}  # noqa: RUF012
        sent: Any = None

        def json(self) -> Any:
            return self.sent

    answer = Answer()
    for sent, wrong in (
        ([{"id": "a", "label": "A"}], 0),
        ([{"id": "a"}], 1),
        ([{"id": "a", "label": "A", "more": 1}], 1),
        ([{"id": "a", "label": None}], 1),
    ):
        answer.sent = sent
        assert len(complaints(described, "projects", answer)) == wrong


@pytest.mark.network
def test_the_document_has_the_release_of_wb_and_describes_itself(start_server):
    answer = start_server(**NOWHERE).http.get("/openapi.json")

    assert answer.json()["info"]["version"] == __version__
    assert "/openapi.json" in answer.json()["paths"]
    assert len(answer.text.splitlines()) > 100  # people read it, too
