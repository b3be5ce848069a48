"""Do: a Plan against an Engine, with a deadline, and undone where it fails. Decides nothing."""

from __future__ import annotations

import threading
import time
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from wb_cli.contract import VALKEY_START_GRACE_S, Role
from wb_cli.errors import (
    AddressPoolError,
    EngineUnreachableError,
    StartFailedError,
    StillStartingError,
    WbError,
)
from wb_cli.lifecycle import plan as ops
from wb_cli.lifecycle.health import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import ContainerSpec, NetworkSpec
    from wb_cli.lifecycle.plan import Lane, Operation, Plan, Stage

KILLED = 137


class Cancellation(threading.Event):
    """An event that is also set whenever its parent is: a lane's failure, or the user's signal."""

    def __init__(self, parent: threading.Event | None = None) -> None:
        super().__init__()
        self._parent = parent

    def is_set(self) -> bool:
        """Whether this one or its parent is set."""
        return super().is_set() or (self._parent is not None and self._parent.is_set())

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for this one; meant for short waits, after which the parent is looked at."""
        return super().wait(timeout) or self.is_set()


class Outcome(Struct):
    """What came of a plan: what is missing though the instance runs, and what ended badly.

    ``subnet`` is the range of the network that was made, where one was.
    """

    degraded: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    subnet: str = ""


class Execution(Struct):
    """One plan being carried out.

    ``containers`` binds names to ids, and ``network`` is the id of the instance's network, as far
    as they exist. ``subnets`` gives further subnets where the first is taken meanwhile.
    """

    engine: Engine
    containers: dict[str, str]
    network: str
    deadline: float
    report: Callable[[str], None]
    subnets: Iterator[str] = field(default_factory=lambda: iter(()))
    cancelled: Cancellation = field(default_factory=Cancellation)
    outcome: Outcome = field(default_factory=Outcome)
    _done: list[Operation] = field(default_factory=list)
    _not_ready: dict[str, WbError] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, plan: Plan, *, undo: bool) -> Outcome:
        """Carry out a plan; where it fails, undo what this run did if ``undo``, then raise.

        Raises:
            StillStartingError: not ready by the deadline; everything was left running.
            WbError: what went wrong, after undoing.
        """
        try:
            for stage in plan.stages:
                self._run_stage(stage)
        except StillStartingError:
            raise
        except Exception as error:
            if undo:
                self._undo_after(error)
            raise
        self._clean_up(plan.cleanup)
        return self.outcome

    def _clean_up(self, stage: Stage) -> None:
        """Not to be interrupted, nor undone: what it removes does not come back."""
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
        except (StartFailedError, StillStartingError) as error:
            if not isinstance(operation, ops.Await) or operation.spec.role is not Role.VALKEY:
                raise
            # The cache never breaks an instance: it runs on without.
            self.outcome.degraded.append(error.message)
            self._not_ready[operation.spec.name] = error
        finally:
            with self._lock:
                self._done.append(operation)

    def _apply(self, operation: Operation) -> None:
        engine, ids = self.engine, self.containers
        match operation:
            case ops.CreateNetwork(spec):
                self._create_network(spec)
            case ops.RemoveNetwork(network):
                engine.remove_network(network)
            case ops.Create(spec):
                ids[spec.name] = engine.create_container(spec, self.network)
            case ops.Start(spec):
                engine.start(ids[spec.name])
            case ops.Await(spec):
                self._watch(spec).until_ready()
            case ops.SetRestartPolicy(name, policy) if not self._has_failed(name):
                engine.set_restart_policy(ids[name], policy)
            case ops.Stop():
                self._stop(operation)
            case ops.Rename(name, to):
                self._rename(name, to)
            case ops.Remove(name, successor) if successor not in self._not_ready:
                engine.remove_container(ids[name])
                ids.pop(name)

    def _has_failed(self, name: str) -> bool:
        """What failed stays down to be looked at; what is slow is supervised like the rest."""
        return isinstance(self._not_ready.get(name), StartFailedError)

    def _create_network(self, spec: NetworkSpec) -> None:
        """Where somebody took the subnet since we looked, the next one is tried."""
        try:
            self.network = self.engine.create_network(spec)
            self.outcome.subnet = spec.subnet
        except AddressPoolError:
            self._create_network(replace(spec, subnet=next(self.subnets)))

    def _watch(self, spec: ContainerSpec) -> Watch:
        deadline = self.deadline
        if spec.role is Role.VALKEY:
            deadline = min(deadline, time.monotonic() + VALKEY_START_GRACE_S)
        return Watch(self.engine, self.containers[spec.name], spec, deadline, self.cancelled)

    def _stop(self, operation: ops.Stop) -> None:
        code = self.engine.stop(self.containers[operation.name], operation.timeout)
        if code == KILLED:
            self.outcome.killed.append(_killed(operation))

    def _rename(self, name: str, to: str) -> None:
        self.engine.rename(self.containers[name], to)
        self.containers[to] = self.containers.pop(name)

    def _undo_after(self, error: Exception) -> None:
        """Bring back what was there before; what fails on the way is named."""
        self.report("undo")
        failed = []
        for operation in reversed(self._done):
            try:
                self._undo(operation)
            except EngineUnreachableError:
                failed.append("the rest, which the next run finds and finishes")
                break
            except WbError as problem:
                failed.append(f"{operation}: {problem.message}")
        if not failed:
            return
        words = "; not undone: " + "; ".join(failed)
        if isinstance(error, InterruptedError):
            raise WbError(f"interrupted{words}") from error
        if isinstance(error, WbError):
            error.message += words

    def _undo(self, operation: Operation) -> None:
        match operation:
            case ops.CreateNetwork() if self.network:
                self.engine.remove_network(self.network)
            case ops.Create(spec) if spec.name in self.containers:
                self.engine.remove_container(self.containers.pop(spec.name))
            case ops.Start(spec) if spec.name in self.containers:
                self.engine.stop(self.containers[spec.name], spec.stop_timeout)
            case ops.Rename(name, to) if to in self.containers:
                self._rename(to, name)
            case ops.SetRestartPolicy(name, policy) if name in self.containers:
                before = "no" if policy == "always" else "always"
                self.engine.set_restart_policy(self.containers[name], before)
            case ops.Stop(name, is_up=True) if name in self.containers:
                self.engine.start(self.containers[name])
            case _:
                pass


def _is_fatal(error: BaseException | None) -> bool:
    return error is not None and not isinstance(error, StillStartingError)


def _raise_first(errors: Iterable[BaseException | None]) -> None:
    """The error that ended the stage: a failure before mere slowness, a cancelled lane last."""
    found = sorted((e for e in errors if e), key=_weight)
    if found:
        raise found[0]


def _weight(error: BaseException) -> int:
    return 2 if isinstance(error, InterruptedError) else int(not _is_fatal(error))


def _killed(operation: ops.Stop) -> str:
    loss = " Its last snapshot may be missing." if operation.role is Role.VALKEY else ""
    return f"{operation.name} did not stop within {operation.timeout} s and was killed.{loss}"
