"""The program that asks a platform, against a small server on loopback."""

import json
import os
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from wb_cli.contract import HEALTH_PATH, PLATFORM_PORT, Env
from wb_cli.server.http import routes_change
from wb_cli.server.http.routes_read import ENDPOINTS
from wb_cli.upgrade.rehearsing import answers, ask, asking
from wb_cli.upgrade.rehearsing.answers import parse_answer, read_body
from wb_cli.upgrade.rehearsing.ask import Client, Question

pytestmark = pytest.mark.network

PAGES = {
    "/api/projects": [{"id": "a/b", "label": "A"}],
    "/api/projects/a%2Fb/objects": [
        {"id": "o 1", "label": "One", "metricId": "m"},
        {"id": "o2", "label": "Two", "metricId": "m"},
    ],
    "/sorted": {"a": 1, "b": [1, 2]},
    "/api/projects/p/objects/o/items": {"n": 1},
    "/api/projects/p/objects/o": {"n": 2},
    "/api/projects/p/objects/o/cache": {
        "detail": {"versionHash": "d1"},
        "items": {"versionHash": "i1"},
    },
    "/api/projects/p/objects/unsettled/items": {"n": 1},
    "/api/projects/p/objects/unsettled/cache": {"items": {"versionHash": None}},
    "/api/projects/p/objects/older/items": {"n": 1},
}


