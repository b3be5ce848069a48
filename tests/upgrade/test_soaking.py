"""What comes of a batch whose figures were looked at over HTTP, and of one that cannot be read."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from wb_cli.contract import Part
from wb_cli.engine.types import (
    LABEL_INSTANCE,
    LABEL_ROLE,
    Observed,
    ObservedContainer,
    Port,
    State,
)
from wb_cli.secret import Secret
from wb_cli.upgrade.judging import Verdict
from wb_cli.upgrade.looking import Looks
from wb_cli.upgrade.soaking import judge_batch

pytestmark = pytest.mark.services

TOKEN = "the-token"
IDS = [f"country-{number}" for number in range(12)]
UPGRADED, REST = IDS[:6], IDS[6:]
TEXT = """
wb_uptime_seconds {requests}
wb_warm_up_done 1.0
wb_warm_up_seconds 2.0
wb_warm_up_entries 10
process_resident_memory_bytes {memory}
wb_http_requests_total{{endpoint="object",status="200"}} {requests}
wb_http_request_seconds_sum{{endpoint="object"}} {seconds}
wb_http_request_seconds_count{{endpoint="object"}} {requests}
"""


class Served:
    """A server of `/metrics`: each look finds 100 more answers, each of so many seconds."""

    def __init__(self) -> None:
        self.seconds, self.status, self.text = 0.010, 200, TEXT
        self.memory = 5e7
        looks, served = count(1), self
        total = 0.0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                nonlocal total
                total += 100 * served.seconds
                text = served.text.format(
                    requests=100 * next(looks), seconds=total, memory=served.memory
                ).encode()
                is_known = self.headers["Authorization"] == f"Bearer {TOKEN}"
                self.send_response(served.status if is_known else 401)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def served() -> Iterator[dict[str, Served]]:
    """A server for each instance."""
    made = {id_: Served() for id_ in IDS}
    yield made
    for each in made.values():
        each.server.shutdown()
        each.server.server_close()


def look(served: dict[str, Served], *ids: str, token: str = TOKEN) -> Looks:
    containers = tuple(
        ObservedContainer(
            id_,
            id_,
            State.RUNNING,
            "Up",
            "image",
            "sha256:1",
            labels={LABEL_INSTANCE: id_, LABEL_ROLE: Part.PLATFORM},
            ports=(Port(8000, served[id_].server.server_port, "127.0.0.1"),),
        )
        for id_ in ids
        if id_ in served
    )
    stored = SimpleNamespace(admin_token=Secret(token))
    secrets: Any = SimpleNamespace(read=lambda _: stored)
    return Looks(lambda: Observed(containers, ()), secrets, ids).look_for(1.2, lambda _: None)


def test_slower_answers_of_the_upgraded_are_worse_and_equal_ones_are_not(
    served: dict[str, Served],
) -> None:
    before = look(served, *IDS)
    assert judge_batch(before, look(served, *IDS), UPGRADED, REST).judgement.verdict is (
        Verdict.NO_WORSE
    )
    for id_ in UPGRADED:
        served[id_].seconds *= 1.3
    judged = judge_batch(before, look(served, *IDS), UPGRADED, REST)
    assert judged.judgement.verdict is Verdict.WORSE
    assert judged.describe_for(UPGRADED[0]).startswith("worse: answer times: +30.0%")


def test_more_memory_of_the_upgraded_is_worse(served: dict[str, Served]) -> None:
    before = look(served, *IDS)
    for id_ in UPGRADED:
        served[id_].memory *= 1.3
    judged = judge_batch(before, look(served, *IDS), UPGRADED, REST)
    assert judged.judgement.verdict is Verdict.WORSE
    assert "memory: +30.0%" in judged.describe_for(UPGRADED[0])


def test_one_whose_figures_cannot_be_read_is_not_taken_for_a_good_one(
    served: dict[str, Served],
) -> None:
    before = look(served, *IDS)
    served[UPGRADED[0]].status = 503
    served[UPGRADED[1]].text = "ok"
    served[UPGRADED[2]].server.shutdown()
    served[UPGRADED[2]].server.server_close()
    judged = judge_batch(before, look(served, *IDS), UPGRADED, REST)
    assert judged.judgement.verdict is Verdict.UNKNOWN
    assert set(judged.unknown) == set(UPGRADED[:3])
    said = [judged.describe_for(id_) for id_ in UPGRADED[:3]]
    assert "answered 503" in said[0]
    assert "its metrics lack" in said[1]
    assert "did not answer" in said[2]
    assert judged.as_document()["verdict"] == "could not be judged"


def test_one_that_nobody_asked_is_not_taken_for_a_good_one_and_keeps_nobody_from_a_verdict(
    served: dict[str, Served],
) -> None:
    before = look(served, *IDS)
    served[UPGRADED[0]].text = TEXT.replace("{requests}", "5").replace("{seconds}", "1")
    judged = judge_batch(before, look(served, *IDS), UPGRADED, REST)
    assert judged.judgement.verdict is Verdict.NO_WORSE
    assert list(judged.unknown) == [UPGRADED[0]]
    assert "asked too little" in judged.describe_for(UPGRADED[0])


def test_one_that_does_not_run_or_takes_another_token_is_named(served: dict[str, Served]) -> None:
    assert "cannot be reached" in look(served, "gone").find_unread("gone")
    assert "answered 401" in look(served, IDS[0], token="another").find_unread(IDS[0])
    assert "did not answer within" in look(served, IDS[0]).find_unread("never-asked")
