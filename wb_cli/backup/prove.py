"""Prove a backup: restore it from the repository, run it, check it, and compare it.

Nothing of the instance is touched, and it need not run or even exist.
"""

from __future__ import annotations

import time
from importlib.resources import files
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.backup.complaints import DamagedError
from wb_cli.backup.copying.base_backup import INSIDE, SAMPLE, WAL_REPLAYED
from wb_cli.backup.copying.counting import NAMES, parse_counts, read_sql
from wb_cli.backup.copying.room import refuse_cut_off, require_room
from wb_cli.backup.databases import MisfitError
from wb_cli.backup.listing import Listing, compare_folders, make_patterns
from wb_cli.backup.make import ROOT
from wb_cli.backup.moments.trial import WalTrial
from wb_cli.backup.proof import OfWal, Proof, Verdict
from wb_cli.backup.throw_away import read_common_script, see_whether_killed
from wb_cli.backup.trial import fetched, require_budget
from wb_cli.engine.task import TaskMount, TaskSpec
from wb_cli.errors import WbError
from wb_cli.quantities import shorten_list, write_now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wb_cli.backup.copying.counting import Counts
    from wb_cli.backup.manifest import Manifest
    from wb_cli.backup.moments.following import Following
    from wb_cli.backup.restic import Restic
    from wb_cli.backup.snapshots import Backup
    from wb_cli.backup.trial import Trial
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.machine.base import Machine
    from wb_cli.lifecycle.options import RunOptions

STEPS = ("verified", "started", "checked")
ENDED_EARLY = {
    "verified": "its files are not those that PostgreSQL sent",
    "started": "PostgreSQL does not start on it",
    "checked": "pages or indexes of it are damaged",
}
# What the script says where there was no room for the copy on which the WAL is replayed.
NOT_COPIED = "not copied"
TOLD = {*STEPS, NOT_COPIED}
MOST_NAMED = 5


