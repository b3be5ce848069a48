"""The snapshots of a repository, read as backups. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.errors import UsageError
from wb_cli.quantities import shorten_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WB = "wb"
DATA, MANIFEST, PROOF = "data", "manifest", "proof"
MANIFEST_PATH, PROOF_PATH = "/manifest.json", "/proof"
# The verdicts of proofs, as their tags have them.
PROVEN, FAILED, UNKNOWN = "proven", "failed", "unknown"
SHORT = 8
SHOWN = 5


class Snapshot(Struct, frozen=True):
    """A snapshot as restic lists it. ``time`` is RFC 3339.

    ``original`` is the id of the snapshot of which it is a copy, in another repository.
    """

    id: str
    time: str
    tags: tuple[str, ...] = ()
    original: str = ""

    @property
    def origin(self) -> str:
        """The id that it has had from the first. Other snapshots name it by this id."""
        return self.original or self.id


class Proof(Struct, frozen=True):
    """What was found when a backup was tried. ``seconds`` is what its restore took.

    The verdict is ``proven``, ``failed`` or ``unknown``; ``when`` is RFC 3339. ``of_wal`` is that
    of the WAL that follows the backup, "" if none was tried. It led to each moment up to ``until``,
    in seconds since the epoch.
    """

    verdict: str
    when: str
    seconds: float
    of_wal: str = ""
    until: float = 0.0


class Backup(Struct, frozen=True):
    """A backup: a snapshot of data, and the one of its manifest. ``time`` is RFC 3339.

    ``proof`` is what was found when it was last tried, ``proven`` the last proof that succeeded. A
    later one that could not be made takes nothing from it, one that failed does.

    ``base`` is the id of the data that it needs besides its own: it has only what changed since;
    "" for a whole one. ``line`` tells which data folder was copied. ``origin`` is the id that it
    has in the repository to which it was written first. ``wal`` is the position in the WAL when its
    copy began, of an instance whose WAL is received.
    """

    instance: str
    id: str
    time: str
    manifest: str
    proof: Proof | None = None
    proven: Proof | None = None
    base: str = ""
    line: str = ""
    origin: str = ""
    wal: str = ""

    @property
    def has_failed(self) -> bool:
        """Whether it was tried, and is no good."""
        return self.proof is not None and self.proof.verdict == FAILED

    @property
    def wal_has_failed(self) -> bool:
        """Whether the WAL that follows it was tried, and is no good."""
        return self.proof is not None and self.proof.of_wal == FAILED

    @property
    def short_id(self) -> str:
        """As much of its id as people type."""
        return self.id[:SHORT]


def make_tags(instance: str, kind: str) -> tuple[str, ...]:
    """Make the tags of a snapshot of an instance."""
    return (WB, f"instance={instance}", kind)


def find_backups(snapshots: Iterable[Snapshot]) -> list[Backup]:
    """Find the backups, newest first.

    Data without a manifest is none: its backup did not end. Changes without the data on which they
    are based are none either: they cannot be restored.
    """
    listed = sorted(snapshots, key=lambda snapshot: snapshot.time)
    manifests = {_read_tag(each, "of"): each.id for each in listed if MANIFEST in each.tags}
    proofs = _read_proofs(listed)
    data = {each.origin: each for each in listed if DATA in each.tags}
    backups = [
        Backup(
            instance=read_instance(snapshot),
            id=snapshot.id,
            time=snapshot.time,
            manifest=manifests[origin],
            proof=next(reversed(proofs.get(origin, ())), None),
            proven=_find_proven(proofs.get(origin, ())),
            base=data[base].id if base else "",
            line=_read_tag(snapshot, "line"),
            origin=origin,
            wal=_read_tag(snapshot, "wal"),
        )
        for origin, snapshot in data.items()
        for base in [_read_tag(snapshot, "base")]
        if origin in manifests and (not base or base in data)
    ]
    return sorted(backups, key=lambda backup: backup.time, reverse=True)


def _read_proofs(listed: Iterable[Snapshot]) -> dict[str, list[Proof]]:
    """Read the proofs of each backup, in the order in which they were made."""
    proofs: dict[str, list[Proof]] = defaultdict(list)
    for each in sorted(listed, key=lambda snapshot: snapshot.time):
        if PROOF in each.tags:
            proof = Proof(
                _read_tag(each, "verdict"),
                each.time,
                read_seconds(_read_tag(each, "seconds")),
                _read_tag(each, "of_wal"),
                read_seconds(_read_tag(each, "until")),
            )
            proofs[_read_tag(each, "of")].append(proof)
    return proofs


def read_seconds(text: str) -> float:
    """Read the seconds that a tag says; 0 if it does not say any."""
    try:
        seconds = float(text or 0)
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) else 0.0


def _find_proven(proofs: Sequence[Proof]) -> Proof | None:
    """Find the last proof that succeeded, unless one failed since."""
    told = [proof for proof in proofs if proof.verdict != UNKNOWN]
    return told[-1] if told and told[-1].verdict == PROVEN else None


def find_unfinished(snapshots: Iterable[Snapshot]) -> list[Snapshot]:
    """Find the data that no manifest makes a backup of."""
    listed = list(snapshots)
    finished = {backup.id for backup in find_backups(listed)}
    return [each for each in listed if DATA in each.tags and each.id not in finished]


class Orphans(Struct, frozen=True):
    """The ids of manifests and proofs whose data is gone."""

    manifests: tuple[str, ...]
    proofs: tuple[str, ...]


def find_orphans(snapshots: Iterable[Snapshot]) -> Orphans:
    """Find the manifests and proofs whose data is gone."""
    listed = list(snapshots)
    data = {each.origin for each in listed if DATA in each.tags}
    lost = [each for each in listed if DATA not in each.tags and _read_tag(each, "of") not in data]
    return Orphans(
        tuple(each.id for each in lost if MANIFEST in each.tags),
        tuple(each.id for each in lost if PROOF in each.tags),
    )


def find_proofs_of(snapshots: Iterable[Snapshot], data: str) -> list[str]:
    """Find the proofs of a snapshot of data."""
    return [each.id for each in snapshots if PROOF in each.tags and _read_tag(each, "of") == data]


def read_instance(snapshot: Snapshot) -> str:
    """Read whose snapshot it is; "" for nobody's."""
    return _read_tag(snapshot, "instance")


