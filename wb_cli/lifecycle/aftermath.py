"""What became of each instance when a signal ended a command over several."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli.contract import STOP_ORDER, Role
from wb_cli.errors import WbError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from wb_cli.engine.types import Observed
    from wb_cli.lifecycle.batch import Ended

ESSENTIAL = {Role.PLATFORM, Role.POSTGRES, Role.VALKEY}


class Fate(StrEnum):
    """How the command left an instance. The value is what output says."""

    READY = "ready before"
    STOPPED = "stopped"
    REMOVED = "removed"
    HALF_STOPPED = "half stopped"
    STILL_RUNNING = "still running"
    UNDONE = "undone"
    FAILED = "failed"
    NOT_BEGUN = "not begun"
    UNKNOWN = "unknown"


class Left(Struct, frozen=True):
    """An instance and its fate; which parts run and which do not, where it is half stopped."""

    instance: str
    fate: Fate
    running: tuple[Role, ...] = ()
    stopped: tuple[Role, ...] = ()
    reason: str = ""

    def __str__(self) -> str:
        if self.reason:
            return f"{self.instance} ({self.reason})"
        if self.fate is not Fate.HALF_STOPPED:
            return self.instance
        running = f"{_are(self.running, 'runs', 'run')}" if self.running else "nothing runs"
        return f"{self.instance} ({_are(self.stopped, 'is stopped', 'are stopped')}, {running})"

    def as_document(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "id": self.instance,
            "result": self.fate,
            "running": self.running,
            "stopped": self.stopped,
            "reason": self.reason,
        }


def after_start(
    ids: Sequence[str], done: Iterable[Ended[Any]], begun: Collection[str]
) -> list[Left]:
    """The fates after `run` and `restart`, which undo what they had begun."""
    ended = {each.instance: each for each in done}
    return [_fate(each, ended.get(each), begun, Fate.READY, _undone) for each in ids]


def after_stop(
    ids: Sequence[str],
    done: Iterable[Ended[Any]],
    begun: Collection[str],
    observe: Callable[[], Observed],
) -> list[Left]:
    """The fates after `stop`, which is not undone. The engine says what it left."""
    ended = {each.instance: each for each in done}

    def half_done(instance: str) -> Left:
        try:
            return standing(instance, observe())
        except WbError as error:
            return Left(instance, Fate.UNKNOWN, reason=error.message)

    return [_fate(each, ended.get(each), begun, Fate.STOPPED, half_done) for each in ids]


def after_removal(
    ids: Sequence[str], done: Iterable[Ended[Any]], begun: Collection[str]
) -> list[Left]:
    """The fates after `remove-dirs`. Where it ended midway, the error says what is left."""
    ended = {each.instance: each for each in done}
    return [_fate(each, ended.get(each), begun, Fate.REMOVED, _not_begun) for each in ids]


def _fate(
    instance: str,
    ended: Ended[Any] | None,
    begun: Collection[str],
    success: Fate,
    half_done: Callable[[str], Left],
) -> Left:
    if ended and ended.result:
        return Left(instance, success)
    if ended and ended.error and not ended.is_interrupted:
        return Left(instance, Fate.FAILED, reason=ended.error.message)
    return half_done(instance) if instance in begun else Left(instance, Fate.NOT_BEGUN)


def _undone(instance: str) -> Left:
    return Left(instance, Fate.UNDONE)


def _not_begun(instance: str) -> Left:
    return Left(instance, Fate.NOT_BEGUN)


def standing(instance: str, observed: Observed) -> Left:
    """How far an instance is stopped."""
    containers = [each for each in observed.containers if each.instance == instance]
    active = {each.role for each in containers if each.is_active}
    known = ESSENTIAL | {each.role for each in containers}
    running = tuple(role for role in STOP_ORDER if role in active)
    stopped = tuple(role for role in STOP_ORDER if role in known - active)
    has_network = any(each.instance == instance for each in observed.networks)
    if not containers and not has_network:
        return Left(instance, Fate.STOPPED)
    return Left(instance, Fate.HALF_STOPPED if stopped else Fate.STILL_RUNNING, running, stopped)


def in_words(left: Sequence[Left]) -> list[str]:
    """One phrase for each fate that an instance had, in the order of the fates."""
    by_fate = {fate: [str(each) for each in left if each.fate is fate] for fate in Fate}
    return [f"{fate}: {', '.join(names)}" for fate, names in by_fate.items() if names]


def hint_after_stop(left: Sequence[Left]) -> str:
    """The two ways on from a stop that was interrupted; empty where there is nothing to choose."""
    ids = " ".join(each.instance for each in left if each.fate is Fate.HALF_STOPPED)
    return f"`wb stop {ids}` goes on, `wb run {ids}` brings back what is stopped." if ids else ""


def _are(roles: Sequence[Role], one: str, several: str) -> str:
    return f"{' and '.join(roles)} {one if len(roles) == 1 else several}"
