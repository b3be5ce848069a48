"""Checks of WAL: does it arrive, does it lead anywhere, and does it fill a disk."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

from wb_cli.lifecycle.receiving.report import parse
from wb_cli.lifecycle.receiving.room import OWN_SLOT
from wb_cli.observe.doctor.check import check
from wb_cli.observe.doctor.checks.backups import BACK_UP, PROVE, list_kept
from wb_cli.observe.doctor.finding import Severity, Sign, of_instance
from wb_cli.quantities import describe_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.lifecycle.receiving.room import Slot
    from wb_cli.observe.doctor.facts import Facts, Known

LOOK, RUN = "wb logs {id} --part wal", "wb run {ids}"


@check("wal-late", "what is written since is lost with the database")
def find_late_receivers(facts: Facts) -> Iterator[Sign]:
    """The WAL of an instance that is to go back to any moment does not arrive."""
    for known in facts.known:
        if not known.instance.point_in_time or known.receiver is None:
            continue
        report, now = parse(known.receiver), time.time()
        if report and not report.is_late(now):
            continue
        what = f"its receiver {report.describe(now)}" if report else "its receiver gets no WAL"
        command, advice = "wb logs {id} --part wal", "It goes on by itself once that is mended."
        yield of_instance(known.instance.id, Severity.WARNING, what, command, advice)


@check("wal-gap", "it cannot go back to the moments since then")
def find_gaps(facts: Facts) -> Iterator[Sign]:
    """No backup was made since the WAL is received, or began anew after a gap."""
    for known in facts.known:
        report = parse(known.receiver or "")
        if report is None or report.began is None:
            continue
        kept = known.backup.kept if known.backup else None
        if kept is None or datetime.fromisoformat(kept.newest) >= report.began:
            continue
        began = f"{report.began:%Y-%m-%dT%H:%M:%SZ}"
        what = f"its WAL is received without a gap since {began}, and no backup was made since"
        yield of_instance(known.instance.id, Severity.WARNING, what, BACK_UP)


@check("wal-bad", "it cannot go back to the moments since its newest backup")
def find_bad_wal(facts: Facts) -> Iterator[Sign]:
    """The WAL that follows the newest backup was tried, and is no good."""
    for instance, kept in list_kept(facts):
        if kept.wal_has_failed and not kept.has_failed:
            what = "the WAL that follows its newest backup was tried, and is no good"
            advice = "What was found: `wb history {id}`. A new backup begins anew."
            command = f"{BACK_UP} && {PROVE}"
            yield of_instance(instance, Severity.CRITICAL, what, command, advice)


@check("wal-held", "what is kept for a slot fills the disk, or is dropped and then missing")
def find_held_wal(facts: Facts) -> Iterator[Sign]:
    """PostgreSQL keeps much WAL for a replication slot, or had to drop what a slot needs."""
    for known in facts.known:
        for slot in known.slots:
            if slot.is_lost or slot.holds_much:
                what = _describe(slot)
                yield of_instance(known.instance.id, Severity.WARNING, what, *_mend(slot, known))


def _describe(slot: Slot) -> str:
    who = "its receiver" if slot.name == OWN_SLOT else f"the replication slot {slot.name}"
    if slot.is_lost:
        return f"PostgreSQL dropped WAL that {who} needs"
    most = f" of {describe_size(slot.limit)} at most" if slot.limit is not None else ""
    return f"PostgreSQL keeps {describe_size(slot.held)}{most} of WAL for {who}"


def _mend(slot: Slot, known: Known) -> tuple[str, str]:
    """Give the command and the advice."""
    if slot.name != OWN_SLOT:
        drop = f"select pg_drop_replication_slot('{slot.name}')"
        return (
            f'wb psql {{id}} postgres -- -c "{drop}"',
            "It is not wb's. Drop it only if nobody comes back to read it.",
        )
    if not known.instance.point_in_time:
        return BACK_UP, "The field pointInTime was taken back; a backup removes the slot."
    if known.receiver is None:
        return RUN, "`wb logs {id} --part wal` says why it does not run."
    return LOOK, "The receiver is behind. Is its disk slow or full?"


@check("wal-large", "a full disk stops the database, too")
def find_large_archives(facts: Facts) -> Iterator[Sign]:
    """The WAL that was received takes more room than is left on its disk."""
    for known in facts.known:
        received = known.received
        if received and received.taken > received.free:
            taken, free = describe_size(received.taken), describe_size(received.free)
            what = f"the WAL that was received takes {taken}, and {free} are free on its disk"
            advice = (
                "A backup removes the WAL that no backup needs. `wb config settings set "
                "backup_keep_wal_days=...` keeps it for fewer days."
            )
            yield of_instance(known.instance.id, Severity.WARNING, what, BACK_UP, advice)
