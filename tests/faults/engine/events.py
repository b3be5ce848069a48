"""The engine's events of containers, read without a gap.

The engine remembers but a few hundred events, so a thread reads them as they come.
"""

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import docker

from wb_cli.engine.docker.sdk_internals import close_response

SETTLES_WITHIN_S = 30


class Event(NamedTuple):
    """An event of a container. ``at`` is in seconds of the monotonic clock."""

    action: str
    container: str
    name: str
    instance: str
    part: str
    exit_code: str
    at: float


class EngineEvents:
    """Reads the events of all containers until ``close``.

    Who is ``told`` learns of each event in the reading thread, in order. ``instance`` is what the
    label says; a container made from a commit of ours bears it as well.
    """

    def __init__(self, client: docker.DockerClient) -> None:
        self.client = client
        self.told: list[Callable[[Event], None]] = []
        self.seen: list[Event] = []
        self._trouble: Exception | None = None
        self._grown = threading.Condition()
        self._marks: set[str] = set()
        self._last_mark = ""
        self._stream = client.api.events(decode=True, filters={"type": ["container", "volume"]})
        self._thread = threading.Thread(target=self._read, name="the engine's events", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Read the events that have come, and end."""
        try:
            last = self.client.volumes.create()
            # Events of earlier marks may still come, so the thread ends with this one.
            self._last_mark = last.name
            last.remove()
            self._wait_for_mark(last.name)
            self._thread.join(SETTLES_WITHIN_S)
        finally:
            close_response(self._stream)

    def settle(self) -> int:
        """Wait until all events up to now were read. Return their number."""
        mark = self.client.volumes.create()
        mark.remove()
        self._wait_for_mark(mark.name)
        return len(self.seen)

    def _wait_for_mark(self, mark: str) -> None:
        with self._grown:
            reached = self._grown.wait_for(
                lambda: mark in self._marks or self._trouble, SETTLES_WITHIN_S
            )
        if self._trouble or not reached:
            raise AssertionError("the engine's events are not read any more") from self._trouble

    def wait_for(self, is_it: Callable[[Event], bool], since: int, within: float) -> Event | None:
        """Wait for a matching event after the first ``since`` events; ``None`` if time is up."""
        deadline = time.monotonic() + within
        for position in itertools.count(since):
            with self._grown:
                while len(self.seen) <= position:
                    if not self._grown.wait(deadline - time.monotonic()):
                        return None
                event = self.seen[position]
            if is_it(event):
                return event
        return None

    def select(self, instance: str, since: int) -> list[Event]:
        """Select the actions on an instance's containers after the first ``since`` events."""
        return [event for event in self.seen[since:] if event.instance == instance]

    def _read(self) -> None:
        try:
            for raw in self._stream:
                self._note(raw)
                if raw["Action"] == "destroy" and raw["Actor"]["ID"] == self._last_mark:
                    return
        except Exception as trouble:  # noqa: BLE001  (whoever waits is told)
            with self._grown:
                self._trouble = trouble
                self._grown.notify_all()

    def _note(self, raw: dict[str, Any]) -> None:
        attributes = raw["Actor"]["Attributes"]
        if raw["Type"] == "volume":
            with self._grown:
                self._marks.add(raw["Actor"]["ID"])
                self._grown.notify_all()
            return
        if raw["Action"].startswith("exec_"):
            return
        event = Event(
            raw["Action"],
            raw["Actor"]["ID"],
            attributes.get("name", ""),
            attributes.get("wb.instance", ""),
            attributes.get("wb.role", ""),
            attributes.get("exitCode", ""),
            time.monotonic(),
        )
        for tell in self.told:
            tell(event)
        with self._grown:
            self.seen.append(event)
            self._grown.notify_all()
