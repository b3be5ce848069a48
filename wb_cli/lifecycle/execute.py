"""Do: carry out a Plan on an Engine, with a deadline, and undo it if it fails. Decide nothing."""

from __future__ import annotations

import threading
import time
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import TYPE_CHECKING, TypeGuard

from msgspec import Struct, field
from msgspec.structs import replace

from wb_cli.contract import SPARE_PARTS, STOP_TIMEOUTS, VALKEY_START_GRACE_S, Part
from wb_cli.engine.types import RestartPolicy
from wb_cli.errors import (
    AddressPoolError,
    EngineError,
    EngineUnreachableError,
    NotFoundError,
    StartFailedError,
    StillStartingError,
    WbError,
)
from wb_cli.lifecycle.carrying.carry import CarryError, carry_over, save
from wb_cli.lifecycle.guard.writers import DataFolder, start_alone
from wb_cli.lifecycle.planning import plan as ops
from wb_cli.lifecycle.planning.observed_instance import part_of
from wb_cli.lifecycle.planning.plan import Lane
from wb_cli.lifecycle.planning.undo import plan_undo
from wb_cli.lifecycle.readiness.health import CLEAN_ENDS, LAST_LINES_FOLLOW, Watch
from wb_cli.lifecycle.record.black_box import is_called_unhealthy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from wb_cli.engine.base import Engine
    from wb_cli.engine.docker.keeping import Kept
    from wb_cli.engine.types import ContainerSpec, NetworkSpec, ObservedContainer
    from wb_cli.lifecycle.machine.base import Machine
    from wb_cli.lifecycle.planning.observed_instance import ObservedInstance
    from wb_cli.lifecycle.planning.plan import Operation, Plan, Stage
    from wb_cli.lifecycle.record.black_box import BlackBox

KILLED = 137  # the exit code of a process that the engine had to kill


