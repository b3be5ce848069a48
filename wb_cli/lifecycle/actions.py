"""Run, stop or restart one instance: observe -> reconcile -> execute."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from wb_cli import contract
from wb_cli.contract import VALKEY_DATA, Part
from wb_cli.engine.types import put_in_brackets
from wb_cli.errors import ExitCode, UsageError
from wb_cli.lifecycle.adoption import handover
from wb_cli.lifecycle.carrying import valkey_folder
from wb_cli.lifecycle.exchanging.exchange import settle_before_start
from wb_cli.lifecycle.execute import Cancellation, Execution, Outcome
from wb_cli.lifecycle.folders import create_folders
from wb_cli.lifecycle.guard import database_version, first_start
from wb_cli.lifecycle.guard.first_start import DataState
from wb_cli.lifecycle.guard.guests import find_guests, wait_for_guests
from wb_cli.lifecycle.guard.preflight import Preflight, refuse_foreign
from wb_cli.lifecycle.options import RunOptions, Verb
from wb_cli.lifecycle.passwords.settling import settle_password
from wb_cli.lifecycle.planning import persistence
from wb_cli.lifecycle.planning import plan as ops
from wb_cli.lifecycle.planning.basis import Basis, find_basis
from wb_cli.lifecycle.planning.desired import instance_path
from wb_cli.lifecycle.planning.observed_instance import ObservedInstance
from wb_cli.lifecycle.planning.plan import Plan
from wb_cli.lifecycle.planning.reconcile import plan_restart, plan_run, plan_stop
from wb_cli.lifecycle.readiness.health import reachable_address
from wb_cli.lifecycle.readiness.warmup import WarmUp, follow
from wb_cli.lifecycle.record.black_box import BlackBox
from wb_cli.lifecycle.sites.refresh import refresh_after_start

if TYPE_CHECKING:
    from wb_cli.engine.types import Observed
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.adoption.report import Adoption
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.guard.lock import Holder
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
    ADOPTED = "adopted"


class Result(Struct, frozen=True):
    """The result of an action.

    ``url`` is the platform's address, ``warm_up`` the state of its cache when the action ended.
    ``adoption`` is what there is to say of a takeover. ``platform`` is the platform's image that
    runs then.
    """

    ending: Ending
    plan: Plan
    outcome: Outcome
    seconds: float
    url: str = ""
    warm_up: WarmUp | None = None
    adoption: Adoption | None = None
    platform: str = ""

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
            fleet.engine.observe, instance_id, deadline, options.tell, options.cancelled
        )
    black_box = _open_black_box(fleet, instance_id, observed, options)
    refuse_foreign(instance_id, observed, str(fleet.settings.servers_file))
    current = fleet.look_up(instance_id, observed)
    guests = find_guests(instance_id, observed) if force else ()
    plan = plan_stop(instance_id, current, guests)
    if options.dry_run:
        return Result(Ending.PLANNED, plan, Outcome(), 0)
    if not plan.is_empty:
        options.begin(plan.reasons)
    execution = _prepare(fleet, instance_id, current, options, guests=guests, black_box=black_box)
    outcome = execution.run(plan, undo=False)
    handover.remove(fleet.settings, instance_id)
    ending = Ending.NOT_RUNNING if plan.is_empty else Ending.STOPPED
    return Result(ending, plan, outcome, time.monotonic() - began)


def check(fleet: Fleet, instance: Instance) -> None:
    """Raise an error if an instance could not start again. Change nothing."""
    options = RunOptions(Verb.RESTART, dry_run=True)
    _survey(fleet, instance, fleet.engine.observe(), plan_restart, options)


def _survey(
    fleet: Fleet, instance: Instance, observed: Observed, planner: Planner, options: RunOptions
) -> tuple[Desired, ObservedInstance, Basis]:
    """Describe what an instance should be, inspect what it is, and check that it could start.

    Except in a dry run, an instance that never ran gets its folders and its secrets.

    Raises:
        OutdatedPlanError: it is not what it was when the operator agreed to a plan.
        PreflightError: something is in the way of a start.
    """
    data = first_start.look(fleet, instance, observed)
    is_first = data is DataState.NEW and not options.dry_run
    has_secrets = fleet.secrets.read(instance.id) is not None
    # Secrets are a sign of an earlier start, so they are made after the folders.
    try:
        wanted = fleet.describe(instance, create_secrets=not options.dry_run and not is_first)
    except UsageError:  # another's database may have a password that only its owner knows
        refuse_foreign(instance.id, observed, str(fleet.settings.servers_file))
        raise
    current = fleet.inspect(instance.id, observed, {spec.image for spec in wanted.containers})
    machine = fleet.machine
    plan = planner(wanted, persistence.drop_carrier(current), "")
    versions = database_version.look(fleet, instance, plan, wanted, current)
    Preflight(instance, fleet.settings, wanted, observed, current, machine, data, versions).check()
    basis = find_basis(wanted, current, with_secrets=has_secrets)
    if options.agreed:
        options.agreed.refuse_other_basis(basis)
    if versions and (doubt := versions.find_doubt()):
        options.tell(doubt)
    if instance.point_in_time and not options.dry_run and machine:
        # The field may have been set after the other folders were made.
        root = instance_path(instance, fleet.settings)
        machine.create(root, contract.WAL_FOLDERS, contract.FOLDER_MODES)
    if is_first and machine:
        create_folders(instance, fleet.settings, machine)
        wanted = fleet.describe(instance, create_secrets=True)
    return wanted, current, basis


def _bring_up(fleet: Fleet, instance: Instance, options: RunOptions, planner: Planner) -> Result:
    began = time.monotonic()
    options.report("checking")
    stop_it = lambda: stop(fleet, instance.id, options)  # noqa: E731
    instance = settle_before_start(fleet, instance, options, stop_it)
    settle_password(fleet, instance, options)
    observed = _observe(fleet, instance.id, options)
    black_box = _open_black_box(fleet, instance.id, observed, options)
    is_new = first_start.look(fleet, instance, observed) is DataState.NEW
    new_folder = str(instance_path(instance, fleet.settings)) if is_new else ""
    wanted, current, basis = _survey(fleet, instance, observed, planner, options)
    if new_folder and not options.dry_run:
        options.tell(f"its folders were made in {new_folder}")
    subnets = fleet.find_subnets(observed)
    plan = _decide(fleet, instance, planner, (wanted, current), subnets)
    if options.dry_run:
        refresh_after_start(instance, fleet.settings, Outcome(), options)
        plan = replace(plan, new_folder=new_folder, basis=basis)
        return Result(Ending.PLANNED, plan, Outcome(), 0, build_url(wanted))
    if options.agreed:
        options.agreed.refuse_other_steps(plan.steps)
    if not plan.is_empty:
        options.begin(plan.reasons)
    execution = _prepare(fleet, instance.id, current, options, subnets=subnets, black_box=black_box)
    outcome = execution.run(plan, undo=True)
    handover.remove(fleet.settings, instance.id)  # a takeover that was interrupted is over
    refresh_after_start(instance, fleet.settings, outcome, options)
    seconds = time.monotonic() - began
    warm_up = follow_warm_up(fleet, plan, wanted, options)
    return Result(
        _name_ending(plan, outcome),
        plan,
        outcome,
        seconds,
        build_url(wanted),
        warm_up,
        platform=name_platform(wanted),
    )


def _open_black_box(
    fleet: Fleet, instance: str, observed: Observed, options: RunOptions
) -> BlackBox:
    """Keep what is known of containers that ended badly, before the plan touches them."""
    black_box = BlackBox(fleet, instance, options.tell)
    if not options.dry_run:
        black_box.keep_dead(observed.containers)
    return black_box


def plan_changes(fleet: Fleet, instance: Instance, observed: Observed) -> Plan:
    """Plan what :func:`run` would change, without a look at what else a start needs."""
    wanted = fleet.describe(instance, create_secrets=False)
    current = fleet.inspect(instance.id, observed, {spec.image for spec in wanted.containers})
    return _decide(fleet, instance, plan_run, (wanted, current), fleet.find_subnets(observed))


def _decide(
    fleet: Fleet,
    instance: Instance,
    planner: Planner,
    surveyed: tuple[Desired, ObservedInstance],
    subnets: Iterator[str],
) -> Plan:
    wanted, current = surveyed
    plan = planner(
        wanted,
        persistence.drop_carrier(current),
        "" if current.networks else next(subnets),
    )
    starts_valkey = persistence.has_start_of_valkey(plan, wanted)
    files = _look_at_valkey_files(fleet, instance) if starts_valkey else None
    return persistence.add_carry_over(plan, wanted, current, files)


def _name_ending(plan: Plan, outcome: Outcome) -> Ending:
    if outcome.degraded:
        return Ending.DEGRADED
    is_changed = not plan.is_empty or outcome.revived or outcome.site_written
    return Ending.READY if is_changed else Ending.UNCHANGED


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


def follow_warm_up(fleet: Fleet, plan: Plan, wanted: Desired, options: RunOptions) -> WarmUp | None:
    """Follow the warm-up of a platform that this plan started."""
    platform = wanted.container(Part.PLATFORM)
    if not platform or not platform.ports or ops.Start(platform) not in plan.operations:
        return None
    if not fleet.engine.is_local:  # no route leads there
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
        machine=fleet.machine,
        before=current,
        look=lambda: fleet.inspect(instance_id, fleet.engine.observe(), set()),
        timeout_s=options.timeout_s,
        undoes_late=options.goes_back_late,
        report=options.report,
        tell=options.tell,
        cancelled=Cancellation(options.cancelled),
        **particulars,
    )


def name_platform(wanted: Desired) -> str:
    """Name the platform's image."""
    platform = wanted.container(Part.PLATFORM)
    return platform.image if platform else ""


def build_url(wanted: Desired) -> str:
    """Give the address at which this host reaches the platform."""
    platform = wanted.container(Part.PLATFORM)
    if not platform or not platform.ports:
        return ""
    host, port = reachable_address(platform.ports[0])
    return f"http://{put_in_brackets(host)}:{port}"
