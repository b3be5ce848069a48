"""Act on several instances: each under its lock, a few at a time, until a signal comes.

Every action that changes an instance passes through here.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol

from msgspec.structs import replace

from wb_cli.errors import ExitCode, UnexpectedError, WbError
from wb_cli.lifecycle import aftermath
from wb_cli.lifecycle.ended import Ended, R
from wb_cli.lifecycle.guard import far_lock
from wb_cli.lifecycle.guard.interrupts import InterruptedByUserError, interruptible
from wb_cli.lifecycle.guard.lock import locked
from wb_cli.lifecycle.options import AfterSignal
from wb_cli.lifecycle.record import history

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from wb_cli.engine.types import Observed
    from wb_cli.lifecycle.ended import ActionResult
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.guard.lock import Lock
    from wb_cli.lifecycle.options import RunOptions, Verb

UNDONE = "interrupted; what it had begun was undone"
UNFINISHED = "interrupted; what it had done stays"


class Progress(Protocol):
    """Is told what happens to each instance. Several threads call it."""

    def begin(self, instance: str, reasons: Sequence[str]) -> None:
        """The first change to an instance is about to be made."""

    def update(self, instance: str, text: str) -> None:
        """A step begins."""

    def tell(self, instance: str, text: str) -> None:
        """The work waits for somebody else, or is being undone."""

    def finish(self, ended: Ended[Any]) -> None:
        """The action on an instance has ended."""

    def answer(self, text: str) -> None:
        """Another signal came. The text says why the command goes on."""


class Batch(Generic[R]):
    """One action on several instances.

    Args:
        fleet: the engine, and where the locks lie.
        options: how the action was asked for.
        work: the action on one instance.
        progress: is told what happens.
    """

    def __init__(
        self,
        fleet: Fleet,
        options: RunOptions,
        work: Callable[[str, RunOptions], R],
        progress: Progress,
    ) -> None:
        self._fleet = fleet
        self._options = options
        self._work = work
        self._progress = progress
        self._begun: set[str] = set()
        self._left_alone: set[str] = set()

    def run(self, ids: Sequence[str], check: Callable[[str], None] | None = None) -> list[Ended[R]]:
        """Act on all instances; give how each ended, in the order of ``ids``.

        ``check`` is called for all before the first one is changed. Instances that fail it are left
        alone.

        Raises:
            InterruptedByUserError: a signal came. The error says what became of each instance.
        """
        ended: list[Ended[R]] = []
        try:
            with interruptible(make_answer(self._options.verb, self._progress)) as cancelled:
                ended = self.act(ids, cancelled, check)
        except InterruptedByUserError as interruption:
            say_what_became(interruption, self.judge(ids, ended))
            raise
        return ended

    def act(
        self,
        ids: Sequence[str],
        cancelled: threading.Event,
        check: Callable[[str], None] | None = None,
    ) -> list[Ended[R]]:
        """Act on all instances, as :meth:`run` does, until ``cancelled`` is set."""
        unfit = self._check(ids, check, cancelled) if check else []
        self._left_alone = {end.instance for end in unfit}
        fit = [instance for instance in ids if instance not in self._left_alone]
        ended = self._act_on_all(fit, cancelled)
        return sorted([*unfit, *ended], key=lambda end: ids.index(end.instance))

    def judge(self, ids: Sequence[str], ended: Iterable[Ended[R]]) -> list[aftermath.InstanceFate]:
        """Judge what became of each instance when a signal ended the work."""
        after, done = self._options.verb.after_signal, self._left_alone
        acted = [end for end in ended if end.instance not in done]
        return aftermath.judge(after, ids, acted, self._begun, self._observe)

    def _check(
        self, ids: Sequence[str], check: Callable[[str], None], cancelled: threading.Event
    ) -> list[Ended[R]]:
        """Give the instances that fail the check. A signal ends the checking early."""
        unfit: list[Ended[R]] = []
        for instance in ids:
            if cancelled.is_set():
                break
            try:
                check(instance)
            except WbError as error:
                unfit.append(Ended(instance, error=error))
                self._progress.finish(unfit[-1])
        return unfit

    def _act_on_all(self, ids: Sequence[str], cancelled: threading.Event) -> list[Ended[R]]:
        act = partial(self._act_on, cancelled)
        if len(ids) <= 1 or self._options.parallel <= 1:
            return [act(instance) for instance in ids]
        with ThreadPoolExecutor(self._options.parallel) as pool:
            return list(pool.map(act, ids))

    def _act_on(self, cancelled: threading.Event, instance: str) -> Ended[R]:
        """Act on one instance. An error there does not stop the others."""
        if self._options.dry_run:
            ended = self._try(cancelled, instance)
        else:
            with self._recorded(instance) as entry:
                ended = self._try(cancelled, instance)
                entry.exit_code, entry.result = ended.exit_code, ended.name
                entry.error = ended.error.headline if ended.error else ""
                entry.platform = getattr(ended.result, "platform", "")
        self._progress.finish(ended)
        return ended

    def _recorded(self, instance: str) -> AbstractContextManager[history.Entry]:
        """Write the command to the history that lies on the machine of the instance."""
        verb, elsewhere = self._options.verb, self._fleet.elsewhere
        if elsewhere:
            return history.written_by(
                partial(far_lock.add_to_history, elsewhere.outpost), instance, verb
            )
        return history.written(self._fleet.history, instance, verb)

    def _try(self, cancelled: threading.Event, instance: str) -> Ended[R]:
        ended: Ended[R]
        try:
            ended = Ended(instance, result=self._under_lock(instance, cancelled))
        except WbError as error:
            ended = Ended(instance, error=error)
        except InterruptedError:
            is_undone = self._options.verb.after_signal is AfterSignal.UNDO
            interrupted = WbError(UNDONE if is_undone else UNFINISHED)
            ended = Ended(instance, error=interrupted, is_interrupted=True)
        except Exception as error:  # noqa: BLE001  (a fault of wb itself does not stop the others)
            ended = Ended(instance, error=UnexpectedError(error))
        return ended

    def _under_lock(self, instance: str, cancelled: threading.Event) -> R:
        """Do the work on one instance under its lock. A dry run takes no lock."""
        report = partial(self._progress.update, instance)
        begin = partial(self._progress.begin, instance)
        tell = partial(self._progress.tell, instance)
        options = replace(self._options, report=report, begin=begin, tell=tell, cancelled=cancelled)
        if options.dry_run:
            return self._work(instance, options)
        command = f"wb {options.verb} {instance}"
        with held(self._fleet, options.verb.name_lock(instance), command, options) as lock:
            self._begun.add(instance)
            return self._work(instance, replace(options, left_by=lock.left_by))

    def _observe(self) -> Observed:
        """Ask the engine what it has. Work that needs no engine never comes to this."""
        return self._fleet.engine.observe()


def held(
    fleet: Fleet, name: str, command: str, options: RunOptions
) -> AbstractContextManager[Lock]:
    """Hold a lock where the instance is: here, or on the machine of its engine.

    Raises:
        LockedError: another command holds it.
        InterruptedError: a signal ended the wait.
    """
    waiting = (name, command, options.wait_s, options.cancelled, options.tell)
    if fleet.elsewhere:
        return far_lock.locked(fleet.elsewhere.outpost, *waiting)
    return locked(fleet.locks, *waiting)


def make_answer(verb: Verb, progress: Progress) -> Callable[[int], None]:
    """Make the answer to another signal. It says why the command goes on."""
    return lambda _number: progress.answer(f"{verb.after_signal}; Ctrl-C is heard")


def say_what_became(
    interruption: InterruptedByUserError, fates: Sequence[aftermath.InstanceFate]
) -> None:
    """Say in the error of a signal what became of each instance."""
    interruption.hint = aftermath.suggest(fates) or interruption.hint
    interruption.message = "; ".join([interruption.message, *aftermath.describe(fates)])
    interruption.left = [fate.as_document() for fate in fates]


def combine_exit_codes(endings: Iterable[ActionResult]) -> ExitCode:
    """Give one exit code for all: their common one, or PARTIAL if only some failed."""
    codes = {ended.exit_code for ended in endings}
    if len(codes) == 1:
        return codes.pop()
    if codes <= {ExitCode.OK, ExitCode.DEGRADED}:
        return ExitCode.DEGRADED
    return ExitCode.PARTIAL
