"""The evidence about one instance: everything that may say why it stands as it does."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.contract import Part
from wb_cli.engine.events import Event, Happening
from wb_cli.lifecycle.guard.problem import Obstacle
from wb_cli.observe.history import Stage
from wb_cli.observe.status.instance_state import Condition

if TYPE_CHECKING:
    from wb_cli.engine.types import ContainerDetail, State
    from wb_cli.instances.registry_file.refused import RefusedEntry
    from wb_cli.lifecycle.guard.problem import Problem
    from wb_cli.lifecycle.record.black_box import Crash
    from wb_cli.observe.history import PastCommand
    from wb_cli.observe.status.part_report import PartReport

SIGKILL = 9
# The parts in the order in which their failures explain one another.
CAUSAL_ORDER = (Part.POSTGRES, Part.PLATFORM, Part.ADMIN, Part.VALKEY, Part.WAL)
MICROSECONDS = 26  # the length of an RFC 3339 time with them


class Hand(Enum):
    """Who ended a container, as far as the engine's events tell."""

    NOBODY = "it ended by itself"
    A_STOP = "it was told to stop"
    A_KILL = "it was killed"
    NOT_KNOWN = "the engine does not remember"


class PartEvidence(Struct, frozen=True):
    """What is known of one part.

    ``detail`` is ``None`` if it has no container. ``report`` is what it says itself while it runs.
    ``said`` is the text with which a platform refused its health check. ``hand`` says who ended it.
    """

    part: Part
    name: str
    detail: ContainerDetail | None = None
    report: PartReport | None = None
    said: str = ""
    is_refused: bool = False
    hand: Hand = Hand.NOT_KNOWN

    @property
    def state(self) -> State | None:
        """The state of its container; ``None`` if there is none."""
        return self.detail.state if self.detail else None

    @property
    def is_healthy(self) -> bool:
        """Whether it runs and answers."""
        return self.report is not None and self.report.condition is Condition.HEALTHY


class Evidence(Struct, frozen=True, kw_only=True):
    """What is known of one instance.

    ``engine_problem`` and ``engine_remedy`` say why the engine is not reached. ``obstacles`` would
    make a start fail now. ``changes`` were declared and are not applied; ``drift`` is other than
    what wb would make now. What happened since ``recent`` is still the news. Crashes, events and
    commands are in the order of time.
    """

    instance: str
    registry: str = ""
    recent: str = ""
    is_declared: bool = True
    refused: RefusedEntry | None = None
    engine_problem: str = ""
    engine_remedy: str = ""
    parts: tuple[PartEvidence, ...] = ()
    foreign: tuple[Problem, ...] = ()
    obstacles: tuple[Problem, ...] = ()
    changes: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    crashes: tuple[Crash, ...] = ()
    events: tuple[Event, ...] = ()
    commands: tuple[PastCommand, ...] = ()

    @property
    def by_cause(self) -> list[PartEvidence]:
        """The parts in the order in which their failures explain one another."""
        return sorted(self.parts, key=lambda part: CAUSAL_ORDER.index(part.part))

    @property
    def is_down(self) -> bool:
        """Whether it has no container."""
        return not any(part.detail for part in self.parts)

    @property
    def is_healthy(self) -> bool:
        """Whether each of its parts runs and answers."""
        return bool(self.parts) and all(part.is_healthy for part in self.parts)

    @property
    def last_command(self) -> PastCommand | None:
        """The last wb command that worked on its containers; changes of its entry do not count."""
        acts = [c for c in self.commands if not c.is_of_entry]
        return acts[-1] if acts else None

    @property
    def disk_problem(self) -> Problem | None:
        """The disk that is full or read-only, if there is one."""
        return next((p for p in self.obstacles if p.kind is Obstacle.DISK), None)

    def part(self, part: Part) -> PartEvidence | None:
        """The evidence about one part."""
        return next((known for known in self.parts if known.part is part), None)

    def last_crash(self, part: Part | None = None) -> Crash | None:
        """The last bad end that is recorded, of one part or of any."""
        of_part = [crash for crash in self.crashes if part in {None, crash.part}]
        return of_part[-1] if of_part else None

    def was_at_work(self, moment: str) -> PastCommand | None:
        """The wb command that was at work at a moment, if there was one."""
        for command in self.commands:
            ended = command.end.ended if command.end else None
            if command.stage is Stage.DID_NOT_END:
                ended = _find_next_begin(self.commands, command)
            if _is_between(command.begin.began, moment, ended):
                return command
        return None


def find_hand(events: tuple[Event, ...], container: str) -> Hand:
    """Find who ended a container last, from the events since its last start. Pure."""
    signals: list[int] = []
    is_known = has_ended = False
    for event in events:
        if event.container != container:
            continue
        if event.what is Happening.STARTED:
            signals, is_known, has_ended = [], True, False
        elif event.what is Happening.SIGNALLED and event.signal is not None and not has_ended:
            signals.append(event.signal)
        elif event.what is Happening.ENDED:
            has_ended = True
    if not has_ended or not (is_known or signals):
        return Hand.NOT_KNOWN
    if not signals:
        return Hand.NOBODY
    return Hand.A_KILL if signals[0] == SIGKILL else Hand.A_STOP


def _is_between(began: str, moment: str, ended: str | None) -> bool:
    at = moment[:MICROSECONDS]
    return began[:MICROSECONDS] <= at and (ended is None or at <= ended[:MICROSECONDS])


def _find_next_begin(commands: tuple[PastCommand, ...], command: PastCommand) -> str | None:
    """A command that did not end was gone when the next one began."""
    later = [other.begin.began for other in commands if other.begin.began > command.begin.began]
    return later[0] if later else None
