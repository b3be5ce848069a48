"""Decide which backups are kept, and why. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.backup.snapshots import (
    find_backups,
    find_orphans,
    find_proofs_of,
    find_unfinished,
    group_by_instance,
    read_instance,
)
from wb_cli.quantities import DAY_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wb_cli.backup.snapshots import Backup, Snapshot

# A backup that is under way has stored its data and writes its manifest soon. So data without a
# manifest is debris only when it is older.
UNFINISHED_AFTER_S = DAY_S


class Rules(Struct, frozen=True):
    """How many backups of each instance are kept.

    ``last`` are the newest. Of the newest days, weeks and months that have a backup, each keeps the
    newest one in it.
    """

    last: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0


class Reason(StrEnum):
    """Why a backup is kept. The value is shown in ``--json``."""

    NEWEST = "newest"
    PROVEN = "proven"
    LAST = "last"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    BASE = "base"


SAID = {
    Reason.NEWEST: "the newest",
    Reason.PROVEN: "the last proven one",
    Reason.LAST: "one of the last {}",
    Reason.DAILY: "of one of the last {} days",
    Reason.WEEKLY: "of one of the last {} weeks",
    Reason.MONTHLY: "of one of the last {} months",
    Reason.BASE: "needed by one that is kept",
}


class Judged(Struct, frozen=True):
    """A backup with the reasons for which it is kept. Without a reason it goes."""

    backup: Backup
    reasons: tuple[Reason, ...] = ()

    @property
    def is_kept(self) -> bool:
        """Whether it stays."""
        return bool(self.reasons)


class Plan(Struct, frozen=True):
    """What becomes of the snapshots of an instance.

    ``first`` are forgotten before ``then``. The first are the manifests, so that no manifest ever
    lists data that is gone: whatever ends the work in between, the rest is data without a manifest,
    which is no backup and goes the next time. ``unfinished`` counts such data that goes now.
    """

    judged: tuple[Judged, ...] = ()
    first: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    unfinished: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing goes."""
        return not self.first and not self.then

    @property
    def kept(self) -> tuple[Judged, ...]:
        """The backups that stay, newest first."""
        return tuple(each for each in self.judged if each.is_kept)

    @property
    def gone(self) -> tuple[Judged, ...]:
        """The backups that go, newest first."""
        return tuple(each for each in self.judged if not each.is_kept)

    def limit_to(self, other: Plan) -> Plan:
        """Forget only what another plan forgets, too."""
        allowed = {*other.first, *other.then}
        return Plan(
            self.judged,
            tuple(id_ for id_ in self.first if id_ in allowed),
            tuple(id_ for id_ in self.then if id_ in allowed),
            self.unfinished,
        )


def plan_forgetting(snapshots: Iterable[Snapshot], rules: Rules, now: float) -> dict[str, Plan]:
    """Plan for each instance what goes from the repository. ``now`` is in seconds of the epoch."""
    listed = list(snapshots)
    backups = group_by_instance(find_backups(listed))
    instances = dict.fromkeys([*backups, *map(read_instance, listed)])
    return {
        instance: _plan_one(
            [each for each in listed if read_instance(each) == instance],
            judge(backups.get(instance, ()), rules),
            now,
        )
        for instance in instances
        if instance
    }


def _plan_one(own: Sequence[Snapshot], judged: tuple[Judged, ...], now: float) -> Plan:
    gone = [each.backup for each in judged if not each.is_kept]
    unfinished = [each.id for each in find_unfinished(own) if _is_old(each, now)]
    orphans = find_orphans(own)
    data = [*(backup.id for backup in gone), *unfinished]
    manifests = [*(backup.manifest for backup in gone), *orphans.manifests]
    proofs = [*(proof for id_ in data for proof in find_proofs_of(own, id_)), *orphans.proofs]
    return Plan(judged, tuple(manifests), (*data, *proofs), len(unfinished))


def _is_old(snapshot: Snapshot, now: float) -> bool:
    return now - read_moment(snapshot.time).timestamp() > UNFINISHED_AFTER_S


def judge(backups: Sequence[Backup], rules: Rules) -> tuple[Judged, ...]:
    """Judge the backups of one instance, which come newest first.

    Two are kept whatever the rules say: the newest, and the newest of those that are proven. A
    backup that failed its proof takes nobody's place: the rules are applied to the others alone,
    and to all. What either of them keeps is kept.
    """
    sound = [backup for backup in backups if not backup.has_failed]
    found: dict[str, set[Reason]] = {backup.id: set() for backup in backups}
    for chosen in (backups, sound):
        for id_, reason in _apply(chosen, rules):
            found[id_].add(reason)
    for reason, holder in (
        (Reason.NEWEST, next(iter(backups), None)),
        (Reason.PROVEN, next((backup for backup in backups if backup.proven), None)),
    ):
        if holder:
            found[holder.id].add(reason)
    for backup in backups:
        if found[backup.id] and backup.base in found:
            found[backup.base].add(Reason.BASE)
    return tuple(
        Judged(backup, tuple(reason for reason in Reason if reason in found[backup.id]))
        for backup in backups
    )


def _apply(backups: Sequence[Backup], rules: Rules) -> Iterable[tuple[str, Reason]]:
    for backup in backups[: rules.last]:
        yield backup.id, Reason.LAST
    periods: tuple[tuple[Reason, int, Callable[[datetime], object]], ...] = (
        (Reason.DAILY, rules.daily, lambda moment: moment.date()),
        (Reason.WEEKLY, rules.weekly, lambda moment: moment.isocalendar()[:2]),
        (Reason.MONTHLY, rules.monthly, lambda moment: (moment.year, moment.month)),
    )
    for reason, count, find_period in periods:
        newest: dict[object, str] = {}
        for backup in backups:
            newest.setdefault(find_period(read_moment(backup.time)), backup.id)
        for id_ in list(newest.values())[:count]:
            yield id_, reason


def read_moment(text: str) -> datetime:
    """Read an RFC 3339 time. Days, weeks and months are those of UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def describe_reasons(judged: Judged, rules: Rules) -> str:
    """Say why a backup is kept, or that nothing keeps it."""
    if not judged.is_kept:
        return "no rule keeps it"
    counts = {
        Reason.LAST: rules.last,
        Reason.DAILY: rules.daily,
        Reason.WEEKLY: rules.weekly,
        Reason.MONTHLY: rules.monthly,
    }
    return ", ".join(SAID[reason].format(counts.get(reason, "")) for reason in judged.reasons)
