"""Prove a backup: restore it from the repository, run it, check it, and compare it.

Nothing of the instance is touched, and it need not run or even exist.
"""

from __future__ import annotations

import time
from enum import StrEnum
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from wb_cli.backup.complaints import DamagedError
from wb_cli.backup.copying.base_backup import INSIDE, SAMPLE
from wb_cli.backup.copying.counting import NAMES, parse_counts, read_sql
from wb_cli.backup.copying.room import refuse_cut_off
from wb_cli.backup.databases import MisfitError
from wb_cli.backup.listing import Listing, compare_folders, make_patterns
from wb_cli.backup.make import ROOT
from wb_cli.backup.trial import fetched
from wb_cli.engine.task import TaskMount, TaskSpec
from wb_cli.errors import ExitCode, WbError
from wb_cli.quantities import shorten_list, write_now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wb_cli.backup.copying.counting import Counts
    from wb_cli.backup.manifest import Manifest
    from wb_cli.backup.restic import Restic
    from wb_cli.backup.snapshots import Backup
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.machine.base import Machine
    from wb_cli.lifecycle.options import RunOptions

STEPS = ("verified", "started", "checked")
ENDED_EARLY = {
    "verified": "its files are not those that PostgreSQL sent",
    "started": "PostgreSQL does not start on it",
    "checked": "pages or indexes of it are damaged",
}
# What the script says of a PostgreSQL that did not end by itself, and the exit code of that.
KILLED, SIGKILLED = "killed", 137
MOST_NAMED = 5


class Verdict(StrEnum):
    """What is known of a backup. Only ``PROVEN`` counts as proven."""

    PROVEN = "proven"
    FAILED = "failed"
    UNKNOWN = "could not be checked"


class Proof(Struct, frozen=True):
    """What was found. ``seconds`` is what a restore of the databases took; times are RFC 3339."""

    backup: str
    verdict: Verdict
    when: str
    seconds: float
    reason: str = ""

    def describe(self) -> str:
        """Describe it in a line."""
        why = f": {self.reason}" if self.reason else f", restored in {self.seconds:.1f} s"
        return f"{self.backup[:8]}: {self.verdict}{why}"

    def as_document(self) -> dict[str, Any]:
        """Give it for ``--json``."""
        return {
            "result": self.verdict.name.lower(),
            "backup": self.backup,
            "time": self.when,
            "restoreSeconds": self.seconds,
            "reason": self.reason,
        }

    @property
    def ending(self) -> str:
        """How it ended, for the history."""
        return str(self.verdict)

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process if this were the only backup."""
        return ExitCode.OK if self.verdict is Verdict.PROVEN else ExitCode.FAILURE


class Prove(Struct):
    """Proves one backup. ``most_bytes`` is how much room on the disk it may take for that."""

    fleet: Fleet
    restic: Restic
    backup: Backup
    options: RunOptions
    most_bytes: int | None = None

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
        proof = Proof(self.backup.id, verdict, now, round(seconds, 3), reason)
        self.restic.keep_proof(self.backup, proof.verdict.name.lower(), proof.seconds)
        return proof

    def _look(self, began: float) -> tuple[str, float]:
        """Give what is wrong with the backup ("" for nothing), and how long its restore took."""
        try:
            with fetched(
                self.fleet, self.restic, self.backup, self.options, self.most_bytes
            ) as trial:
                seconds = time.monotonic() - began
                found, image, target = trial.found, trial.image, trial.target
                problem = self._examine(image, target, found) or self._look_at_folders(
                    trial.machine, image, target, found
                )
        except MisfitError as error:
            problem, seconds = error.headline, 0.0
        return problem, seconds

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

    def _examine(self, image: str, target: Path, found: Manifest) -> str:
        self.options.report("starting a PostgreSQL on it, and checking every page")
        lines: list[str] = []
        spec = TaskSpec(
            purpose="proof",
            image=image,
            command=("sh", "-c", files("wb_cli.backup").joinpath("proof.sh").read_text()),
            mounts=(TaskMount(str(target), INSIDE, is_read_only=False),),
            environment={"WB_NAMES": NAMES},
            files={"/count.sql": read_sql("count").encode()},
            labels=self.fleet.settings.labels,
        )
        end = self.fleet.engine.run_task(spec, lines.append, self.options.cancelled)
        refuse_cut_off(replace(end, code=SIGKILLED) if KILLED in lines else end, "the trial")
        missing = [step for step in STEPS if step not in lines]
        said = f" ({end.complaints[-1]})" if end.complaints else ""
        if missing:
            return f"{ENDED_EARLY[missing[0]]}{said}"
        if end.code:
            return f"its rows cannot be read{said}"
        return compare(found, parse_counts(line for line in lines if line not in STEPS))


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
