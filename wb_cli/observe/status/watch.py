"""Watch instances: look again when the engine tells of a change, and outlive the engine's absence.

The engine is asked for its listing only after an event of it, or after a change of the registry
file. Between two events the parts themselves are asked whether they answer, because the engine does
not know that.
"""

from __future__ import annotations

import queue
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.errors import EngineError, EngineUnreachableError, WbError
from wb_cli.observe.status.instance_state import InstanceState
from wb_cli.observe.status.look import describe_unknown
from wb_cli.observe.status.survey import Survey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wb_cli.engine.events import Event
    from wb_cli.instances.selectors import Selection
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.observe.status.instance_state import InstanceStatus

TICK_S = 1.0
# The parts are asked again after this time, sooner while something is under way.
ASKED_AGAIN_S = 5.0
# Events come in bursts. wb looks when none has come for a moment, but does not wait long.
QUIET_S, BURST_S = 0.1, 0.5
# The waits between two attempts to reach the engine.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 5.0
SETTLED = {InstanceState.RUNNING, InstanceState.STOPPED, InstanceState.FOREIGN}


class View(Struct, frozen=True):
    """What is seen at one moment. ``problem`` says why the view is not whole."""

    statuses: tuple[InstanceStatus, ...]
    problem: WbError | None = None

    @property
    def is_lost(self) -> bool:
        """Whether the engine does not answer, so that nothing is known."""
        return isinstance(self.problem, (EngineUnreachableError, EngineError))


class Chosen:
    """The instances that are watched. The registry file is read again when it has changed."""

    def __init__(self, read: Callable[[], Selection], file: Path) -> None:
        self._read, self._file = read, file
        self._seen = _read_stamp(file)
        self.selection = read()
        self.problem: WbError | None = None

    def refresh(self) -> bool:
        """Read the file again if it has changed. Return whether it has."""
        stamp = _read_stamp(self._file)
        if stamp == self._seen:
            return False
        self._seen = stamp
        try:
            self.selection, self.problem = self._read(), None
        except WbError as error:  # it is being edited: the last whole one counts
            self.problem = error
        return True


def _read_stamp(file: Path) -> object:
    """Read what changes whenever the content of a file does."""
    try:
        found = file.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)


class Watch:
    """Gives views until ``stop`` is called. Any thread, and a signal handler, may call ``wake``."""

    def __init__(self, connect: Callable[[], Fleet], chosen: Chosen, *, orphans: bool) -> None:
        self._connect, self._chosen, self._orphans = connect, chosen, orphans
        self._inbox: queue.SimpleQueue[Event | WbError | None] = queue.SimpleQueue()
        self._stopped = threading.Event()

    def wake(self) -> None:
        """Give the last view again, at once."""
        self._inbox.put(None)

    def stop(self) -> None:
        """Give no more views."""
        self._stopped.set()
        self.wake()

    def give_views(self) -> Iterator[View]:
        """Give a view after each change, and the last one again at each tick of the clock."""
        pause = FIRST_PAUSE_S
        while not self._stopped.is_set():
            try:
                with self._following() as fleet:
                    for view in self._look_on(fleet):
                        pause = FIRST_PAUSE_S
                        yield view
            except (EngineUnreachableError, EngineError) as error:
                self._chosen.refresh()
                chosen = self._chosen.selection
                view = View(tuple(describe_unknown(chosen.instances, chosen.refused)), error)
                yield view
                yield from self._wait(view, pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)

    @contextmanager
    def _following(self) -> Iterator[Fleet]:
        """Follow the events of the engine in a thread."""
        fleet, done = self._connect(), threading.Event()
        inbox = self._inbox = queue.SimpleQueue()
        events = fleet.engine.follow_events(done)
        threading.Thread(target=_pass_on, args=(events, inbox), daemon=True).start()
        try:
            yield fleet
        finally:
            done.set()

    def _look_on(self, fleet: Fleet) -> Iterator[View]:
        while not self._stopped.is_set():
            self._chosen.refresh()
            chosen = self._chosen.selection
            survey = Survey(fleet, chosen.instances, orphans=self._orphans, refused=chosen.refused)
            yield from self._look_at(survey)

    def _look_at(self, survey: Survey) -> Iterator[View]:
        """Ask the parts of one listing again and again, until an event makes it old."""
        while not self._stopped.is_set():
            view = View(tuple(survey.look(closely=False)), self._chosen.problem)
            yield view
            is_settled = all(status.state in SETTLED for status in view.statuses)
            ask_again_at = time.monotonic() + (ASKED_AGAIN_S if is_settled else TICK_S)
            while not self._stopped.is_set() and time.monotonic() < ask_again_at:
                if self._hear(TICK_S) or self._chosen.refresh():
                    self._let_burst_pass()
                    return
                yield view

    def _wait(self, view: View, pause: float) -> Iterator[View]:
        """Give a view again until a pause is over."""
        end = time.monotonic() + pause
        while not self._stopped.is_set() and (left := end - time.monotonic()) > 0:
            with suppress(WbError):  # the events end with the engine, and it is lost already
                self._hear(min(left, TICK_S))
            yield view

    def _hear(self, within_s: float) -> bool:
        """Wait for an event. Raise the error that ended the reading of events."""
        try:
            heard = self._inbox.get(timeout=within_s)
        except queue.Empty:
            return False
        if isinstance(heard, WbError):
            raise heard
        return heard is not None

    def _let_burst_pass(self) -> None:
        end = time.monotonic() + BURST_S
        while time.monotonic() < end and self._hear(QUIET_S):
            pass


def _pass_on(events: Iterator[Event], inbox: queue.SimpleQueue[Event | WbError | None]) -> None:
    try:
        for event in events:
            inbox.put(event)
    except WbError as error:
        inbox.put(error)


def describe_changes(old: View | None, new: View) -> Iterator[str]:
    """Say in a line what has changed from one view to the next. Pure."""
    if new.is_lost:
        if not old or not old.is_lost:
            yield f"engine: {new.problem}; the state of every instance is unknown"
        return
    if old and old.is_lost:
        yield "engine: it answers again"
    before = {} if not old or old.is_lost else {status.id: status for status in old.statuses}
    after = {status.id: status for status in new.statuses}
    if new.problem and (not old or str(old.problem) != str(new.problem)):
        yield f"registry file: {new.problem}"
    for id_, status in after.items():
        previous = before.get(id_)
        if previous and _name_conditions(previous) == _name_conditions(status):
            continue
        change = status.state if not previous else f"{previous.state} -> {status.state}"
        if previous and previous.state is status.state:
            change = status.state
        yield f"{id_}: {change}" + (f": {status.notes[0]}" if status.notes else "")
    for id_ in before:
        if id_ not in after:
            yield f"{id_}: no longer there"


def _name_conditions(status: InstanceStatus) -> tuple[str, ...]:
    return (status.state, *(f"{part.part} {part.state}" for part in status.parts))