class Cancellation(threading.Event):
    """An event that also counts as set if its parent is set.

    A lane that fails sets the event itself. The user's signal sets the parent.
    """

    def __init__(self, parent: threading.Event | None = None) -> None:
        super().__init__()
        self._parent = parent

    def is_set(self) -> bool:
        """Whether this event or its parent is set."""
        return super().is_set() or (self._parent is not None and self._parent.is_set())

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for this event. Keep the wait short: the parent is checked only at its end."""
        return super().wait(timeout) or self.is_set()


class Outcome(Struct):
    """The outcome of a plan.

    ``degraded`` says which parts are missing although the instance runs. ``killed`` says which
    parts had to be killed. ``revived`` names the parts that others stopped meanwhile and that were
    started again. ``subnet`` is the range of a network that was made. ``away_s`` is how long the
    platform was away, if it was stopped and is ready again. ``site_written`` says that the
    instance's nginx site was written anew.
    """

    degraded: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    revived: list[str] = field(default_factory=list)
    subnet: str = ""
    away_s: float | None = None
    site_written: bool = False


class Execution(Struct):
    """The execution of one plan.

    ``machine`` is that of the engine; ``None`` if it cannot be looked at.
    ``before`` is the instance as it was when the plan was made; ``look`` observes it anew. All
    parts must be ready ``timeout_s`` seconds after the first start. ``subnets`` gives further
    subnets, in case another network has taken the first one meanwhile. ``black_box`` keeps what
    ended badly before it is removed. With ``undoes_late``, what is not ready in time has failed.

    ``present`` is the instance as it is, if an earlier command was interrupted and ``before`` is
    how it was before that. ``kept`` is what the earlier command kept of the containers that are
    gone.
    """

    engine: Engine
    black_box: BlackBox
    before: ObservedInstance
    look: Callable[[], ObservedInstance]
    timeout_s: float
    report: Callable[[str], None]
    tell: Callable[[str], None] = lambda _: None
    subnets: Iterator[str] = field(default_factory=lambda: iter(()))
    cancelled: Cancellation = field(default_factory=Cancellation)
    guests: tuple[ObservedContainer, ...] = ()
    undoes_late: bool = False
    machine: Machine | None = None
    outcome: Outcome = field(default_factory=Outcome)
    present: ObservedInstance | None = None
    kept: dict[str, Kept] = field(default_factory=dict)
    _ids: dict[str, str] = field(default_factory=dict)
    _network: str = ""
    _deadline: float | None = None
    _keeps: bool = False
    _stopped_at: float | None = None
    _carried: ops.CarryOver | None = None
    _started: set[str] = field(default_factory=set)
    _bad_ends: dict[str, str] = field(default_factory=dict)
    _not_ready: dict[str, WbError] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._bind(self.present or self.before)
        self._ids |= {guest.name: guest.id for guest in self.guests}

    def _bind(self, current: ObservedInstance) -> None:
        """Bind the names in the plan to the ids of the containers that have them now."""
        self._ids = {container.name: container.id for container in current.containers}
        self._network = current.network

    def run(self, plan: Plan, *, undo: bool) -> Outcome:
        """Carry out a plan. If it fails and ``undo`` is set, undo what this run did.

        Raises:
            StillStartingError: a part was not ready by the deadline. Everything was left running.
            StartFailedError: a part ended, or was not ready and ``undoes_late`` is set. It was
                undone.
            WbError: something went wrong. It was undone.
        """
        self._keeps = undo
        try:
            for stage in plan.stages:
                self._run_stage(stage)
        except StillStartingError as error:
            if undo and self.undoes_late:
                failed = StartFailedError(
                    f"not ready within {self.timeout_s:g} s: {error.message}",
                    "It was undone. `--timeout 5m` gives it more time.",
                )
                self._undo_after(failed)
                raise failed from error.__cause__
            raise _name_the_rest(error, plan, self._started) from error.__cause__
        except Exception as error:
            if undo:
                self._undo_after(error)
            raise
        self._clean_up(plan.cleanup)
        self._run_stage(
            tuple(Lane(spec.part, "check", (ops.Await(spec),)) for spec in plan.untouched)
        )
        return self.outcome

    def _clean_up(self, stage: Stage) -> None:
        """Run the clean-up without interruption, because what it removes cannot be brought back."""
        interruption, self.cancelled = self.cancelled, Cancellation()
        try:
            self._run_stage(stage)
        finally:
            self.cancelled = interruption

    def _run_stage(self, stage: Stage) -> None:
        if len(stage) <= 1:
            for lane in stage:
                self._run_lane(lane)
            return
        with ThreadPoolExecutor(len(stage)) as pool:
            lanes = [pool.submit(self._run_lane, lane) for lane in stage]
            wait(lanes, return_when=FIRST_EXCEPTION)
            if any(lane.done() and _is_fatal(lane.exception()) for lane in lanes):
                self.cancelled.set()
        _raise_first(lane.exception() for lane in lanes)

    def _run_lane(self, lane: Lane) -> None:
        for operation in lane.operations:
            if self.cancelled.is_set():
                raise InterruptedError(str(operation))
            self.report(str(operation))
            self._do(operation)

    def _do(self, operation: Operation) -> None:
        try:
            self._apply(operation)
        except WbError as error:
            self._keep_failed_start(operation, error)
            is_bearable = isinstance(error, StartFailedError | StillStartingError | CarryError)
            if not is_bearable or not self._runs_without(operation):
                raise
            # Neither the cache nor the receiver of WAL breaks an instance, so it runs on.
            self.outcome.degraded.append(error.message)
            self._not_ready[operation.spec.name] = error

    def _keep_failed_start(self, operation: Operation, error: WbError) -> None:
        """Keep what a container said that failed to start, as undoing removes it."""
        is_late = self.undoes_late and isinstance(error, StillStartingError)
        is_failure = is_late or isinstance(error, StartFailedError | EngineError)
        if is_failure and isinstance(operation, ops.Start | ops.Await):
            reason = error.headline.removesuffix(LAST_LINES_FOLLOW)
            self.black_box.keep(self._ids[operation.spec.name], reason)

    def _runs_without(self, operation: Operation) -> TypeGuard[ops.Await | ops.CarryOver]:
        """Whether the instance runs on without the part of an operation that failed.

        If Valkey's files cannot be carried over while an old Valkey serves, the plan fails instead.
        Then the old Valkey is brought back. It still finds its data.
        """
        if isinstance(operation, ops.CarryOver):
            return not any(
                container.part is Part.VALKEY and container.is_active
                for container in self.before.containers
            )
        return isinstance(operation, ops.Await) and operation.spec.part in SPARE_PARTS

    def _apply(self, operation: Operation) -> None:  # noqa: C901  (a case for each kind)
        engine, ids = self.engine, self._ids
        match operation:
            case ops.CreateNetwork(spec):
                self._create_network(spec)
            case ops.RemoveNetwork(network):
                engine.remove_network(network)
            case ops.Create(spec):
                ids[spec.name] = engine.create_container(spec, self._network)
            case ops.Save(name):
                save(engine, ids[name], operation, self.cancelled)
            case ops.CarryOver():
                self._carry_over(operation)
            case ops.Start(spec) if spec.name not in self._not_ready:
                self._start(spec)
            case ops.Await(spec) if spec.name not in self._not_ready:
                self._await(spec)
            case ops.SetRestartPolicy(name, policy) if not self._has_failed(name):
                engine.set_restart_policy(ids[name], policy)
            case ops.Stop():
                self._stop(operation)
            case ops.Rename(name, to):
                self._rename(name, to)
            case ops.Remove(name, successor) if successor not in self._not_ready:
                self._remove(name)

    def _has_failed(self, name: str) -> bool:
        """Whether a container failed. Then it stays down, so that the operator can look at it.

        A container that is only slow has not failed. It is supervised like the others.
        """
        return isinstance(self._not_ready.get(name), StartFailedError | CarryError)

    def _create_network(self, spec: NetworkSpec) -> None:
        """Create the network. If its subnet was taken meanwhile, try the next one."""
        try:
            self._network = self.engine.create_network(spec)
            self.outcome.subnet = spec.subnet
        except AddressPoolError:
            self._create_network(replace(spec, subnet=next(self.subnets)))

    def _start(self, spec: ContainerSpec) -> None:
        self._started.add(spec.name)
        with self._lock:
            self._deadline = self._deadline or time.monotonic() + self.timeout_s
        folder = DataFolder(spec.instance, spec.part, spec.data_folder)
        container = self._ids[spec.name]
        start_alone(self.engine, container, folder, self.cancelled, self.machine)

    def _apply_back(self, operation: Operation) -> None:
        match operation:
            case ops.StartAgain(container) if container.name not in self._not_ready:
                self._start_again(container)
            case ops.CarryOver():
                self._carry_back(operation)
            case ops.MakeAgain(container):
                kept = self.kept[container.name]
                self._ids[container.name] = self.engine.make_again(kept, self._network)
            case _:
                self._apply(operation)

    def _carry_back(self, operation: ops.CarryOver) -> None:
        """Change the form of Valkey's files back. If that fails, the old Valkey stays down.

        It would not find its data in the new form.
        """
        try:
            carry_over(self.engine, operation, self._network, self.cancelled, self.machine)
        except WbError as error:
            name = operation.spec.name
            self._not_ready[name] = error
            with suppress(WbError, KeyError):  # so that the engine does not start it, either
                self.engine.set_restart_policy(self._ids[name], RestartPolicy.NO)
            raise

    def _start_again(self, container: ObservedContainer) -> None:
        made_again = self._ids.get(container.name) if container.name in self.kept else None
        folder = DataFolder(container.instance or "", part_of(container), container.data_folder)
        start_alone(self.engine, made_again or container.id, folder, machine=self.machine)

    def _await(self, spec: ContainerSpec) -> None:
        """Wait until a part is ready.

        A part that this plan did not start may end meanwhile, because another command was stopping
        it. Such a part is started once.
        """
        try:
            self._watch(spec).wait_until_ready()
        except StartFailedError as error:
            if not error.ended_cleanly or spec.name in self._started:
                raise
            self._start_once(spec)
            self._watch(spec).wait_until_ready()
        if spec.part is Part.PLATFORM and self._stopped_at is not None:
            self.outcome.away_s = time.monotonic() - self._stopped_at

    def _start_once(self, spec: ContainerSpec) -> None:
        self.tell(f"starting {spec.name}, which was stopped meanwhile")
        self.outcome.revived.append(spec.name)
        if spec.auto_remove:
            self._ids[spec.name] = self.engine.create_container(spec, self._network)
        self._start(spec)

    def _watch(self, spec: ContainerSpec) -> Watch:
        now = time.monotonic()
        deadline = self._deadline or now + self.timeout_s
        if spec.part in SPARE_PARTS:
            deadline = min(deadline, now + VALKEY_START_GRACE_S)
        container = self._ids[spec.name]
        return Watch(self.engine, container, spec, deadline, self.cancelled, self.machine)

    def _stop(self, operation: ops.Stop) -> None:
        """Stop a container. The time that this takes does not count as time for starting."""
        container, began = self._ids[operation.name], time.monotonic()
        if operation.part is Part.PLATFORM and self._stopped_at is None:
            self._stopped_at = began
        old = {known.id: known for known in self.before.containers}.get(container)
        if old and is_called_unhealthy(old):
            self.black_box.keep(container, "the health check of its image called it unhealthy")
        remains = None
        if self._keeps and operation.is_auto_removed:
            with suppress(NotFoundError):
                self.kept[operation.name] = self.engine.keep(container)
            remains = self.black_box.read(container)
        code = self.engine.stop(container, operation.timeout)
        if code == KILLED:
            self.outcome.killed.append(_describe_kill(operation))
        elif code is None:
            self._bad_ends[container] = ""  # it may have ended by itself a moment ago
        elif code not in CLEAN_ENDS:
            self._bad_ends[container] = f"it ended with code {code} when it was told to stop"
        if remains and code is not None and (reason := self._bad_ends.get(container)):
            self.black_box.keep_read(remains, code, reason)
        self._give_back(time.monotonic() - began)

    def _carry_over(self, operation: ops.CarryOver) -> None:
        """Change the form of Valkey's files. This does not count as time for starting, either."""
        began = time.monotonic()
        self._carried = operation
        carry_over(self.engine, operation, self._network, self.cancelled, self.machine)
        self._give_back(time.monotonic() - began)

    def _give_back(self, seconds: float) -> None:
        """Move the deadline of the starts by the time that something else took."""
        with self._lock:
            if self._deadline:
                self._deadline += seconds

    def _rename(self, name: str, to: str) -> None:
        self.engine.rename(self._ids[name], to)
        self._ids[to] = self._ids.pop(name)

    def _remove(self, name: str) -> None:
        """Remove a container.

        A container that was set aside may have been started by hand meanwhile. The engine then
        refuses to remove it, so it is stopped first.
        """
        container = self._ids[name]
        if (reason := self._bad_ends.get(container)) is not None:
            self.black_box.keep(container, reason)
        try:
            self.engine.remove_container(container)
        except EngineError:
            now = {observed.id: observed for observed in self.look().containers}
            if container not in now or not now[container].is_active:
                raise
            self.engine.stop(container, STOP_TIMEOUTS[part_of(now[container])])
            self.engine.remove_container(container)
        self._ids.pop(name)

    def _undo_after(self, error: Exception) -> None:
        """Undo what this run did, and add to the error what could not be undone."""
        self.tell("undoing what was begun")
        problems = self._undo()
        if not problems:
            return
        left = "; not undone: " + "; ".join(problems)
        if isinstance(error, InterruptedError):
            raise WbError(f"interrupted{left}") from error
        if isinstance(error, WbError):
            error.message += left

    def _undo(self) -> list[str]:
        """Undo according to what the engine has now. Give what could not be undone."""
        self.cancelled, problems = Cancellation(), []  # undoing is not interrupted
        try:
            now = self.look()
            self._bind(now)
            for operation in plan_undo(self.before, now, self.kept, self._carried):
                try:
                    self._apply_back(operation)
                except EngineUnreachableError:
                    raise
                except WbError as problem:
                    problems.append(f"{operation}: {problem.message}")
        except EngineUnreachableError:
            problems.append("the rest, which the next run finds and finishes")
        return problems


