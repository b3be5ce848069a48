"""Act on several instances: each under its lock, a few at a time, until a signal comes.

Every action that changes an instance passes through here.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from wb_cli.errors import ExitCode, UnexpectedError, WbError
from wb_cli.lifecycle import aftermath
from wb_cli.lifecycle.guard.interrupts import InterruptedByUserError, interruptible
from wb_cli.lifecycle.guard.lock import locked
from wb_cli.lifecycle.options import Verb

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Sequence

    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions

INTERRUPTED = "interrupted; what it had begun was undone"


class ActionResult(Protocol):
    """The result of any action."""

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process if this were the only instance."""


R = TypeVar("R", bound=ActionResult)


class Ended(Struct, Generic[R], frozen=True):
    """How the action on one instance ended: with a result, or an error."""

    instance: str
    result: R | None = None
    error: WbError | None = None
    is_interrupted: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process if this were the only instance."""
        if self.error:
            return self.error.exit_code
        return self.result.exit_code if self.result else ExitCode.OK


class Progress(Protocol):
    """Is told what happens to each instance. Several threads call it."""

    def update(self, instance: str, text: str) -> None:
        """A step begins."""

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

    def run(self, ids: Sequence[str], check: Callable[[str], None] | None = None) -> list[Ended[R]]:
        """Act on all instances; give how each ended, in the order of ``ids``.

        ``check`` is called for all before the first one is changed. Instances that fail it are left
        alone.

        Raises:
            InterruptedByUserError: a signal came. The error says what became of each instance.
        """
        ended: list[Ended[R]] = []
        try:
            with interruptible(self._answer) as cancelled:
                unfit = self._check(ids, check, cancelled) if check else []
                left_alone = {end.instance for end in unfit}
                fit = [instance for instance in ids if instance not in left_alone]
                ended = self._act_on_all(fit, cancelled)
        except InterruptedByUserError as interruption:
            self._say_what_became(interruption, ids, ended)
            raise
        return sorted([*unfit, *ended], key=lambda end: ids.index(end.instance))

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
        return unfit

    def _act_on_all(self, ids: Sequence[str], cancelled: threading.Event) -> list[Ended[R]]:
        act = partial(self._act_on, cancelled)
        if len(ids) <= 1 or self._options.parallel <= 1:
            return [act(instance) for instance in ids]
        with ThreadPoolExecutor(self._options.parallel) as pool:
            return list(pool.map(act, ids))

    def _act_on(self, cancelled: threading.Event, instance: str) -> Ended[R]:
        """Act on one instance. An error there does not stop the others."""
        ended: Ended[R]
        try:
            ended = Ended(instance, result=self._under_lock(instance, cancelled))
        except WbError as error:
            ended = Ended(instance, error=error)
        except InterruptedError:
            ended = Ended(instance, error=WbError(INTERRUPTED), is_interrupted=True)
        except Exception as error:  # noqa: BLE001  (a fault of wb itself does not stop the others)
            ended = Ended(instance, error=UnexpectedError(error))
        self._progress.finish(ended)
        return ended

    def _under_lock(self, instance: str, cancelled: threading.Event) -> R:
        """Do the work on one instance under its lock. A dry run takes no lock."""
        report = partial(self._progress.update, instance)
        options = replace(self._options, report=report, cancelled=cancelled)
        if options.dry_run:
            return self._work(instance, options)
        command = f"wb {options.verb} {instance}"
        locks = self._fleet.locks
        with locked(locks, instance, command, options.wait_s, cancelled, report) as lock:
            self._begun.add(instance)
            return self._work(instance, replace(options, left_by=lock.left_by))

    def _answer(self, _number: int) -> None:
        """Tell the user why the command goes on after another signal."""
        if self._options.verb is Verb.REMOVE_DIRS:
            self._progress.answer("ending the removal at the next folder; Ctrl-C is heard")
            return
        is_undone = self._options.verb.is_undone
        doing = "undoing what was begun" if is_undone else "ending the step that was begun"
        self._progress.answer(
            f"{doing}: that takes as long as a container needs to stop; Ctrl-C is heard"
        )

    def _say_what_became(
        self,
        interruption: InterruptedByUserError,
        ids: Sequence[str],
        ended: Sequence[Ended[R]],
    ) -> None:
        if self._options.verb.is_undone:
            fates = aftermath.judge_after_start(ids, ended, self._begun)
        elif self._options.verb is Verb.REMOVE_DIRS:
            fates = aftermath.judge_after_removal(ids, ended, self._begun)
        else:
            fates = aftermath.judge_after_stop(ids, ended, self._begun, self._fleet.engine.observe)
            interruption.hint = aftermath.suggest_after_stop(fates) or interruption.hint
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
