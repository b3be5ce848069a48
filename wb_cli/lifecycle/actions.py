"""Run, stop or restart one instance: observe -> reconcile -> execute."""

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
from wb_cli.lifecycle.guard.guests import find_guests, wait_for_guests
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

# No stop takes longer than this: the largest Valkey has saved its snapshot by then.
STOP_AT_MOST_S = 3600.0
Planner = Callable[["Desired", ObservedInstance, str], Plan]


class Ending(StrEnum):
    """How an action on an instance ended. The value is shown in ``--json``."""

    PLANNED = "planned"
    READY = "ready"
    UNCHANGED = "unchanged"
    DEGRADED = "degraded"
    STOPPED = "stopped"
    NOT_RUNNING = "not running"


class Result(Struct, frozen=True):
    """The result of an action.

    ``url`` is the platform's address, ``warm_up`` the state of its cache when the action ended.
    """

    ending: Ending
    plan: Plan
    outcome: Outcome
    seconds: float
    url: str = ""
    warm_up: WarmUp | None = None

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process if this were the only instance."""
        if self.outcome.killed:
            return ExitCode.FAILURE
        return ExitCode.DEGRADED if self.outcome.degraded else ExitCode.OK


def run(fleet: Fleet, instance: Instance, options: RunOptions) -> Result:
    """Bring an instance up as declared. Do nothing if it already runs as declared.

    Raises:
        PreflightError: something is in the way. Nothing was changed.
        StartFailedError: a part exited. What this run made was undone.
        StillStartingError: a part was not ready in time. It was left running.
    """
    return _bring_up(fleet, instance, options, plan_run)


def restart(fleet: Fleet, instance: Instance, options: RunOptions) -> Result:
    """Check what a start needs, then stop an instance and start it with all changes applied.

    Raises: as :func:`run`. A restart that fails brings the old containers back.
    """
    return _bring_up(fleet, instance, options, plan_restart)


def stop(fleet: Fleet, instance_id: str, options: RunOptions, *, force: bool = False) -> Result:
    """Stop and remove all containers and networks of an instance.

    Other containers that use its network or its sandbox are waited for. With ``force`` they are
    stopped first.

    Raises:
        PreflightError: a container that is not wb's has one of the instance's names.
        GuestsError: other containers still used it when the time was over. Nothing was changed.
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
    guests = find_guests(instance_id, observed) if force else ()
    plan = plan_stop(instance_id, current, guests)
    if options.dry_run:
        return Result(Ending.PLANNED, plan, Outcome(), 0)
    execution = _prepare(fleet, instance_id, current, options, guests=guests)
    outcome = execution.run(plan, undo=False)
    ending = Ending.NOT_RUNNING if plan.is_empty else Ending.STOPPED
    return Result(ending, plan, outcome, time.monotonic() - began)


def check(fleet: Fleet, instance: Instance) -> None:
    """Raise an error if an instance could not start. Change nothing."""
    _survey(fleet, instance, fleet.engine.observe(), create_secrets=False)


def _survey(
    fleet: Fleet, instance: Instance, observed: Observed, *, create_secrets: bool
) -> tuple[Desired, ObservedInstance]:
    """Describe what an instance should be, inspect what it is, and check that it could start.

    Raises:
        PreflightError: something is in the way of a start.
    """
    wanted = fleet.describe(instance, create_secrets=create_secrets)
    current = fleet.inspect(instance.id, observed, {spec.image for spec in wanted.containers})
    Preflight(instance, fleet.settings, wanted, observed, current, fleet.engine.is_local).check()
    return wanted, current


def _bring_up(fleet: Fleet, instance: Instance, options: RunOptions, planner: Planner) -> Result:
    began = time.monotonic()
    options.report("checking")
    observed = _observe(fleet, instance.id, options)
    wanted, current = _survey(fleet, instance, observed, create_secrets=not options.dry_run)
    subnets = fleet.find_subnets(observed)
    plan = planner(
        wanted,
        persistence.drop_carrier(current),
        "" if current.networks else next(subnets),
    )
    starts_valkey = persistence.has_start_of_valkey(plan, wanted)
    files = _look_at_valkey_files(fleet, instance) if starts_valkey else None
    plan = persistence.add_carry_over(plan, wanted, current, files)
    if options.dry_run:
        return Result(Ending.PLANNED, plan, Outcome(), 0, build_url(wanted))
    execution = _prepare(fleet, instance.id, current, options, subnets=subnets)
    outcome = execution.run(plan, undo=True)
    seconds = time.monotonic() - began
    warm_up = _follow_warm_up(plan, wanted, options)
    return Result(_name_ending(plan, outcome), plan, outcome, seconds, build_url(wanted), warm_up)


def _name_ending(plan: Plan, outcome: Outcome) -> Ending:
    if outcome.degraded:
        return Ending.DEGRADED
    return Ending.UNCHANGED if plan.is_empty and not outcome.revived else Ending.READY


def _observe(fleet: Fleet, instance_id: str, options: RunOptions) -> Observed:
    """List what the engine has.

    An earlier command may have died after it asked for a stop, and the engine may have forgotten
    the events of that time. Then every part that runs counts as one that is being stopped, because
    its stop may still be under way.
    """
    observed = fleet.engine.observe()
    if not options.left_by or not _may_still_stop(fleet, options.left_by):
        return observed
    containers = tuple(
        replace(container, is_stopping=container.is_running)
        if container.instance == instance_id
        else container
        for container in observed.containers
    )
    return replace(observed, containers=containers)


def _may_still_stop(fleet: Fleet, dead: Holder) -> bool:
    """Whether a stop of a dead command may be under way although no event shows it."""
    began = dead.began
    is_recent = began is not None and time.time() - began < STOP_AT_MOST_S
    return is_recent and not fleet.engine.remembers(began or 0)


def _look_at_valkey_files(fleet: Fleet, instance: Instance) -> persistence.ValkeyFiles | None:
    """Look which files Valkey has. ``None`` if its folder is on another machine."""
    if not fleet.engine.is_local:
        return None
    return valkey_folder.look(instance_path(instance, fleet.settings) / VALKEY_DATA)


def _follow_warm_up(plan: Plan, wanted: Desired, options: RunOptions) -> WarmUp | None:
    """Follow the warm-up of a platform that this plan started."""
    platform = wanted.container(Role.PLATFORM)
    if not platform or not platform.ports or ops.Start(platform) not in plan.operations:
        return None
    host, port = reachable_address(platform.ports[0])
    return follow(host, port, options.report, options.cancelled)


def _prepare(
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


def build_url(wanted: Desired) -> str:
    """Give the address at which this host reaches the platform."""
    platform = wanted.container(Role.PLATFORM)
    if not platform or not platform.ports:
        return ""
    host, port = reachable_address(platform.ports[0])
    return f"http://{put_in_brackets(host)}:{port}"
