"""The state of an instance and of its parts, and what follows from the parts. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from wb_cli.contract import SPARE_PARTS, Part
from wb_cli.errors import ExitCode, WbError
from wb_cli.lifecycle.options import Verb
from wb_cli.quantities import shorten_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wb_cli.observe.backups import BackupStatus
    from wb_cli.observe.certificates import CertificateStatus

NAMED_AT_MOST = 3


class Condition(StrEnum):
    """The condition of a container. Its value is shown in the output.

    A running container has one of the first four. Any other has the engine's own word.
    """

    HEALTHY = "healthy"
    STARTING = "starting"
    UNHEALTHY = "unhealthy"
    STOPPING = "stopping"
    STOPPED = "stopped"
    CREATED = "created"
    EXITED = "exited"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    DEAD = "dead"
    UNKNOWN = "unknown"


class InstanceState(StrEnum):
    """The state of a whole instance, the worst first. Its value is shown in the output."""

    UNKNOWN = "unknown"
    BROKEN = "broken"
    FOREIGN = "foreign"
    DEGRADED = "degraded"
    STOPPING = "stopping"
    STARTING = "starting"
    RUNNING = "running"
    STOPPED = "stopped"

    @property
    def severity(self) -> int:
        """How far the state is down the list: 0 is the worst."""
        return list(InstanceState).index(self)


EXIT_CODES = {
    InstanceState.UNKNOWN: ExitCode.ENGINE_UNREACHABLE,
    InstanceState.BROKEN: ExitCode.FAILURE,
    InstanceState.FOREIGN: ExitCode.FAILURE,
    InstanceState.DEGRADED: ExitCode.DEGRADED,
    InstanceState.STOPPING: ExitCode.STILL_STARTING,
    InstanceState.STARTING: ExitCode.STILL_STARTING,
    InstanceState.RUNNING: ExitCode.OK,
    InstanceState.STOPPED: ExitCode.OK,
}


# What an instance of which a part is missing counts as while such a command of wb works on it.
AT_WORK = {
    Verb.RUN: InstanceState.STARTING,
    Verb.RESTART: InstanceState.STARTING,
    Verb.ADOPT: InstanceState.STARTING,
    Verb.UPGRADE: InstanceState.STARTING,
    Verb.ROLLBACK: InstanceState.STARTING,
    Verb.ROTATE: InstanceState.STARTING,
    Verb.UPGRADE_POSTGRES: InstanceState.STARTING,
    Verb.IMPORT: InstanceState.STARTING,
    Verb.STOP: InstanceState.STOPPING,
}


class PartStatus(Struct, frozen=True):
    """The status of one container.

    ``detail`` is its own report, and ``facts`` is the same for ``--json``. Times are RFC 3339. They
    are empty if the container never started or ended, or if it was not inspected. ``since`` is the
    moment in seconds since the epoch from which it runs, or has ended; the listing alone tells it
    in round numbers. ``exit_code`` is ``None`` while it runs, ``restarts`` if it was not inspected.
    """

    part: str
    name: str
    state: Condition
    since: float | None = None
    ports: tuple[str, ...] = ()
    image: str = ""
    detail: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    started_at: str = ""
    finished_at: str = ""
    exit_code: int | None = None
    restarts: int | None = None
    container: str = ""

    def as_document(self) -> dict[str, Any]:
        """Give the status for ``--json``."""
        return {
            "container": self.name,
            "role": self.part,
            "state": self.state,
            "startedAt": self.started_at or None,
            "finishedAt": self.finished_at or None,
            "exitCode": self.exit_code,
            "restarts": self.restarts,
            "ports": list(self.ports),
            "image": self.image or None,
            **self.facts,
        }


class InstanceStatus(Struct, frozen=True):
    """The state of one instance, and the status of each of its parts.

    ``version`` is that of the platform that runs, or else the declared one. ``notes`` say why it is
    not plainly running, the most important reason first. ``doubt`` says why it is not known whether
    it runs as declared. ``certificate`` is known where it was asked for, and the instance has a
    site in nginx. ``backup`` is how its backups stand, where that was asked for. ``host`` is the
    host of its engine; without one, it is that of this machine.
    """

    id: str
    state: InstanceState
    parts: tuple[PartStatus, ...] = ()
    notes: tuple[str, ...] = ()
    version: str = ""
    url: str = ""
    doubt: str = ""
    certificate: CertificateStatus | WbError | None = None
    backup: BackupStatus | WbError | None = None
    host: str | None = None

    @property
    def platform(self) -> PartStatus | None:
        """The status of its platform."""
        return self.find(Part.PLATFORM)

    def find(self, part: Part) -> PartStatus | None:
        """The status of one part."""
        return next((status for status in self.parts if status.part == part), None)

    def as_document(self) -> dict[str, Any]:
        """Give the status for ``--json``."""
        document: dict[str, Any] = {
            "id": self.id,
            "host": self.host,
            "state": self.state,
            "version": self.version or None,
            "url": self.url or None,
            "containers": [part.as_document() for part in self.parts],
            "notes": [*self.notes, *filter(None, [self.doubt])],
        }
        for name, found in (("certificate", self.certificate), ("backup", self.backup)):
            if isinstance(found, WbError):
                document[name] = {"problem": found.headline}
            elif found:
                document[name] = found.as_document()
        return document


def summarise(parts: Sequence[PartStatus], *, is_foreign: bool) -> InstanceState:
    """Give the state of a whole instance: the first case that applies."""
    states = {part.state for part in parts}
    needed = {part.state for part in parts if part.part not in SPARE_PARTS}
    cases = (
        (is_foreign, InstanceState.FOREIGN),
        (states <= {Condition.STOPPED}, InstanceState.STOPPED),
        (states == {Condition.UNKNOWN}, InstanceState.UNKNOWN),
        (states <= {Condition.HEALTHY}, InstanceState.RUNNING),
        (Condition.STOPPING in states, InstanceState.STOPPING),
        (needed <= {Condition.HEALTHY}, InstanceState.DEGRADED),
        (states <= {Condition.STARTING, Condition.HEALTHY}, InstanceState.STARTING),
    )
    return next((state for applies, state in cases if applies), InstanceState.BROKEN)


def heed_command(state: InstanceState, verb: str) -> InstanceState:
    """Give the state of an instance on which a command of wb works.

    It replaces, starts or stops the parts one after another. A part that is not there meanwhile is
    no fault.
    """
    return AT_WORK[Verb(verb)] if is_between(state) and verb in AT_WORK else state


def is_between(state: InstanceState) -> bool:
    """Whether a command that works on an instance may be the reason for its state."""
    return state in {InstanceState.BROKEN, InstanceState.DEGRADED}


def choose_exit_code(states: Iterable[InstanceState], *, has_refused: bool) -> ExitCode:
    """Choose the exit code for monitoring: that of the worst state.

    A refused entry is worse than a degraded instance, because what it declares cannot be started.
    """
    worst = min(states, key=lambda state: state.severity, default=InstanceState.STOPPED)
    if has_refused and worst.severity > InstanceState.FOREIGN.severity:
        return ExitCode.PARTIAL
    return EXIT_CODES[worst]


def count_states(statuses: Iterable[InstanceStatus]) -> str:
    """Count the instances by state, the worst last and by name: ``38 running, 1 broken: uxc``."""
    found: dict[InstanceState, list[str]] = {}
    for status in statuses:
        found.setdefault(status.state, []).append(status.id)
    quiet = {InstanceState.RUNNING, InstanceState.STOPPED}
    states = sorted(found, key=lambda state: -state.severity)
    states.sort(key=lambda state: state is not InstanceState.RUNNING)
    named = {
        state: "" if state in quiet else f": {shorten_list(found[state], NAMED_AT_MOST, ' ')}"
        for state in states
    }
    return ", ".join(f"{len(found[state])} {state}{named[state]}" for state in states)
