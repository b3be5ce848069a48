"""A reload of a real nginx: under load, killed, refused, interrupted, and by two at once."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from edge.conftest import Edge
from edge.test_sites import everything
from support.services import wait_until
from support.web.nginx_host import NGINX
from support.web.upstream import Upstream

from wb_cli.errors import ExitCode
from wb_cli.host.web import nginx as nginx_module

pytestmark = pytest.mark.edge


class Client(threading.Thread):
    """A client that asks on and on, and keeps its connection as browsers do."""

    def __init__(self, edge: Edge, host: str) -> None:
        super().__init__(daemon=True)
        self.host = host
        self.edge, self.answers, self.failures = edge, 0, list[str]()
        self.is_over = threading.Event()

    def run(self) -> None:
        connection, is_fresh = self.edge.nginx.connect(), True
        while not self.is_over.is_set():
            try:
                connection.request("GET", "/plain", headers={"Host": self.host})
                response = connection.getresponse()
                body = response.read()
            except (http.client.HTTPException, OSError) as error:
                connection.close()
                # A server may close a connection that waits. Then a client asks anew (RFC 9112,
                # 9.3.1); on a fresh connection it must get its answer.
                if is_fresh:
                    self.failures.append(repr(error))
                connection, is_fresh = self.edge.nginx.connect(), True
                continue
            is_fresh = response.will_close
            if response.will_close:
                connection.close()
                connection = self.edge.nginx.connect()
            self.answers += 1
            if response.status != 200 or not body.endswith(b"}"):
                self.failures.append(f"{response.status} {body[:50]!r}")
        connection.close()


@contextmanager
def asked_by(edge: Edge, *hosts: str) -> Iterator[list[Client]]:
    """Clients of sites, one each, that ask before, meanwhile and after it; no request fails."""
    clients = [Client(edge, host) for host in hosts]
    for client in clients:
        client.start()
    wait_for_answers(clients)
    yield clients
    wait_for_answers(clients)
    for client in clients:
        client.is_over.set()
        client.join(30)
    assert [failure for client in clients for failure in client.failures] == []


def wait_for_answers(clients: list[Client]) -> None:
    answers = [client.answers for client in clients]
    for client, before in zip(clients, answers, strict=True):
        wait_until(lambda c=client, b=before: c.answers > b, "another answer")


def test_reloads_under_load_fail_no_request(edge: Edge) -> None:
    edge.init()
    with asked_by(edge, *["demo.example.org"] * 4) as clients:
        for number in range(8):
            edge.declare("demo", label=f"Label {number}")
            edge.init()
            wait_for_answers(clients)
    assert edge.state() == ("ours", "yes")


def test_forty_sites_are_one_reload_that_fails_no_request(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [f"site{number}" for number in range(39)]
    for id_ in ids:
        edge.declare(id_)
    some = [Upstream(edge.entries[id_]["port"]) for id_ in ids[::13]]
    reloads = edge.nginx.folder / "reloads"
    wrap(edge, monkeypatch, f'case "$*" in *reload*) echo reload >> {reloads};; esac')
    edge.init("demo")
    with asked_by(edge, *["demo.example.org"] * 4):
        edge.init("all")
    assert reloads.read_text().count("reload") == 2  # one for demo, and one for all others
    monkeypatch.setenv("WB_NGINX_TIMEOUT", "77")  # which every site has
    with asked_by(edge, "demo.example.org", *[f"{id_}.example.org" for id_ in ids[::13]]):
        edge.init("all")
    assert reloads.read_text().count("reload") == 3
    assert {edge.state(id_) for id_ in ("demo", *ids)} == {("ours", "yes")}
    edge.wb("remove-nginx", "all")
    assert reloads.read_text().count("reload") == 4
    assert list(edge.nginx.enabled.iterdir()) == []
    for upstream in some:
        upstream.close()


def wrap(edge: Edge, monkeypatch: pytest.MonkeyPatch, before: str) -> None:
    """Let wb call nginx through a script that first does something of its own."""
    script = edge.nginx.folder / "wrapped"
    script.write_text(f'#!/bin/sh\n{before}\nexec {NGINX} "$@"\n')
    script.chmod(0o755)
    command = edge.nginx.command.replace(NGINX, str(script), 1)
    monkeypatch.setenv("WB_NGINX_COMMAND", command)


def test_nginx_killed_during_a_reload_is_told_and_the_site_put_back(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.init()
    before = everything(edge.nginx)
    kill = f'case "$*" in *reload*) kill -9 $(cat {edge.nginx.folder}/nginx.pid);; esac'
    workers = edge.nginx.workers()
    wrap(edge, monkeypatch, kill)
    edge.declare("demo", label="Other")
    said = edge.init(exits=ExitCode.FAILURE)
    for worker in workers:  # nobody ends the workers of a master that was killed
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
    assert "nginx ended while it was reloaded" in said
    assert "starts it" in said
    assert everything(edge.nginx) == before
    monkeypatch.setenv("WB_NGINX_COMMAND", edge.nginx.command)
    wait_until(lambda: can_listen(edge.nginx.http_port), "the port")
    edge.nginx.start()
    edge.init()
    assert edge.state() == ("ours", "yes")


def can_listen(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def test_a_configuration_that_nginx_does_not_take_is_put_back(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A port that another process holds is refused at the reload, and not by the test."""
    edge.init()
    before = everything(edge.nginx)
    monkeypatch.setattr(nginx_module, "RELOADED_WITHIN_S", 5)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with monkeypatch.context() as patched:
            patched.setenv("WB_NGINX_HTTP", f"127.0.0.1:{port}")
            said = edge.init(exits=ExitCode.FAILURE)
    assert "does not take its new configuration" in said
    assert everything(edge.nginx) == before
    assert edge.state() == ("ours", "yes")
    assert edge.nginx.ask().status == 200


