"""What platforms say of their last hour is taken in, where they know it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

from wb_cli.engine.types import Port
from wb_cli.upgrade.figures import Window
from wb_cli.upgrade.looking import Looks

pytestmark = pytest.mark.network

ANSWERED = {"page": {"requests": 2, "errors": 0, "answers": 2, "seconds": 0.5}}
HOUR = json.dumps({"minutes": [{"answered": ANSWERED, "memoryBytes": 4096}]}).encode()
SOAK = Window(1, 0, {}, {}, None)


class Platform(BaseHTTPRequestHandler):
    """Answers for the last hour to those who have the token, as a newer version does."""

    def do_GET(self) -> None:
        knows = self.path == "/metrics/hour" and self.headers["Authorization"] == "Bearer sesame"
        self.send_response(200 if knows else 404)
        self.end_headers()
        self.wfile.write(HOUR if knows else b"")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Platform)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def look_back(port: int, token: str) -> Looks:
    """Look back at one that answers at the port, and at one that does not run."""
    platforms = {"demo": SimpleNamespace(ports=(Port(8000, port),))}
    observed: Any = SimpleNamespace(find_running=lambda id_, _: platforms.get(id_))
    stored = SimpleNamespace(admin_token=SimpleNamespace(reveal=lambda: token))
    secrets: Any = SimpleNamespace(read=lambda _: stored)
    looks = Looks(lambda: observed, secrets, ["demo", "down"])
    looks.windows = {"demo": [SOAK], "down": []}
    return looks.look_back()


def test_the_minutes_of_the_last_hour_stand_before_those_of_the_soak(port: int) -> None:
    minute = Window(2, 0, {"page": 0.5}, {"page": 2}, 4096)
    assert look_back(port, "sesame").windows == {"demo": [minute, SOAK], "down": []}


def test_a_platform_that_does_not_know_its_last_hour_is_known_by_the_soak(port: int) -> None:
    assert look_back(port, "other").windows == {"demo": [SOAK], "down": []}
