"""Forget the backups of one instance that no rule keeps, and what backups left unfinished."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli.backup.copying.staging import folder_of_copy, folder_of_proof, remove_left
from wb_cli.backup.retention import (
    Plan,
    Rules,
    describe_reasons,
    plan_forgetting,
    read_moment,
)
from wb_cli.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.backup.restic import Restic
    from wb_cli.backup.retention import Judged
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions


NOTHING = "nothing to forget"


class Forgotten(Struct, frozen=True):
    """What was forgotten of an instance, or would be."""

    plan: Plan
    rules: Rules
    is_done: bool
    freed_staging: bool = False

    @property
    def ending(self) -> str:
        """How it ended, for the history."""
        if self.plan.is_empty and not self.freed_staging:
            return NOTHING
        return "forgotten" if self.is_done else "planned"

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process if this were the only instance."""
        return ExitCode.OK

    def describe(self) -> str:
        """Describe it in a line."""
        if self.ending == NOTHING:
            return NOTHING
        verb = "forgot" if self.is_done else "would forget"
        kept, gone = len(self.plan.kept), len(self.plan.gone)
        more = [f"{self.plan.unfinished} unfinished"] if self.plan.unfinished else []
        more += ["the copy that a killed wb left on the disk"] if self.freed_staging else []
        return ", ".join([f"{verb} {gone} of {gone + kept} backups", *more])

    def list_lines(self) -> Iterator[str]:
        """List each backup with what becomes of it, and why."""
        for each in self.plan.judged:
            verb = "stays" if each.is_kept else "goes "
            reasons = describe_reasons(each, self.rules)
            made = f"{read_moment(each.backup.time):%Y-%m-%d %H:%M:%S} UTC"
            yield f"{verb} {each.backup.short_id} of {made}: {reasons}"

    def as_document(self) -> dict[str, Any]:
        """Give it for ``--json``."""
        return {
            "result": self.ending,
            "kept": [_make_document(each) for each in self.plan.kept],
            "gone": [_make_document(each) for each in self.plan.gone],
            "unfinished": self.plan.unfinished,
            "freedStaging": self.freed_staging,
        }


def _make_document(judged: Judged) -> dict[str, Any]:
    return {
        "backup": judged.backup.id,
        "time": judged.backup.time,
        "reasons": [str(reason) for reason in judged.reasons],
    }


class Forget(Struct):
    """Forgets backups of one instance. The caller has the lock of its backups."""

    fleet: Fleet
    restic: Restic
    instance: str
    rules: Rules
    shown: Plan
    options: RunOptions

    def run(self) -> Forgotten:
        """Forget what was shown and what still no rule keeps, the manifests first.

        Raises:
            WbError: the repository refused, or another command works on it.
        """
        if self.options.dry_run:
            return Forgotten(self.shown, self.rules, is_done=False)
        freed = self._remove_left()
        if self.shown.is_empty:
            return Forgotten(self.shown, self.rules, is_done=True, freed_staging=freed)
        self.options.report("looking again what is there")
        plans = plan_forgetting(self.restic.list_snapshots(), self.rules, time.time())
        plan = plans.get(self.instance, Plan()).limit_to(self.shown)
        self.options.begin(("forgetting",))
        for snapshots in (plan.first, plan.then):
            if snapshots:
                self.options.report(f"forgetting {len(snapshots)} snapshots")
                self.restic.forget(snapshots, self.options.wait_s)
        return Forgotten(plan, self.rules, is_done=True, freed_staging=freed)

    def _remove_left(self) -> bool:
        """Remove the copies that a killed wb left. Nobody works in them, as this has the lock."""
        image = self.fleet.settings.restic_image
        folders = (
            folder_of_copy(self.fleet, self.instance),
            folder_of_proof(self.fleet, self.instance),
        )
        removed = [remove_left(self.fleet, folder, image) for folder in folders]
        return any(removed)