def begin(*words: str) -> subprocess.Popen[str]:
    """wb in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "wb_cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Gate:
    """Holds wb in the test of nginx's configuration."""

    def __init__(self, edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.open = (edge.nginx.folder / name for name in ("reached", "open"))
        wait = f"touch {self.reached}; while ! [ -e {self.open} ]; do sleep 0.02; done"
        wrap(edge, monkeypatch, f'case "$*" in *" -t") {wait};; esac')

    def wait(self) -> None:
        wait_until(self.reached.exists, "the test of the configuration")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_puts_everything_back(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    edge.init()
    before = everything(edge.nginx)
    gate = Gate(edge, monkeypatch)
    edge.declare("demo", label="Other")
    edge.declare("second")
    running = begin("init-nginx", "all")
    gate.wait()
    assert everything(edge.nginx) != before
    running.send_signal(number)
    gate.open.touch()
    _, talk = running.communicate(timeout=60)
    assert running.returncode == 128 + number
    assert "the sites are as they were" in talk
    assert everything(edge.nginx) == before


def test_after_a_kill_the_next_command_reloads_what_was_written(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.init()
    gate = Gate(edge, monkeypatch)
    edge.declare("demo", label="Other")
    running = begin("init-nginx", "demo")
    gate.wait()
    running.kill()
    running.communicate(timeout=60)
    gate.open.touch()
    assert edge.state() == ("ours", "old text")
    assert "demo: reloaded" in edge.init()
    assert edge.state() == ("ours", "yes")


def test_several_commands_at_once_take_turns(edge: Edge) -> None:
    ids = [f"site{number}" for number in range(4)]
    for id_ in ids:
        edge.declare(id_)
    started = [begin("init-nginx", id_) for id_ in ids]
    for running in started:
        _, talk = running.communicate(timeout=120)
        assert running.returncode == ExitCode.OK, talk
    assert [edge.state(id_) for id_ in ids] == [("ours", "yes")] * 4


def test_who_waits_too_long_for_another_command_is_told(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(edge, monkeypatch)
    running = begin("init-nginx", "demo")
    gate.wait()
    code, _, talk = edge.wb("remove-nginx", "demo", "--wait", "0")
    gate.open.touch()
    running.communicate(timeout=60)
    assert code == ExitCode.LOCKED
    assert "another wb changes the sites" in talk
    assert str(Path(edge.nginx.available)) in talk
