"""Checks of backups: whether there are any, whether they are proven, and whether the last ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from wb_cli.observe.backups import measure_age
from wb_cli.observe.doctor.check import check
from wb_cli.observe.doctor.finding import Severity, Sign, of_instance
from wb_cli.quantities import DAY_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.lifecycle.record.backup_record import Kept
    from wb_cli.observe.doctor.facts import Facts

# Backups are proven every week, and one may take a day.
PROVEN_WITHIN_DAYS = 8
PROVE, BACK_UP = "wb backup prove {ids}", "wb backup {ids}"


def list_kept(facts: Facts) -> Iterator[tuple[str, Kept]]:
    """List what is kept of each instance that has backups."""
    for known in facts.known:
        if known.backup and known.backup.kept:
            yield known.instance.id, known.backup.kept


@check("backup-missing", "what is lost with the disk is lost for good")
def find_missing_backups(facts: Facts) -> Iterator[Sign]:
    """An instance has no backup, although this host makes backups."""
    for known in facts.known:
        if known.backup and not known.backup.kept:
            what = "it has no backup"
            advice = "`wb backup schedule` backs up every day."
            yield of_instance(known.instance.id, Severity.WARNING, what, BACK_UP, advice)


@check("backup-unproven", "a backup that was never restored may not come back")
def find_unproven_backups(facts: Facts) -> Iterator[Sign]:
    """The last proven backup is old, or there is none although there was time."""
    limit, now = PROVEN_WITHIN_DAYS * DAY_S, time.time()
    for instance, kept in list_kept(facts):
        if kept.has_failed or measure_age(kept.proven or kept.oldest, now) <= limit:
            continue
        is_old = measure_age(kept.newest, now) > limit
        what = "none of its backups was ever proven"
        if kept.proven:
            what = f"its last proven backup is older than {PROVEN_WITHIN_DAYS} days"
        command = f"{BACK_UP} && {PROVE}" if is_old else PROVE
        yield of_instance(instance, Severity.WARNING, what, command)


@check("backup-bad", "it would not come back from it")
def find_bad_backups(facts: Facts) -> Iterator[Sign]:
    """The newest backup was tried, and is no good."""
    for instance, kept in list_kept(facts):
        if kept.has_failed:
            what = "its newest backup was tried, and is no good"
            advice = (
                "What was found: `wb history {id}`. Where it is the repository that is damaged, "
                "`wb backup check --repair` comes first."
            )
            command = f"{BACK_UP} && {PROVE}"
            yield of_instance(instance, Severity.CRITICAL, what, command, advice)


@check("backup-failed", "what is written since the last good backup would be lost")
def find_failed_backups(facts: Facts) -> Iterator[Sign]:
    """The last command that backed it up failed, or was killed."""
    for known in facts.known:
        if known.backup_failure:
            what = f"its last backup {known.backup_failure}"
            advice = "More of it: `wb history {id}`."
            yield of_instance(known.instance.id, Severity.WARNING, what, BACK_UP, advice)


@check("backup-copy", "what only one place has is lost with it")
def find_missed_copies(facts: Facts) -> Iterator[Sign]:
    """The last copy to a further place failed, or nothing was ever copied there."""
    if not any(True for _ in list_kept(facts)):
        return
    for place in facts.settings.backup_copies:
        copying = facts.copies.get(place)
        if copying and not copying.problem:
            continue
        what = f"no backup was ever copied to {place}"
        if copying:
            since = f"; it had everything at {copying.complete}" if copying.complete else ""
            what = f"the last copy of the backups to {place} failed: {copying.problem}{since}"
        yield Sign(Severity.WARNING, what, "wb backup copy")


@check("backup-trial-cut-off", "what it had restored takes room on the disk")
def find_trials_cut_off(facts: Facts) -> Iterator[Sign]:
    """The last trial of its backups, or rehearsal on one, was killed."""
    for known in facts.known:
        if known.is_trial_cut_off:
            what = "the last trial of its backup did not end: wb was killed"
            yield of_instance(known.instance.id, Severity.NOTICE, what, PROVE)


@check("backup-unscheduled", "a backup that somebody must think of is forgotten one day")
def find_missing_schedule(facts: Facts) -> Iterator[Sign]:
    """Backups are made, and neither systemd nor cron makes them."""
    if facts.machine.has_schedule is False and any(known.backup for known in facts.known):
        what = "backups are made, and nothing on this machine makes them by the clock"
        yield Sign(Severity.NOTICE, what, "wb backup schedule")
