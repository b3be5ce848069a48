"""restic, as wb uses it, and its answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from wb_cli.backup.answers import Progress, Repaired, Summary
from wb_cli.backup.complaints import (
    DamagedError,
    ReturnCode,
    find_damaged_packs,
    judge,
    parse_line,
    refuse_unread,
    takes_no_lock,
)
from wb_cli.backup.locks import ID, Lock
from wb_cli.backup.snapshots import PROOF, PROOF_PATH, WB, Snapshot, make_tags
from wb_cli.errors import WbError
from wb_cli.lifecycle.time_limit import time_limit

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence

    from wb_cli.backup.proof import Proof
    from wb_cli.backup.repository import Repository
    from wb_cli.backup.snapshots import Backup
    from wb_cli.engine.base import Engine
    from wb_cli.engine.task import TaskEnd, TaskMount


# restic waits so many seconds, at least, for another restic that has locked the repository.
WAITS_FOR_LOCK_S = 120.0
# A repository that is there says so in this time, over a slow link, too.
ANSWERS_WITHIN_S = 60.0
# A command line has room for so many ids.
FORGOTTEN_AT_ONCE = 500


# restic copies without JSON. These are its words for a snapshot that is there now.
SNAPSHOT_COPIED = re.compile(r"snapshot [0-9a-f]+ saved")
SHARE_COPIED = re.compile(r"([0-9.]+%)  [0-9]+ / [0-9]+ packs copied")

OnProgress = Callable[[Progress], None]


class Restic:
    """Works on one repository, through one engine."""

    def __init__(self, engine: Engine, repository: Repository, cancelled: threading.Event) -> None:
        self._engine, self.repository, self._cancelled = engine, repository, cancelled

    def is_there(self) -> bool:
        """Whether there is a repository, whatever opens it.

        Raises:
            WbError: it does not answer. restic itself would ask again for a quarter of an hour.
        """
        task = self.repository.describe_task("look for the repository", ("--json", "cat", "config"))
        try:
            with time_limit(ANSWERS_WITHIN_S, self._cancelled) as cancelled:
                end = self._engine.run_task(task, lambda _: None, cancelled)
        except TimeoutError:
            raise WbError(
                f"{self.repository.location} did not answer within {ANSWERS_WITHIN_S:g} s",
                "Is it up, is its bucket there, and are the keys those that it knows?",
            ) from None
        if end.code in {ReturnCode.NO_REPOSITORY, ReturnCode.WRONG_KEY}:
            return end.code == ReturnCode.WRONG_KEY
        self._judge(end)
        return True

    def make(self) -> None:
        """Make the repository."""
        self._ask("make the repository", ("--json", "init"))

    def make_like(self, source: Repository) -> None:
        """Make the repository so that it cuts files as another one does, from which it copies."""
        words = ("init", "--copy-chunker-params")
        self._judge(self._copy("make the repository", words, source, lambda _: None))

    def copy_from(self, source: Repository, report: Callable[[str], None]) -> int:
        """Copy the snapshots that are not here yet. Give how many there were."""
        copied: list[str] = []

        def read(line: str) -> None:
            if match := SHARE_COPIED.search(line):
                report(f"copying: {match[1]} of a backup")
            elif SNAPSHOT_COPIED.match(line):
                copied.append(line)

        words = (f"--retry-lock={WAITS_FOR_LOCK_S:.0f}s", "copy", f"--tag={WB}")
        self._judge(self._copy("copy", words, source, read))
        return len(copied)

    def _copy(
        self,
        purpose: str,
        words: tuple[str, ...],
        source: Repository,
        on_line: Callable[[str], None],
    ) -> TaskEnd:
        task = self.repository.describe_task(purpose, words, source=source)
        return self._engine.run_task(task, on_line, self._cancelled)

    def back_up(  # noqa: PLR0913  (what is stored, under which names, and who is told)
        self,
        path: str,
        tags: tuple[str, ...],
        on_progress: OnProgress,
        mounts: tuple[TaskMount, ...] = (),
        files: Mapping[str, bytes] | None = None,
        *,
        host: str = WB,
    ) -> Summary:
        """Store a folder as it is seen in the container, and give what was stored.

        Files that the last snapshot of the same path and ``host`` has are not read again.
        """
        summaries: list[Summary] = []

        def read(line: str) -> None:
            message = parse_line(line)
            kind = message.get("message_type")
            if kind == "status":
                on_progress(msgspec.convert(message, Progress))
            elif kind == "summary":
                summaries.append(msgspec.convert(message, Summary))

        words = ("backup", f"--host={host}", *(f"--tag={tag}" for tag in tags), path)
        end = self._engine.run_task(
            self.repository.describe_task("backup", self._lock(words), mounts, files),
            read,
            self._cancelled,
        )
        self._judge(end)
        if not summaries:
            raise WbError("restic ended without a summary; nothing is counted as stored")
        return summaries[-1]

    def list_snapshots(self, tell: Callable[[str], object] | None = None) -> list[Snapshot]:
        """List the snapshots that wb made.

        Raises:
            DamagedError: one cannot be read. With ``tell``, only that is told of it.
            WbError: the repository does not answer.
        """
        if not self.repository.is_folder:
            self.is_there()  # a list has no limit, as it takes long where there is much
        lines: list[str] = []
        end = self._look("list", ("snapshots", f"--tag={WB}"), lines.append)
        try:
            refuse_unread(end, self.repository.location)
        except DamagedError as error:
            if tell is None:
                raise
            tell(f"{error.message}. {error.hint}")
        return msgspec.json.decode("".join(lines) or "[]", type=list[Snapshot])

    def read_file(self, snapshot: str, path: str) -> bytes:
        """Read one file of a snapshot."""
        lines: list[str] = []
        self._look("read", ("dump", snapshot, path), lines.append)
        return "\n".join(lines).encode()

    def list_files(
        self, snapshot: str, folders: Sequence[str], on_node: Callable[[dict[str, Any]], None]
    ) -> None:
        """List what is in folders of a snapshot, one call for each file and folder."""
        words = ("ls", "--recursive", snapshot, *folders)
        self._look("list files", words, lambda line: on_node(parse_line(line)))

    def keep_proof(self, backup: Backup, proof: Proof) -> None:
        """Write beside a backup what was found when it was tried."""
        verdict = proof.verdict.name.lower()
        tags = [
            *make_tags(backup.instance, PROOF),
            f"of={backup.origin}",
            f"verdict={verdict}",
            f"seconds={proof.seconds:.1f}",
        ]
        if proof.of_wal:
            tags += [f"of_wal={proof.of_wal.verdict.name.lower()}", f"until={proof.of_wal.until}"]
        self.back_up(PROOF_PATH, tuple(tags), lambda _: None, files={PROOF_PATH: verdict.encode()})

    def forget(self, snapshots: Sequence[str], wait_s: float = 0.0) -> None:
        """Forget snapshots. What only they need stays until :meth:`prune`.

        Nobody else may work on the repository meanwhile: ``wait_s`` is how long to wait for others.
        """
        for some in _split(snapshots, FORGOTTEN_AT_ONCE):
            self._ask("forget", self._lock(("forget", *some), wait_s))

    def prune(self, wait_s: float = 0.0) -> None:
        """Remove what no snapshot needs. It waits for others as :meth:`forget` does."""
        self._ask("prune", self._lock(("prune",), wait_s))

    def check(self, share: str) -> None:
        """Check the repository, and read a share of its data again (``100%``: all of it)."""
        self._ask("check", self._lock(("check", f"--read-data-subset={share}")))

    def repair(self) -> Repaired:
        """Take what is damaged out of the repository."""
        self._ask("repair", self._lock(("repair", "index")))
        end, _ = self._run("check", self._lock(("check", "--read-data-subset=100%")))
        if packs := find_damaged_packs(end.complaints):
            self._ask("repair", self._lock(("repair", "packs", *packs)))
            end, _ = self._run("check", self._lock(("check",)))
        try:
            self._judge(end)
        except DamagedError:
            return Repaired(len(packs), lacks_data=True)
        return Repaired(len(packs), lacks_data=False)

    def list_locks(self) -> list[Lock]:
        """List who has locked the repository. A lock that goes meanwhile is left out."""
        locks = (self._read_lock(lock) for lock in self._list_lock_ids())
        return [lock for lock in locks if lock]

    def unlock(self, *, remove_all: bool) -> None:
        """Remove the locks that restic takes for dead, or all."""
        self._ask("unlock", ("--json", "unlock", *(("--remove-all",) if remove_all else ())))

    def _list_lock_ids(self) -> list[str]:
        lines = self._ask("list locks", ("--json", "list", "locks"))
        return [line.strip() for line in lines if ID.fullmatch(line.strip())]

    def _read_lock(self, lock: str) -> Lock | None:
        """Read a lock. Of one that is there and cannot be read, the owner is not known."""
        end, lines = self._run("read a lock", ("--json", "--no-lock", "cat", "lock", lock))
        if not end.code:
            return msgspec.structs.replace(msgspec.json.decode("".join(lines), type=Lock), id=lock)
        return Lock(lock) if lock in self._list_lock_ids() else None

    def restore(
        self,
        snapshot: str,
        target: TaskMount,
        on_progress: OnProgress,
        patterns: Sequence[str] = (),
    ) -> None:
        """Restore a folder of a snapshot (``id:path``) into the mounted target.

        With patterns, only the files that match one.
        """

        def read(line: str) -> None:
            message = parse_line(line)
            if message.get("message_type") == "status":
                done, total = message.get("bytes_restored", 0), message.get("total_bytes", 0)
                on_progress(Progress(done, total))

        chosen = (f"--include={pattern}" for pattern in patterns)
        words = ("restore", snapshot, f"--target={target.target}", *chosen)
        self._look("restore", words, read, (target,))

    def _look(
        self,
        purpose: str,
        words: tuple[str, ...],
        on_line: Callable[[str], None],
        mounts: tuple[TaskMount, ...] = (),
    ) -> TaskEnd:
        """Do what only reads. A repository that takes no lock, as its disk is full, is read too."""

        def run(words: tuple[str, ...]) -> TaskEnd:
            task = self.repository.describe_task(purpose, words, mounts)
            return self._engine.run_task(task, on_line, self._cancelled)

        end = run(self._lock(words))
        if end.code and takes_no_lock(end):
            end = run(("--json", "--no-lock", *words))
        self._judge(end)
        return end

    def _judge(self, end: TaskEnd) -> None:
        judge(end, self.repository.location)

    def _lock(self, words: tuple[str, ...], wait_s: float = 0.0) -> tuple[str, ...]:
        return ("--json", f"--retry-lock={max(WAITS_FOR_LOCK_S, wait_s):.0f}s", *words)

    def _ask(self, purpose: str, words: tuple[str, ...]) -> list[str]:
        end, lines = self._run(purpose, words)
        self._judge(end)
        return lines

    def _run(self, purpose: str, words: tuple[str, ...]) -> tuple[TaskEnd, list[str]]:
        lines: list[str] = []
        task = self.repository.describe_task(purpose, words)
        return self._engine.run_task(task, lines.append, self._cancelled), lines


def _split(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
