"""The fate of each instance after a signal ended a command on several instances."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli.contract import STOP_ORDER, Part
from wb_cli.errors import WbError
from wb_cli.lifecycle.options import AfterSignal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from wb_cli.engine.types import Observed
    from wb_cli.lifecycle.ended import Ended

ESSENTIAL = {Part.PLATFORM, Part.POSTGRES, Part.VALKEY}


class Fate(StrEnum):
    """How the command left an instance. The value is shown in the output."""

    READY = "ready before"
    STOPPED = "stopped"
    REMOVED = "removed"
    DONE = "done before"
    HALF_STOPPED = "half stopped"
    STILL_RUNNING = "still running"
    UNDONE = "undone"
    FAILED = "failed"
    NOT_BEGUN = "not begun"
    UNKNOWN = "unknown"


class InstanceFate(Struct, frozen=True):
    """An instance and its fate. If it is half stopped, also which parts run and which do not."""

    instance: str
    fate: Fate
    running: tuple[Part, ...] = ()
    stopped: tuple[Part, ...] = ()
    reason: str = ""

    def __str__(self) -> str:
        if self.reason:
            return f"{self.instance} ({self.reason})"
        if self.fate is not Fate.HALF_STOPPED:
            return self.instance
        running = f"{_are(self.running, 'runs', 'run')}" if self.running else "nothing runs"
        return f"{self.instance} ({_are(self.stopped, 'is stopped', 'are stopped')}, {running})"

    def as_document(self) -> dict[str, Any]:
        """Give the fate for ``--json``."""
        return {
            "id": self.instance,
            "result": self.fate,
            "running": self.running,
            "stopped": self.stopped,
            "reason": self.reason,
        }


def judge(
    after: AfterSignal,
    ids: Sequence[str],
    done: Iterable[Ended[Any]],
    begun: Collection[str],
    observe: Callable[[], Observed],
) -> list[InstanceFate]:
    """Judge the fate of each instance. If a step was ended and not undone, the engine is asked."""
    ended = {end.instance: end for end in done}
    success, half_done = _RULES[after]
    return [
        _judge(instance, ended.get(instance), begun, success, partial(half_done, observe))
        for instance in ids
    ]


def _judge(
    instance: str,
    ended: Ended[Any] | None,
    begun: Collection[str],
    success: Fate,
    half_done: Callable[[str], InstanceFate],
) -> InstanceFate:
    if ended and ended.result:
        return InstanceFate(instance, success)
    if ended and ended.error and not ended.is_interrupted:
        return InstanceFate(instance, Fate.FAILED, reason=ended.error.message)
    return half_done(instance) if instance in begun else InstanceFate(instance, Fate.NOT_BEGUN)


def _call_undone(_: Callable[[], Observed], instance: str) -> InstanceFate:
    return InstanceFate(instance, Fate.UNDONE)


def _ask_engine(observe: Callable[[], Observed], instance: str) -> InstanceFate:
    try:
        return judge_half_stopped(instance, observe())
    except WbError as error:
        return InstanceFate(instance, Fate.UNKNOWN, reason=error.message)


def _call_not_begun(_: Callable[[], Observed], instance: str) -> InstanceFate:
    """What ended midway has an error, which says what is left. This one has none."""
    return InstanceFate(instance, Fate.NOT_BEGUN)


# The fate of an instance whose action ended well, and how to judge one that was interrupted.
_RULES = {
    AfterSignal.UNDO: (Fate.READY, _call_undone),
    AfterSignal.END_STEP: (Fate.STOPPED, _ask_engine),
    AfterSignal.END_FOLDER: (Fate.REMOVED, _call_not_begun),
    AfterSignal.GIVE_UP: (Fate.DONE, _call_not_begun),
    AfterSignal.END_REHEARSAL: (Fate.DONE, _call_not_begun),
    AfterSignal.END_REPAIR: (Fate.DONE, _call_not_begun),
    AfterSignal.END_INSTANCE: (Fate.DONE, _call_not_begun),
}


def judge_half_stopped(instance: str, observed: Observed) -> InstanceFate:
    """Judge how far an instance is stopped."""
    containers = [container for container in observed.containers if container.instance == instance]
    active = {container.part for container in containers if container.is_active}
    known = ESSENTIAL | {container.part for container in containers}
    running = tuple(part for part in STOP_ORDER if part in active)
    stopped = tuple(part for part in STOP_ORDER if part in known - active)
    has_network = any(network.instance == instance for network in observed.networks)
    if not containers and not has_network:
        return InstanceFate(instance, Fate.STOPPED)
    return InstanceFate(
        instance, Fate.HALF_STOPPED if stopped else Fate.STILL_RUNNING, running, stopped
    )


def describe(fates: Sequence[InstanceFate]) -> list[str]:
    """Give one phrase for each fate that occurs, in the order of the enum."""
    by_fate = {kind: [str(fate) for fate in fates if fate.fate is kind] for kind in Fate}
    return [f"{kind}: {', '.join(names)}" for kind, names in by_fate.items() if names]


def suggest(fates: Sequence[InstanceFate]) -> str:
    """Give the two ways to go on if instances are half stopped. Empty if none is."""
    ids = " ".join(fate.instance for fate in fates if fate.fate is Fate.HALF_STOPPED)
    return f"`wb stop {ids}` goes on, `wb run {ids}` brings back what is stopped." if ids else ""


def _are(parts: Sequence[Part], one: str, several: str) -> str:
    return f"{' and '.join(parts)} {one if len(parts) == 1 else several}"
