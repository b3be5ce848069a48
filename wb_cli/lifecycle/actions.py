"""run, stop, restart one instance: observe -> reconcile -> execute."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from wb_cli.contract import VALKEY_DATA, Role
from wb_cli.engine.types import put_in_brackets
from wb_cli.errors import ExitCode
from wb_cli.lifecycle import valkey_folder
from wb_cli.lifecycle.execute import Cancellation, Execution, Outcome
from wb_cli.lifecycle.guard.guests import guests_of, wait_for_guests
from wb_cli.lifecycle.guard.preflight import Preflight, refuse_foreign
from wb_cli.lifecycle.planning import persistence
from wb_cli.lifecycle.planning import plan as ops
from wb_cli.lifecycle.planning.desired import instance_path
from wb_cli.lifecycle.planning.observed_instance import ObservedInstance
from wb_cli.lifecycle.planning.plan import Plan
from wb_cli.lifecycle.planning.reconcile import plan_restart, plan_run, plan_stop
from wb_cli.lifecycle.readiness.health import reachable_address
from wb_cli.lifecycle.readiness.warmup import WarmUp, follow

if TYPE_CHECKING:
    from wb_cli.engine.types import Observed
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.guard.lock import Holder
    from wb_cli.lifecycle.options import RunOptions
    from wb_cli.lifecycle.planning.desired import Desired

# No stop is under way for longer: the largest Valkey has saved its snapshot by then.
STOP_AT_MOST_S = 3600.0
Planner = Callable[["Desired", ObservedInstance, str], Plan]


class Ending(StrEnum):
    """How an action on an instance ended. The value is what ``--json`` says."""

    PLANNED = "planned"
    READY = "ready"
    UNCHANGED = "unchanged"
    DEGRADED = "degraded"
    STOPPED = "stopped"
    NOT_RUNNING = "not running"


class Result(Struct, frozen=True):
    """What an action did: its plan, and how the instance stands.

    ``url`` is where it runs, ``warm_up`` how its cache was when the action ended.
    """

    ending: Ending
    plan: Plan
    outcome: Outcome
    seconds: float
    url: str = ""
    warm_up: WarmUp | None = None

    @property
    def exit_code(self) -> ExitCode:
        """What this instance alone would make the process say."""
        if self.outcome.killed:
            return ExitCode.FAILURE
        return ExitCode.DEGRADED if self.outcome.degraded else ExitCode.OK


def run(fleet: Fleet, instance: Instance, options: RunOptions) -> Result:
    """Bring an instance up as declared; nothing is done where it runs so already.

    Raises:
        PreflightError: something is in the way; nothing was changed.
        StartFailedError: a part exited; what this run made was undone.
        StillStartingError: not ready in time; left running.
    """
    return _bring_up(fleet, instance, options, plan_run)


def restart(fleet: Fleet, instance: Instance, options: RunOptions) -> Result:
    """Check what a start needs, then stop and start an instance, applying what changed.

    Raises: as :func:`run`; a restart that fails brings the old containers back.
    """
    return _bring_up(fleet, instance, options, plan_restart)


def stop(fleet: Fleet, instance_id: str, options: RunOptions, *, force: bool = False) -> Result:
    """Stop and remove what the engine has of an instance, found by label.

    Others that use its network or its sandbox are waited for, or stopped first with ``force``.

    Raises:
        PreflightError: a container that is not wb's bears one of its names.
        GuestsError: others still used it when the time was over; nothing was changed.
    """
    began = time.monotonic()
    if force or options.dry_run:
        observed = fleet.engine.observe()
    else:
        deadline = began + options.timeout_s
        observed = wait_for_guests(
            fleet.engine, instance_id, deadline, options.report, options.cancelled
        )
    refuse_foreign(instance_id, observed, str(fleet.settings.servers_file))
    current = fleet.look_up(instance_id, observed)
    guests = guests_of(instance_id, observed) if force else ()
    plan = plan_stop(instance_id, current, guests)
    if options.dry_run:
        return Result(Ending.PLANNED, plan, Outcome(), 0)
    execution = _execution(fleet, instance_id, current, options, guests=guests)
    outcome = execution.run(plan, undo=False)
    ending = Ending.NOT_RUNNING if plan.is_empty else Ending.STOPPED
    return Result(ending, plan, outcome, time.monotonic() - began)


def check(fleet: Fleet, instance: Instance) -> None:
    """Raise what would keep an instance from starting; change nothing."""
    _survey(fleet, instance, fleet.engine.observe(), create_secrets=False)


def _survey(
    fleet: Fleet, instance: Instance, observed: Observed, *, create_secrets: bool
) -> tuple[Desired, ObservedInstance]:
    """What an instance should be, and what the engine has of it.

    Raises:
        PreflightError: something is in the way of a start.
    """
    wanted = fleet.desired(instance, create_secrets=create_secrets)
    current = fleet.inspect(instance.id, observed, {spec.image for spec in wanted.containers})
    Preflight(instance, fleet.settings, wanted, observed, current, fleet.engine.is_local).check()
    return wanted, current


def _bring_up(fleet: Fleet, instance: Instance, options: RunOptions, planner: Planner) -> Result:
    began = time.monotonic()
    options.report("checking")
    observed = _observe(fleet, instance.id, options)
    wanted, current = _survey(fleet, instance, observed, create_secrets=not options.dry_run)
    subnets = fleet.subnets(observed)
    plan = planner(
        wanted,
        persistence.without_carrier(current),
        "" if current.networks else next(subnets),
    )
    kept = _kept(fleet, instance) if persistence.is_started(plan, wanted) else None
    plan = persistence.carried_over(plan, wanted, current, kept)
    if options.dry_run:
        return Result(Ending.PLANNED, plan, Outcome(), 0, url(wanted))
    execution = _execution(fleet, instance.id, current, options, subnets=subnets)
    outcome = execution.run(plan, undo=True)
    seconds = time.monotonic() - began
    warm_up = _warm_up(plan, wanted, options)
    return Result(_ending(plan, outcome), plan, outcome, seconds, url(wanted), warm_up)


def _ending(plan: Plan, outcome: Outcome) -> Ending:
    if outcome.degraded:
        return Ending.DEGRADED
    return Ending.UNCHANGED if plan.is_empty and not outcome.revived else Ending.READY


def _observe(fleet: Fleet, instance_id: str, options: RunOptions) -> Observed:
    """What the engine has.

    Where a command died and the engine has forgotten its events since, each part that runs counts
    as one that is being stopped: the stop that the dead command asked for may come true later.
    """
    observed = fleet.engine.observe()
    if not options.left_by or not _may_go_on(fleet, options.left_by):
        return observed
    containers = tuple(
        replace(each, is_stopping=each.is_running) if each.instance == instance_id else each
        for each in observed.containers
    )
    return replace(observed, containers=containers)


def _may_go_on(fleet: Fleet, dead: Holder) -> bool:
    """Whether a stop that a dead command asked for may be under way without an event to tell."""
    began = dead.began
    is_recent = began is not None and time.time() - began < STOP_AT_MOST_S
    return is_recent and not fleet.engine.remembers(began or 0)


def _kept(fleet: Fleet, instance: Instance) -> persistence.Kept | None:
    """What lies in Valkey's folder, where that is on this machine."""
    if not fleet.engine.is_local:
        return None
    return valkey_folder.look(instance_path(instance, fleet.settings) / VALKEY_DATA)


def _warm_up(plan: Plan, wanted: Desired, options: RunOptions) -> WarmUp | None:
    """Follow the cache of a platform that this plan started."""
    platform = wanted.container(Role.PLATFORM)
    if not platform or not platform.ports or ops.Start(platform) not in plan.operations:
        return None
    host, port = reachable_address(platform.ports[0])
    return follow(host, port, options.report, options.cancelled)


def _execution(
    fleet: Fleet,
    instance_id: str,
    current: ObservedInstance,
    options: RunOptions,
    **particulars: Any,
) -> Execution:
    return Execution(
        engine=fleet.engine,
        before=current,
        look=lambda: fleet.inspect(instance_id, fleet.engine.observe(), set()),
        timeout_s=options.timeout_s,
        report=options.report,
        cancelled=Cancellation(options.cancelled),
        **particulars,
    )


def url(wanted: Desired) -> str:
    """Where the platform is reached from this host."""
    platform = wanted.container(Role.PLATFORM)
    if not platform or not platform.ports:
        return ""
    host, port = reachable_address(platform.ports[0])
    return f"http://{put_in_brackets(host)}:{port}"