class Handler(BaseHTTPRequestHandler):
    """Answers from ``PAGES``, with 503 at ``/away``, and not at all at ``/gone``."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/gone":
            self.close_connection = True
            return
        is_closed = self.path.endswith("/cache")
        may_read = not is_closed or self.headers["Authorization"] == "Bearer sesame"
        body = self._find() if may_read else b""
        status = 503 if self.path == "/away" else 200 if body else 404
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _find(self) -> bytes:
        if self.path == "/turned":
            return b'{ "b" : [1, 2], "a" : 1 }'
        if self.path == "/text":
            return b"no JSON"
        page = PAGES.get(self.path)
        return b"" if page is None else json.dumps(page).encode()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setattr(ask, "PORT", server.server_address[1])
        monkeypatch.setenv(ask.TOKEN, "sesame")
        made = Client()
        yield made
        made.close()
        server.shutdown()
        thread.join()


def test_everything_that_a_platform_lists_is_asked_for_once(client: Client) -> None:
    found = {question.path: question.name for question in ask.find_questions(client)}
    root = "/api/projects/a%2Fb"
    assert found == {
        "/api/datasets/hmis/raw": "HMIS dataset, raw indicators",
        "/api/datasets/hmis/common": "HMIS dataset, common indicators",
        "/api/datasets/hfa": "HFA dataset",
        f"{root}/objects/o%201": "a/b: One (o 1), detail",
        f"{root}/objects/o%201/items": "a/b: One (o 1), items",
        f"{root}/objects/o2": "a/b: Two (o2), detail",
        f"{root}/objects/o2/items": "a/b: Two (o2), items",
        f"{root}/metrics/m": "a/b: metric m",
    }


def test_what_it_asks_are_routes_of_the_platform_whose_answers_are_cached(client: Client) -> None:
    cached = [endpoint for endpoint in ENDPOINTS if 304 in endpoint.responses]
    asked = [question.path for question in ask.find_questions(client)]
    patterns = {
        endpoint.path: re.sub(r"\{\w+\}", "[^/]+", endpoint.path)
        for endpoint in cached
        if "{dimension}" not in endpoint.path
    }
    for path in asked:
        assert any(re.fullmatch(pattern, path) for pattern in patterns.values()), path
    for pattern in patterns.values():
        assert any(re.fullmatch(pattern, path) for path in asked), pattern


def test_what_it_knows_by_heart_is_what_wb_knows() -> None:
    known = (ask.PORT, ask.HEALTH_PATH, ask.TOKEN)
    assert known == (PLATFORM_PORT, HEALTH_PATH, Env.WB_ADMIN_TOKEN)
    assert (ask.LARGEST, ask.OK, ask.ERROR) == (answers.LARGEST, answers.OK, answers.ERROR)
    assert (ask.QUESTIONS, ask.UNFIT) == (asking.QUESTIONS, asking.UNFIT)
    assert f"exit {ask.UNFIT}" in Path(ask.__file__).with_name("ask.sh").read_text()


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("/api/projects/p/objects/o/items", "i1"),
        ("/api/projects/p/objects/o", "d1"),
        ("/api/projects/p/objects/unsettled/items", ""),
        ("/api/projects/p/objects/older/items", ""),
        ("/sorted", ""),
    ],
)
def test_an_answer_of_an_object_has_the_version_of_its_data_where_it_is_told(
    client: Client, path: str, version: str
) -> None:
    answer = client.ask(path)
    assert (answer.status, answer.version) == (200, version)


def test_where_it_asks_for_versions_is_a_route_of_the_platform() -> None:
    routes = {re.sub(r"\{\w+\}", "x", endpoint.path) for endpoint in routes_change.ENDPOINTS}
    found = ask.OF_OBJECT.fullmatch("/api/projects/x/objects/x/items")
    assert found
    assert f"{found['object']}/cache" in routes


def test_the_order_of_names_and_spaces_do_not_matter(client: Client) -> None:
    one, other = client.ask("/sorted"), client.ask("/turned")
    assert one.digest == other.digest
    assert client.ask("/text").body == b"no JSON"


@pytest.mark.parametrize(("path", "status"), [("/none", 404), ("/away", 503), ("/gone", 0)])
def test_what_does_not_come_has_its_status(client: Client, path: str, status: int) -> None:
    assert client.ask(path).status == status


def test_a_text_that_is_too_large_is_only_known_by_its_digest(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ask, "LARGEST", 4)
    answer = client.ask("/sorted")
    assert (answer.status, answer.body, len(answer.digest)) == (200, None, 64)
    assert client.ask("/sorted").digest == answer.digest


def test_a_line_is_what_wb_reads_and_has_no_text_that_is_known(client: Client) -> None:
    answer = client.ask("/sorted")
    line = parse_answer(ask.write_answer(Question("/sorted", "Sorted"), answer))
    assert (line.name, line.status, read_body(line)) == ("Sorted", 200, {"a": 1, "b": [1, 2]})
    known = Question("/sorted", "Sorted", answer.digest)
    assert parse_answer(ask.write_answer(known, answer)).body == ""


def test_each_question_of_a_file_is_answered(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    file = tmp_path / "questions.json"
    file.write_text(json.dumps([("/sorted", "Sorted", ""), ("/none", "None", "")]))
    monkeypatch.setattr(ask, "QUESTIONS", str(file))
    ask.ask_all(client, ask.read_questions(client))
    lines = [parse_answer(line) for line in capsys.readouterr().out.splitlines()]
    assert {line.path: line.status for line in lines} == {"/sorted": 200, "/none": 404}


def test_a_platform_without_a_list_of_projects_cannot_be_asked(
    client: Client, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.delitem(PAGES, "/api/projects")
    with pytest.raises(SystemExit, match=str(ask.UNFIT)):
        ask.find_questions(client)
    assert capsys.readouterr().err == "/api/projects answers with 404\n"


@pytest.mark.usefixtures("client")
def test_a_platform_that_ends_or_is_late_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "HEALTH_PATH", "/away")
    ended = os.posix_spawn("/bin/true", ["true"], {})
    with pytest.raises(SystemExit, match="it ended while it started"):
        ask.wait_until_healthy(ended, 30)
    killed = os.posix_spawn("/bin/sleep", ["sleep", "30"], {})
    os.kill(killed, 9)
    with pytest.raises(SystemExit, match="too little memory, while it started"):
        ask.wait_until_healthy(killed, 30)
    lives = os.posix_spawn("/bin/sleep", ["sleep", "30"], {})
    try:
        with pytest.raises(SystemExit, match=r"not healthy within 0\.2 s"):
            ask.wait_until_healthy(lives, 0.2)
        monkeypatch.setattr(ask, "HEALTH_PATH", "/sorted")
        ask.wait_until_healthy(lives, 30)
    finally:
        os.kill(lives, 9)
        os.waitpid(lives, 0)
