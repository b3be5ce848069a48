"""Restarts while users read and write: no acknowledged change is lost."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import docker
import pytest
from faults.engine.events import EngineEvents
from support.running_platform import Platform

pytestmark = [pytest.mark.engine, pytest.mark.faults]

RESTARTS = 10
USERS = 4


@dataclass
class Users:
    """A few users who read and touch objects, one request after another, until they are stopped."""

    platform: Platform
    project: str
    objects: list[str]
    token: str
    over: threading.Event = field(default_factory=threading.Event)
    touched: dict[str, str] = field(default_factory=dict)
    answered: int = 0
    broken: list[str] = field(default_factory=list)

    def act(self, number: int) -> None:
        mine = self.objects[number::USERS]
        while not self.over.is_set():
            for object_id in mine:
                if self.over.wait(0.005):
                    return
                self._touch(object_id)
                self._read(object_id)

    def _touch(self, each: str) -> None:
        answer = self._ask("POST", f"/api/projects/{self.project}/objects/{each}/touch")
        if answer:
            self.touched[each] = answer["lastUpdated"]

    def _read(self, each: str) -> None:
        answer = self._ask("GET", f"/api/projects/{self.project}/objects/{each}")
        if answer and each in self.touched and answer["lastUpdated"] < self.touched[each]:
            self.broken.append(f"{each} went back to {answer['lastUpdated']}")

    def _ask(self, method: str, path: str) -> dict[str, str]:
        """The answer; ``None`` if the server was not there or said that it is closing."""
        try:
            status, body = self.platform.request(method, path, token=self.token)
        except (OSError, http.client.HTTPException):
            return {}
        if status == 503:
            return {}
        self.answered += 1
        if status != 200:
            self.broken.append(f"{method} {path}: {status} {body[:200]!r}")
            return {}
        return dict(json.loads(body))


def exit_codes(events: EngineEvents, since: int, instance: str) -> list[str]:
    """The exit codes of the platform's containers that ended after the first ``since`` events."""
    events.settle()
    ends = [event for event in events.select(instance, since) if event.action == "die"]
    return [event.exit_code for event in ends if event.part == "platform"]


@pytest.fixture
def events(docker_client: docker.DockerClient) -> Iterator[EngineEvents]:
    """Read the events as they come, because the engine remembers only a few hundred."""
    following = EngineEvents(docker_client)
    yield following
    following.close()


def test_ten_restarts_under_load_lose_no_acknowledged_answer_and_end_with_0(host, events):
    instance = host.prepare()
    host.wb("run", instance)
    platform = Platform(host, instance)
    platform.load_sample()
    host.wb("restart", instance)
    platform.wait_until_warm()
    project = platform.get("/api/projects")[0]["id"]
    users = Users(platform, project, platform.objects(project), platform.token())
    threads = [threading.Thread(target=users.act, args=(n,)) for n in range(USERS)]
    ended = []
    for thread in threads:
        thread.start()
    try:
        for _ in range(RESTARTS):
            before, since = users.answered, events.settle()
            host.wb("restart", instance)
            ended += exit_codes(events, since, instance)
            deadline = time.monotonic() + 30
            while users.answered < before + USERS and time.monotonic() < deadline:
                users.over.wait(0.05)
    finally:
        users.over.set()
        for thread in threads:
            thread.join()

    assert ended == ["0"] * RESTARTS
    assert users.broken == []
    assert users.touched
    for each, acknowledged in users.touched.items():
        stored = platform.get(f"/api/projects/{project}/objects/{each}")["lastUpdated"]
        assert stored >= acknowledged
