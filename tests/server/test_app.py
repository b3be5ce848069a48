"""The application: it listens at once, names its instance, and refuses with a reason."""

import socket
import statistics
import time

import pytest
from support.platform_server import AUTHORIZED, TOKEN
from support.services import free_port

pytestmark = pytest.mark.network

NOWHERE = {"PG_HOST": "127.0.0.1", "PG_PORT": "1", "VALKEY_URL": "redis://127.0.0.1:1"}


def test_the_server_answers_although_neither_database_nor_valkey_is_there(start_server):
    server = start_server(**NOWHERE, INSTANCE_ID="demo", INSTANCE_NAME="Demo")

    response = server.http.get("/health_check")

    assert response.status_code == 503
    assert response.json()["instance"] == {"id": "demo", "label": "Demo"}


def test_an_unknown_path_is_a_problem_document(start_server):
    response = start_server(**NOWHERE).http.get("/nothing/here")

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "Not Found",
        "instance": "/nothing/here",
    }


@pytest.mark.parametrize(
    ("method", "path", "detail", "hint"),
    [
        (
            "POST",
            "/api/projects/north/modules/m1/run/complete?runn=1",
            'there is no query parameter "runn" here',
            'Did you mean "run"?',
        ),
        (
            "POST",
            "/api/projects/north/modules/m1/run/complete?whole=1",
            'there is no query parameter "whole" here',
            "It takes run.",
        ),
        (
            "POST",
            "/api/projects/north/modules/m1/run/complete?run=1&run=2",
            'the query parameter "run" is given more than once',
            "Send it once.",
        ),
        (
            "GET",
            "/api/projects?limit=3",
            'there is no query parameter "limit" here',
            "Leave it out: this route takes none.",
        ),
    ],
)
def test_a_query_parameter_that_is_not_known_is_refused(start_server, method, path, detail, hint):
    server = start_server(**NOWHERE, WB_ADMIN_TOKEN=TOKEN)

    refused = server.http.request(method, path)

    assert refused.status_code == 400
    assert (refused.json()["detail"], refused.json()["hint"]) == (detail, hint)


def test_monitors_and_browsers_may_add_query_parameters_of_their_own(start_server):
    server = start_server(**NOWHERE)

    statuses = {
        path: server.http.get(f"{path}?now=1").status_code
        for path in ("/", "/health_check", "/metrics", "/openapi.json")
    }

    assert statuses == {"/": 200, "/health_check": 503, "/metrics": 200, "/openapi.json": 200}


def test_a_request_without_the_token_is_told_where_the_token_is(start_server):
    server = start_server(**NOWHERE, WB_ADMIN_TOKEN=TOKEN)

    refused = server.http.get("/metrics", headers={"Authorization": ""})

    assert refused.status_code == 401
    assert "`adminToken` in <id>.json of the host's secrets folder" in refused.json()["hint"]
    assert TOKEN not in refused.text


def test_the_health_check_names_the_hosts_that_cannot_be_found(start_server):
    server = start_server(PG_HOST="away.invalid", VALKEY_URL="redis://:secret@gone.invalid")
    server.wait_for_line("[Valkey] Could not connect (")
    server.wait_for_line("[PostgreSQL] Not available (")

    told = server.health()

    not_found = 'cannot find the host "{}": is its container running?'
    assert told["database"]["reason"] == not_found.format("away.invalid")
    assert told["l2"] == {"state": "lost", "reason": not_found.format("gone.invalid")}


def test_the_health_check_names_the_servers_that_refuse(start_server):
    server = start_server(**NOWHERE)
    server.wait_for_line("[Valkey] Could not connect (")

    assert server.health()["l2"]["reason"] == "127.0.0.1:1 refuses connections"
    server.wait_for_line("[PostgreSQL] Not available (")
    refused = 'the host "127.0.0.1" refuses connections: does PostgreSQL run there?'
    assert server.health()["database"]["reason"] == refused


def test_a_wrong_method_is_a_problem_document_that_names_the_right_method(start_server):
    response = start_server(**NOWHERE).http.post("/health_check")

    assert response.status_code == 405
    assert response.json()["title"] == "Method Not Allowed"
    assert "GET" in response.headers["allow"]