def _name_the_rest(error: StillStartingError, plan: Plan, started: set[str]) -> StillStartingError:
    """Add to an error the parts that were not started yet."""
    starts = (operation for operation in plan.operations if isinstance(operation, ops.Start))
    waiting = [start.spec.name for start in starts if start.spec.name not in started]
    if not waiting:
        return error
    return StillStartingError(
        f"{error.message}; not started yet: {', '.join(waiting)}",
        f"What runs was left running. `wb run {plan.instance}` goes on with the rest.",
    )


def _is_fatal(error: BaseException | None) -> bool:
    return error is not None and not isinstance(error, StillStartingError)


def _raise_first(errors: Iterable[BaseException | None]) -> None:
    """Raise the error that ended the stage, if there is one.

    A failure goes before slowness, because it may be the cause. A cancelled lane comes last.
    """
    raised = sorted((error for error in errors if error), key=_weigh)
    if raised:
        raise raised[0]


def _weigh(error: BaseException) -> int:
    return 2 if isinstance(error, InterruptedError) else int(not _is_fatal(error))


def _describe_kill(operation: ops.Stop) -> str:
    loss = " Its last snapshot may be missing." if operation.part is Part.VALKEY else ""
    return f"{operation.name} did not stop within {operation.timeout} s and was killed.{loss}"