class Prove(Struct):
    """Proves one backup, and the WAL that follows it.

    ``most_bytes`` is how much room on the disk it may take for that. ``own`` are all backups of the
    instance, newest first. ``instance`` is the one whose WAL is received on this machine.
    """

    fleet: Fleet
    restic: Restic
    backup: Backup
    options: RunOptions
    most_bytes: int | None = None
    own: Sequence[Backup] = ()
    instance: Instance | None = None
    of_wal: OfWal | None = None

    @property
    def _wal(self) -> WalTrial:
        return WalTrial(self.fleet, self.restic, self.own, self.instance, self.options)

    def run(self) -> Proof:
        """Prove the backup, write the proof beside it, and give it.

        Raises:
            WbError: the proof could not be written.
            InterruptedError: a signal came. Nothing is said of the backup then.
        """
        began = time.monotonic()
        try:
            reason, seconds = self._look(began)
            verdict = Verdict.FAILED if reason else Verdict.PROVEN
        except DamagedError as error:
            verdict, reason, seconds = Verdict.FAILED, error.headline, 0.0
        except WbError as error:
            verdict, reason, seconds = Verdict.UNKNOWN, error.headline, 0.0
        now = write_now()
        of_wal = self.of_wal if verdict is Verdict.PROVEN else None
        proof = Proof(self.backup.id, verdict, now, round(seconds, 3), reason, of_wal)
        self.restic.keep_proof(self.backup, proof)
        return proof

    def _look(self, began: float) -> tuple[str, float]:
        """Give what is wrong with the backup ("" for nothing), and how long its restore took."""
        try:
            with fetched(
                self.fleet, self.restic, self.backup, self.options, self.most_bytes
            ) as trial:
                seconds = time.monotonic() - began
                problem = self._look_at(trial)
        except MisfitError as error:
            problem, seconds = error.headline, 0.0
        return problem, seconds

    def _look_at(self, trial: Trial) -> str:
        """Give what is wrong with what was fetched ("" for nothing), and try the WAL after it."""
        found, image, target = trial.found, trial.image, trial.target
        following = self._find_following(trial.machine, found)
        problem = self._examine(
            image, target, found, takes_copy=bool(following)
        ) or self._look_at_folders(trial.machine, image, target, found)
        if following and not self.of_wal and not problem:
            self.of_wal = self._wal.run(trial.machine, image, target, following)
        return problem

    def _find_following(self, machine: Machine, found: Manifest) -> Following | None:
        """Find the WAL to try. Without room for that, the backup itself is tried all the same."""
        try:
            following = self._wal.find(self.backup)
            if following:
                room = (found.database_bytes or found.bytes) + following.room
                require_budget(self.most_bytes, found.room + room)
                require_room(machine, self.fleet.settings.mount_path, room, "its WAL beside it")
        except WbError as error:
            kind = Verdict.FAILED if isinstance(error, DamagedError) else Verdict.UNKNOWN
            self.of_wal = OfWal(kind, reason=error.headline)
            return None
        return following

    def _restore(
        self, machine: Machine, target: Path, folder: str, patterns: Sequence[str] = ()
    ) -> None:
        machine.create(target, (), {})
        self.restic.restore(
            f"{self.backup.id}:{ROOT}/{folder}".rstrip("/"),
            TaskMount(str(target), "/restored", is_read_only=False),
            lambda progress: self.options.report(f"restoring: {progress}"),
            patterns,
        )

    def _look_at_folders(self, machine: Machine, image: str, target: Path, found: Manifest) -> str:
        """Compare the folders with those that the manifest counts, and read some of their files."""
        if not found.folders:
            return ""
        self.options.report("looking at the folders, and reading some of their files")
        listing = Listing(ROOT)
        folders = [f"{ROOT}/{name}" for name in found.folders]
        self.restic.list_files(self.backup.id, folders, listing.add)
        if problem := compare_folders(found.contents, listing.folders):
            return problem
        if sample := listing.choose_sample():
            self._restore(machine, target / SAMPLE, "", make_patterns(sample, ROOT))
            count, wanted = self._read_sample(image, target), sum(file.bytes for file in sample)
            if count != wanted:
                return f"{len(sample)} files of its folders have {count} bytes, not {wanted}"
        return ""

    def _read_sample(self, image: str, target: Path) -> int:
        """Read the files that were restored, and count their bytes."""
        lines: list[str] = []
        spec = TaskSpec(
            purpose="proof",
            image=image,
            command=("sh", "-c", f"find {INSIDE}/{SAMPLE} -type f -exec cat {{}} + | wc -c"),
            mounts=(TaskMount(str(target), INSIDE),),
            labels=self.fleet.settings.labels,
        )
        end = self.fleet.engine.run_task(spec, lines.append, self.options.cancelled)
        if end.code or end.complaints:
            raise WbError(f"restored files cannot be read: {'; '.join(end.complaints)}")
        return int(lines[0])

    def _examine(self, image: str, target: Path, found: Manifest, *, takes_copy: bool) -> str:
        self.options.report("starting a PostgreSQL on it, and checking every page")
        lines: list[str] = []
        spec = TaskSpec(
            purpose="proof",
            image=image,
            command=("sh", "-c", files("wb_cli.backup").joinpath("proof.sh").read_text()),
            mounts=(TaskMount(str(target), INSIDE, is_read_only=False),),
            environment={
                "WB_NAMES": NAMES,
                "WB_COPY": f"{INSIDE}/{WAL_REPLAYED}" if takes_copy else "",
            },
            files=read_common_script() | {"/count.sql": read_sql("count").encode()},
            labels=self.fleet.settings.labels,
        )
        end = self.fleet.engine.run_task(spec, lines.append, self.options.cancelled)
        refuse_cut_off(see_whether_killed(end, lines), "the trial")
        if NOT_COPIED in lines:
            self.of_wal = OfWal(Verdict.UNKNOWN, reason="there was no room to replay it")
        missing = [step for step in STEPS if step not in lines]
        said = f" ({end.complaints[-1]})" if end.complaints else ""
        if missing:
            return f"{ENDED_EARLY[missing[0]]}{said}"
        if end.code:
            return f"its rows cannot be read{said}"
        return compare(found, parse_counts(line for line in lines if line not in TOLD))


def compare(found: Manifest, counted: Counts) -> str:
    """Say how the restored rows differ from those that the manifest names; "" if they do not.

    A table that was written to meanwhile is not compared.
    """
    different = []
    for database in found.databases:
        for table in database.tables:
            if table.was_written:
                continue
            count = counted.get(database.name, {}).get(table.name)
            name = f"{database.name}: {table.name}"
            if count is None:
                different.append(f"{name} is missing")
            elif count.rows != table.rows:
                different.append(f"{name} has {count.rows} rows, not {table.rows}")
    return shorten_list(different, MOST_NAMED)
