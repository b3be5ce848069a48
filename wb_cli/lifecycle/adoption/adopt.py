"""Take over one instance of an older tool: look -> propose -> keep what it needs -> execute."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wb_cli import contract
from wb_cli.errors import StillStartingError, UsageError, WbError
from wb_cli.instances.registry_file.entries import parse_entry
from wb_cli.lifecycle import actions
from wb_cli.lifecycle.actions import Ending, Result
from wb_cli.lifecycle.adoption import expectation, handover
from wb_cli.lifecycle.adoption.dress import dress_group, dress_listing, join
from wb_cli.lifecycle.adoption.facts import look
from wb_cli.lifecycle.adoption.group import Group, find_group
from wb_cli.lifecycle.adoption.handover import Handover
from wb_cli.lifecycle.adoption.proposal import Proposal, propose
from wb_cli.lifecycle.adoption.report import Adoption, Expectation
from wb_cli.lifecycle.carrying import valkey_folder
from wb_cli.lifecycle.execute import Cancellation, Execution, Outcome
from wb_cli.lifecycle.folders import create_folders
from wb_cli.lifecycle.guard.guests import GuestsError, wait_for_guests
from wb_cli.lifecycle.guard.preflight import Preflight, PreflightError
from wb_cli.lifecycle.guard.problem import Obstacle
from wb_cli.lifecycle.machine.here import THIS_MACHINE
from wb_cli.lifecycle.planning.desired import (
    Credentials,
    describe,
    instance_path,
)
from wb_cli.lifecycle.planning.takeover import plan_takeover
from wb_cli.lifecycle.record.black_box import BlackBox
from wb_cli.secret import Secret

if TYPE_CHECKING:
    from wb_cli.engine.types import Observed
    from wb_cli.instances.model import Instance
    from wb_cli.instances.registry_file.store import RegistryFile
    from wb_cli.lifecycle.adoption.entry import Choices
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions
    from wb_cli.lifecycle.planning.desired import Desired
    from wb_cli.lifecycle.planning.observed_instance import ObservedInstance
    from wb_cli.lifecycle.planning.plan import Plan


class Takeover(Struct):
    """Takes over one instance. The caller holds its lock, except for a dry run."""

    fleet: Fleet
    registry_file: RegistryFile
    instance_id: str
    options: RunOptions
    choices: Choices

    def run(self) -> Result:
        """Put wb's containers in the place of the older tool's.

        Raises:
            PreflightError: something does not fit. Nothing was changed.
            GuestsError: other containers use the instance. Nothing was changed.
            WbError: a new container failed. The older ones run again.
        """
        began = time.monotonic()
        self.options.report("checking")
        observed = self.fleet.engine.observe()
        group = find_group(self.instance_id, observed)
        left = handover.read(self.fleet.settings, self.instance_id)
        if group.is_empty and not left:
            return self._find_nothing(observed)
        if left and not self._still_runs(left, group):
            return self._finish(left, observed, began)
        proposal, expected = self._propose(group, observed)
        return self._begin(proposal, expected, began)

    def _still_runs(self, left: Handover, group: Group) -> bool:
        """Whether nothing was stopped yet, so that everything can be looked at anew."""
        return {container.name for container in left.containers} <= {
            container.name for container in group.containers.values()
        }

    def _find_nothing(self, observed: Observed) -> Result:
        """Say that there is nothing to take over. It is well if wb runs the instance already."""
        if not any(container.instance == self.instance_id for container in observed.containers):
            raise UsageError(
                f"nothing of an older tool bears the names of {self.instance_id}",
                "`wb adopt` lists what can be taken over.",
            )
        instance = self.registry_file.read().find(self.instance_id)
        plan = actions.plan_changes(self.fleet, instance, observed)
        return Result(Ending.UNCHANGED, replace(plan, stages=(), cleanup=()), Outcome(), 0)

    # Look and propose

    def _propose(self, group: Group, observed: Observed) -> tuple[Proposal, Expectation]:
        """Propose how to take it over, or refuse to."""
        settings = self.fleet.settings
        registry = self.registry_file.read()
        is_declared = self.instance_id in {*registry.ids(), *(e.id for e in registry.refused)}
        declared = dict(registry.find(self.instance_id).raw) if is_declared else None
        facts = look(self.fleet.engine, settings, group, observed)
        proposal = propose(facts, settings, declared, self._locate, self.choices)
        if proposal.problems:
            raise PreflightError(self.instance_id, list(proposal.problems))
        if proposal.is_new:
            self.registry_file.try_out().add(proposal.entry)  # raises where another entry claims it
        return proposal, expectation.read(self.fleet.history, facts.save_s)

    def _locate(self, path: str) -> str:
        return os.path.realpath(path) if self.fleet.engine.is_local else os.path.normpath(path)

    # Begin anew

    def _begin(self, proposal: Proposal, expected: Expectation, began: float) -> Result:
        instance = parse_entry(dict(proposal.entry))
        observed = self._wait_for_guests(began)
        old = self._dress(observed)
        wanted = self._describe(instance, proposal)
        own = self._inspect(observed, wanted)
        folders = self._find_missing_folders(instance)
        self._check(instance, wanted, dress_listing(observed, old), own, ignore_folders=True)
        adoption = Adoption(
            proposal.entry, proposal.is_new, proposal.changes, expected, tuple(folders)
        )
        if self.options.dry_run:
            plan = self._plan(instance, wanted, own, old, observed)
            return _show_plan(plan, wanted, adoption)
        create_folders(instance, self.fleet.settings, self.fleet.machine or THIS_MACHINE)
        self._check(instance, wanted, dress_listing(observed, old), own)
        left = self._keep(proposal, old, own)
        adoption = replace(adoption, is_planned=False)
        self.options.tell(f"the platform will be away for {expected}")
        return self._execute(left, instance, observed, adoption, began)

    def _wait_for_guests(self, began: float) -> Observed:
        """Wait until nobody else uses the instance. A dry run does not wait."""

        def observe() -> Observed:
            observed = self.fleet.engine.observe()
            return dress_listing(observed, self._dress(observed))

        if not self.options.dry_run:
            deadline = began + self.options.timeout_s
            try:
                wait_for_guests(
                    observe, self.instance_id, deadline, self.options.tell, self.options.cancelled
                )
            except GuestsError as error:
                error.hint = (
                    "Wait for what they do (`--timeout` says how long), or stop them, then "
                    f"`wb adopt {self.instance_id}`."
                )
                raise
        return self.fleet.engine.observe()

    def _describe(self, instance: Instance, proposal: Proposal) -> Desired:
        """Describe the instance as it will run, before its secrets are kept."""
        stored = self.fleet.secrets.read(instance.id)
        credentials = Credentials(
            postgres_password=None,
            pg_password=proposal.password or Secret(""),
            admin_token=stored.admin_token if stored else Secret(""),
            environment=proposal.variables,
        )
        key = self.fleet.secrets.read_hash_key(create=False)
        return describe(instance, self.fleet.settings, credentials, key)

    def _find_missing_folders(self, instance: Instance) -> list[str]:
        folder = instance_path(instance, self.fleet.settings)
        machine = self.fleet.machine
        if machine is None:
            return []
        paths = (folder / name for name in contract.FOLDERS)
        return [str(path) for path in paths if not machine.is_present(path)]

    def _check(
        self,
        instance: Instance,
        wanted: Desired,
        dressed: Observed,
        own: ObservedInstance,
        *,
        ignore_folders: bool = False,
    ) -> None:
        """Check what a start needs, while the older containers still run."""
        listed = tuple(c for c in dressed.containers if c.instance == instance.id)
        current = replace(own, containers=listed)
        preflight = Preflight(
            instance,
            self.fleet.settings,
            wanted,
            dressed,
            current,
            self.fleet.machine,
        )
        problems = [
            problem
            for problem in preflight.find_problems()
            if not ignore_folders or problem.kind is not Obstacle.FOLDER
        ]
        if problems:
            raise PreflightError(instance.id, problems)

    def _keep(self, proposal: Proposal, old: ObservedInstance, own: ObservedInstance) -> Handover:
        """Keep everything that is needed, before anything stops: secrets, containers, entry.

        Containers that were brought back once are on a network of wb's.
        """
        if proposal.password is None:
            raise AssertionError("a proposal without problems has a password")
        self.fleet.secrets.adopt(self.instance_id, proposal.password, proposal.variables)
        kept = {c.name: self.fleet.engine.keep(c.id).dump() for c in old.containers}
        left = Handover(
            dict(proposal.entry),
            proposal.is_new,
            old.containers,
            next(iter((*old.networks, *own.networks)), None),
            kept,
        )
        handover.write(self.fleet.settings, left)
        if proposal.is_new:
            with self.registry_file.edit() as edit:
                edit.add(proposal.entry)
        return left

    # Finish what was interrupted

    def _finish(self, left: Handover, observed: Observed, began: float) -> Result:
        """Go on where an earlier takeover was interrupted. All that it needs was kept then."""
        self.options.tell("going on with a takeover that was interrupted")
        registry = self.registry_file.read()
        if self.instance_id in {*registry.ids(), *(entry.id for entry in registry.refused)}:
            instance = registry.find(self.instance_id)
        elif self.options.dry_run:
            instance = parse_entry(left.entry)
        else:
            with self.registry_file.edit() as edit:
                instance = edit.add(left.entry)
        expected = expectation.read(self.fleet.history, 0)
        adoption = Adoption(left.entry, left.is_new_entry, (), expected)
        if self.options.dry_run:
            old = self._dress(observed, left)
            wanted = self.fleet.describe(instance, create_secrets=False)
            own = self._inspect(observed, wanted)
            plan = self._plan(instance, wanted, own, old, observed)
            return _show_plan(plan, wanted, adoption)
        create_folders(instance, self.fleet.settings, self.fleet.machine or THIS_MACHINE)
        return self._execute(left, instance, observed, replace(adoption, is_planned=False), began)

    # Execute

    def _execute(
        self,
        left: Handover,
        instance: Instance,
        observed: Observed,
        adoption: Adoption,
        began: float,
    ) -> Result:
        wanted = self.fleet.describe(instance, create_secrets=True)
        own = self._inspect(observed, wanted)
        old = self._dress(observed, left)
        plan = self._plan(instance, wanted, own, old, observed)
        present = join(own, old)
        black_box = BlackBox(self.fleet, self.instance_id, self.options.tell)
        black_box.keep_dead(present.containers)
        self.options.begin(plan.reasons)
        execution = Execution(
            engine=self.fleet.engine,
            machine=self.fleet.machine,
            black_box=black_box,
            before=replace(old, containers=left.containers, networks=left.networks),
            look=lambda: self._look(left),
            timeout_s=self.options.timeout_s,
            report=self.options.report,
            tell=self.options.tell,
            subnets=self.fleet.find_subnets(observed),
            cancelled=Cancellation(self.options.cancelled),
            present=present,
            kept=left.load_kept(),
        )
        try:
            outcome = execution.run(plan, undo=True)
        except StillStartingError:
            raise  # the new ones run on, and the older ones can still be brought back
        except (WbError, InterruptedError):
            self._forget_if_back(left)
            raise
        handover.remove(self.fleet.settings, self.instance_id)
        ending = Ending.DEGRADED if outcome.degraded else Ending.ADOPTED
        seconds = time.monotonic() - began
        warm_up = actions.follow_warm_up(self.fleet, plan, wanted, self.options)
        done = replace(adoption, away_s=outcome.away_s)
        return Result(
            ending,
            plan,
            outcome,
            seconds,
            actions.build_url(wanted),
            warm_up,
            done,
            actions.name_platform(wanted),
        )

    def _plan(
        self,
        instance: Instance,
        wanted: Desired,
        own: ObservedInstance,
        old: ObservedInstance,
        observed: Observed,
    ) -> Plan:
        files = None
        if self.fleet.engine.is_local:
            folder = instance_path(instance, self.fleet.settings) / contract.VALKEY_DATA
            files = valkey_folder.look(folder)
        subnet = "" if own.networks else next(self.fleet.find_subnets(observed))
        return plan_takeover(wanted, own, old, subnet, files)

    def _look(self, left: Handover) -> ObservedInstance:
        """Look at the instance anew: at wb's containers, and those of the older tool."""
        observed = self.fleet.engine.observe()
        own = self.fleet.inspect(self.instance_id, observed, set())
        return join(own, self._dress(observed, left))

    def _inspect(self, observed: Observed, wanted: Desired) -> ObservedInstance:
        images = {spec.image for spec in wanted.containers}
        return self.fleet.inspect(self.instance_id, observed, images)

    def _dress(self, observed: Observed, left: Handover | None = None) -> ObservedInstance:
        return dress_group(self.fleet, find_group(self.instance_id, observed), left)

    def _forget_if_back(self, left: Handover) -> None:
        """Forget the takeover if the older containers run again, all of them."""
        with suppress(WbError):
            group = find_group(self.instance_id, self.fleet.engine.observe())
            running = {c.name for c in group.containers.values() if c.is_active}
            if not {c.name for c in left.containers if c.is_active} <= running:
                return
            if left.is_new_entry:
                with self.registry_file.edit() as edit:
                    edit.remove(self.instance_id)
            handover.remove(self.fleet.settings, self.instance_id)


def _show_plan(plan: Plan, wanted: Desired, adoption: Adoption) -> Result:
    """Give what a dry run shows."""
    return Result(Ending.PLANNED, plan, Outcome(), 0, actions.build_url(wanted), None, adoption)
