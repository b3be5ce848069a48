"""What a follower of logs hears: lines, the ends of streams, and events, from several threads."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.engine.events import Event
from wb_cli.errors import UnexpectedError, WbError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from wb_cli.contract import Part
    from wb_cli.engine.log_lines import LogLine

# What comes within this time is given together, so that lines can be put in order.
TOGETHER_S = 0.05
# A slow terminal holds up the reading of logs, so lines do not fill the memory.
ITEMS_HELD = 2_000


class Written(Struct, frozen=True):
    """A line that a followed container wrote."""

    container: str
    part: Part
    line: LogLine


class StreamEnded(Struct, frozen=True):
    """There are no more lines of a container now. ``error`` says why, if the engine broke off."""

    part: Part
    error: WbError | None = None


class EventsEnded(Struct, frozen=True):
    """The engine tells no more events."""


class ReaderGone(Struct, frozen=True):
    """The reader of the lines has gone."""


Item = Written | StreamEnded | Event | EventsEnded | ReaderGone


class Inbox:
    """Collects items of several threads, in the order in which they come."""

    def __init__(self) -> None:
        self._items: queue.Queue[Item] = queue.Queue(ITEMS_HELD)

    def collect_lines(self, part: Part, container: str, lines: Iterable[LogLine]) -> None:
        """Collect the lines of a container in a thread, and then the end of its stream."""

        def collect() -> None:
            error = None
            try:
                for line in lines:
                    self._items.put(Written(container, part, line))
            except WbError as told:
                error = told
            except Exception as fault:  # noqa: BLE001  (the main thread has to show it)
                error = UnexpectedError(fault)
            self._items.put(StreamEnded(part, error))

        _start(collect)

    def collect_events(self, events: Iterable[Event], instance_id: str) -> None:
        """Collect the events of one instance in a thread, and then their end."""

        def collect() -> None:
            try:
                for event in events:
                    if event.instance == instance_id:
                        self._items.put(event)
            except WbError:
                pass  # the engine goes away, and the next look at it says so
            self._items.put(EventsEnded())

        _start(collect)

    def hear_of_reader(self, wait_until_gone: Callable[[], None]) -> None:
        """Wait in a thread until the reader has gone."""

        def wait() -> None:
            wait_until_gone()
            self._items.put(ReaderGone())

        _start(wait)

    def take(self, within_s: float | None) -> list[Item]:
        """Wait for the next item, and take it and those that come at about the same time."""
        try:
            return list(self._take_together(within_s))
        except queue.Empty:
            return []

    def _take_together(self, within_s: float | None) -> Iterator[Item]:
        yield self._items.get(timeout=within_s)
        until = time.monotonic() + TOGETHER_S
        for _ in range(ITEMS_HELD):
            try:
                yield self._items.get(timeout=max(until - time.monotonic(), 0.0))
            except queue.Empty:
                return


def _start(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()
