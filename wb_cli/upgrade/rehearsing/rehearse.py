"""Rehearse an upgrade: clone a backup, ask both versions for everything, and compare.

The version from before is asked first, as the newer one may change the database. Both work on one
clone, one after the other: a second clone would take twice the room, and tell no more, because the
older one changes nothing of what its own release wrote.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.backup.snapshots import find_backups
from wb_cli.backup.trial import fetched
from wb_cli.contract import Part
from wb_cli.errors import UsageError, WbError
from wb_cli.instances.registry_file.entries import parse_entry
from wb_cli.upgrade.rehearsing.asking import Asker, Progress, Questions
from wb_cli.upgrade.rehearsing.comparing import Comparison
from wb_cli.upgrade.rehearsing.database import running_database
from wb_cli.upgrade.rehearsing.rehearsed import Rehearsed
from wb_cli.upgrade.target import change_entry
from wb_cli.upgrade.versions import find_present, find_wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wb_cli.backup.restic import Restic
    from wb_cli.backup.snapshots import Backup
    from wb_cli.backup.trial import Trial
    from wb_cli.engine.base import ImageStore
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions
    from wb_cli.upgrade.rehearsing.answers import Answer
    from wb_cli.upgrade.rehearsing.budget import Budget
    from wb_cli.upgrade.target import Version
    from wb_cli.upgrade.upgrade import Entry


class Side(Struct, frozen=True):
    """The instance as it is declared with a version, and the version."""

    instance: Instance
    version: Version


class Rehearsal(Struct):
    """Rehearses the upgrade of one instance. The caller has the lock of its backups.

    ``to`` is the version or the image. Nothing of the instance is touched, and it need not run.
    """

    fleet: Fleet
    images: ImageStore
    restic: Restic
    entry: Entry
    to: str
    options: RunOptions
    budget: Budget

    def run(self) -> Rehearsed:
        """Rehearse the upgrade.

        Raises:
            WbError: the versions could not be compared.
            InterruptedError: a signal came.
        """
        began, settings = time.monotonic(), self.fleet.settings
        instance, wanted = parse_entry(self.entry), parse_entry(change_entry(self.entry, self.to))
        platform = self.fleet.engine.observe().find_running(instance.id, Part.PLATFORM)
        before = find_present(self.images, settings, instance, platform)
        after = find_wanted(self.images, settings, wanted)
        if not before.id:
            raise WbError(f"could not be compared: {before.reference} is not on this engine")
        backup = choose_for_rehearsal(find_backups(self.restic.list_snapshots()), instance.id)
        if not backup.proven:
            self.options.tell(
                f"no backup of it is proven, so the newest is taken: {backup.short_id}"
            )
        comparison = Comparison()
        try:
            with fetched(self.fleet, self.restic, backup, self.options, self.budget.disk) as trial:
                self._compare(Side(instance, before), Side(wanted, after), trial, comparison)
        except WbError as error:
            error.message = f"could not be compared: {error.message}"
            raise
        finally:
            comparison.kept.close()
        return Rehearsed(
            instance.id,
            before,
            after,
            backup.id,
            backup.time,
            is_proven=backup.proven is not None,
            compared=len(comparison.results),
            differing=comparison.tally.differing,
            groups=tuple(comparison.tally.groups),
            unanswered=tuple(sorted(comparison.unanswered)),
            other_versions=comparison.other_versions,
            seconds=time.monotonic() - began,
        )

    def _compare(self, old: Side, new: Side, trial: Trial, comparison: Comparison) -> None:
        self.options.report("starting a PostgreSQL on it, without a network")
        engine, labels = self.fleet.engine, self.fleet.settings.labels
        memory, cancelled = self.budget.share, self.options.cancelled
        with running_database(engine, trial, memory, labels, cancelled) as database:
            asker = Asker(engine, trial, database, self.options.timeout_s, memory, labels)
            self._ask(asker, old, comparison.keep, ())
            if known := comparison.results:
                self._ask(asker, new, comparison.compare, known)
        comparison.require_all()

    def _ask(
        self, asker: Asker, side: Side, take: Callable[[Answer], None], known: Sequence[Answer]
    ) -> None:
        name = side.version.describe()
        self.options.report(f"starting {name} on it, without a network")
        described = self.fleet.describe(side.instance, create_secrets=False)
        questions = Questions(Progress(name, self.options.report), take, known)
        try:
            asker.ask(side.version.id, described, questions)
        except WbError as error:
            error.message = f"{name}: {error.message}"
            raise


def choose_for_rehearsal(backups: Iterable[Backup], instance: str) -> Backup:
    """Choose the last proven backup of an instance, or else its newest that did not fail. Pure.

    Raises:
        UsageError: there is none.
    """
    own = [each for each in backups if each.instance == instance and not each.has_failed]
    proven = (backup for backup in own if backup.proven)
    chosen = next(proven, None) or next(iter(own), None)
    if chosen is None:
        raise UsageError(
            f"there is no backup of {instance} on which it could be rehearsed",
            f"`wb backup {instance}` makes one, `wb backup prove {instance}` proves it.",
        )
    return chosen