def raw(server, request: str) -> str:
    """The answer to exactly these bytes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as peer:
        peer.sendall(request.replace("\n", "\r\n").encode())
        return b"".join(iter(lambda: peer.recv(65536), b"")).decode()


def test_every_answer_is_counted_and_no_path_becomes_a_label(start_server):
    server = start_server(**NOWHERE)
    server.http.get("/nothing/here")
    server.http.get("/nothing/there")
    server.http.post("/health_check")
    server.http.get("/api/projects/North/objects")
    server.http.get("/api/projects")
    raw(server, "rubbish\n\n")

    text = server.http.get("/metrics").text

    for endpoint, status, count in (
        ("unknown", 404, 2),
        ("health_check", 405, 1),
        ("objects", 422, 1),
        ("projects", 503, 1),
        ("refused", 400, 1),
    ):
        labels = {"endpoint": endpoint, "status": str(status)}
        assert server.metric("wb_http_requests_total", **labels) == count
        assert server.metric("wb_http_request_seconds_count", endpoint=endpoint) is not None
    assert "nothing" not in text


@pytest.mark.parametrize("target", ["http://here/health_check", "HTTP://here:80/health_check?a=b"])
def test_a_request_may_name_the_whole_url(start_server, target):
    """A server MUST accept it (RFC 9112, 3.2.2)."""
    told = raw(start_server(**NOWHERE), f"GET {target} HTTP/1.1\nHost: x\nConnection: close\n\n")

    assert '"instance"' in told


def test_a_path_with_an_extra_slash_is_not_found(start_server):
    response = start_server(**NOWHERE).http.get("/health_check/", headers={"Host": "elsewhere"})

    assert response.status_code == 404
    assert "location" not in response.headers


def test_a_change_with_an_if_match_condition_is_refused(start_server):
    server = start_server(**NOWHERE, WB_ADMIN_TOKEN=AUTHORIZED["Authorization"].split()[1])

    for tag in ('"x"', "*"):
        refused = server.http.delete("/api/caches", headers={"If-Match": tag})
        assert refused.status_code == 412
    assert server.http.get("/health_check", headers={"If-Match": '"x"'}).status_code == 412
    assert server.http.get("/health_check", headers={"If-Match": "*"}).status_code == 503


def test_a_request_with_two_tokens_is_refused(start_server):
    token = AUTHORIZED["Authorization"]
    server = start_server(**NOWHERE, WB_ADMIN_TOKEN=token.split()[1])

    told = raw(
        server,
        f"GET /metrics HTTP/1.1\nHost: x\nConnection: close\nAuthorization: {token}\n"
        f"Authorization: Bearer wrong\n\n",
    )

    assert told.startswith("HTTP/1.1 400 ")


def test_a_cache_is_not_said_to_be_cleared_where_no_database_can_note_it(start_server):
    server = start_server(**NOWHERE, WB_ADMIN_TOKEN=AUTHORIZED["Authorization"].split()[1])

    response = server.http.delete("/api/caches")

    assert response.status_code == 503
    assert response.headers["retry-after"]


def test_a_small_answer_does_not_wait_for_an_acknowledgement(start_server):
    """Nagle's algorithm with delayed acknowledgements would make every answer take 40 ms."""
    server = start_server(**NOWHERE)
    took = []

    for _ in range(60):
        began = time.perf_counter()
        server.http.get("/openapi.json").raise_for_status()
        took.append(time.perf_counter() - began)

    assert statistics.median(took) < 0.03


def test_metrics_need_the_token_when_there_is_one(start_server):
    server = start_server(**NOWHERE, WB_ADMIN_TOKEN=AUTHORIZED["Authorization"].split()[1])

    refused = server.http.get("/metrics", headers={"Authorization": "Bearer wrong"})
    allowed = server.http.get("/metrics")

    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert allowed.status_code == 200


def test_metrics_are_open_where_no_token_is_set(start_server):
    server = start_server(**NOWHERE)

    assert server.http.get("/metrics", headers={"Authorization": ""}).status_code == 200


def test_metrics_tell_the_state_of_both_servers_and_count_the_requests(start_server):
    server = start_server(**NOWHERE, INSTANCE_ID='a"b\\c')
    server.http.get("/health_check")

    assert server.metric("wb_database_up") == 0
    assert server.metric("wb_l2_up") == 0
    asked = {"endpoint": "health_check", "status": "503"}
    assert server.metric("wb_http_requests_total", **asked) == 1
    assert server.metric("wb_http_request_seconds_count", endpoint="health_check") == 1
    lines = server.http.get("/metrics").text.splitlines()
    assert any(line.startswith('wb_info{instance="a\\"b\\\\c",') for line in lines)


def test_a_wrong_setting_ends_the_server_with_its_name(start_server):
    with pytest.raises(AssertionError, match="PG_PORT='none' is not a whole number"):
        start_server(PG_PORT="none")


def test_a_busy_port_ends_the_server_with_the_reason(start_server):
    port = free_port()
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(AssertionError, match=r"cannot listen on 127\.0\.0\.1") as refused,
    ):
        start_server(**NOWHERE, PORT=str(port))

    assert "Traceback" not in str(refused.value)