def group_by_instance(backups: Iterable[Backup]) -> dict[str, list[Backup]]:
    """Group backups by instance, in the order in which they come."""
    groups: dict[str, list[Backup]] = defaultdict(list)
    for backup in backups:
        groups[backup.instance].append(backup)
    return dict(groups)


def choose_for_trial(backups: Iterable[Backup]) -> dict[str, Backup]:
    """Choose the newest backup of each instance, those first whose last trial is the oldest.

    An instance of which no backup was ever tried comes before all others. A trial that could not be
    made counts as one: else the same few would be chosen again and again.
    """
    tried: dict[str, str] = {}
    newest: dict[str, Backup] = {}
    for backup in backups:
        newest.setdefault(backup.instance, backup)
        when = backup.proof.when if backup.proof else ""
        tried[backup.instance] = max(tried.get(backup.instance, ""), when)
    order = sorted(newest, key=lambda instance: (tried[instance], instance))
    return {instance: newest[instance] for instance in order}


def choose(backups: Sequence[Backup], instance: str, wanted: str = "") -> Backup:
    """Choose a backup of an instance by the beginning of its id; without one, the newest.

    Raises:
        UsageError: there is none, or several begin so.
    """
    own = [backup for backup in backups if backup.instance == instance]
    if not own:
        raise UsageError(f"there is no backup of {instance}", f"`wb backup {instance}` makes one.")
    fitting = [backup for backup in own if backup.id.startswith(wanted)]
    if not wanted or len(fitting) == 1:
        return fitting[0]
    known = shorten_list([backup.short_id for backup in own], SHOWN)
    problem = "several backups begin with" if fitting else "there is no backup"
    raise UsageError(f"{instance}: {problem} {wanted}", f"There are: {known}.")


def _read_tag(snapshot: Snapshot, name: str) -> str:
    values = (tag.removeprefix(f"{name}=") for tag in snapshot.tags if tag.startswith(f"{name}="))
    return next(values, "")
