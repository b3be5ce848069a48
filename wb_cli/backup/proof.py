"""What a trial found: of a backup, and of the WAL that follows it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct

from wb_cli.errors import ExitCode
from wb_cli.quantities import describe_moment, write_moment


class Verdict(StrEnum):
    """What is known of it. Only ``PROVEN`` counts as proven."""

    PROVEN = "proven"
    FAILED = "failed"
    UNKNOWN = "could not be checked"


class OfWal(Struct, frozen=True):
    """What was found of the WAL that follows a backup.

    If it is proven, each moment up to ``until``, in seconds since the epoch, can be gone back to.
    """

    verdict: Verdict
    until: float = 0.0
    reason: str = ""

    def describe(self) -> str:
        """Describe it in half a line."""
        if self.verdict is Verdict.PROVEN:
            return f"its WAL leads to each moment until {describe_moment(self.until)}"
        return f"its WAL {self.verdict}: {self.reason}"

    def as_document(self) -> dict[str, Any]:
        """Give it for ``--json``."""
        return {
            "result": self.verdict.name.lower(),
            "until": write_moment(self.until) if self.until else None,
            "reason": self.reason,
        }


class Proof(Struct, frozen=True):
    """What was found. ``seconds`` is what a restore of the databases took; times are RFC 3339.

    ``of_wal`` is ``None`` if no WAL follows the backup, or the backup itself is not proven.
    """

    backup: str
    verdict: Verdict
    when: str
    seconds: float
    reason: str = ""
    of_wal: OfWal | None = None

    def describe(self) -> str:
        """Describe it in a line."""
        why = f": {self.reason}" if self.reason else f", restored in {self.seconds:.1f} s"
        wal = f"; {self.of_wal.describe()}" if self.of_wal else ""
        return f"{self.backup[:8]}: {self.verdict}{why}{wal}"

    def as_document(self) -> dict[str, Any]:
        """Give it for ``--json``."""
        return {
            "result": self.verdict.name.lower(),
            "backup": self.backup,
            "time": self.when,
            "restoreSeconds": self.seconds,
            "reason": self.reason,
            "wal": self.of_wal.as_document() if self.of_wal else None,
        }

    @property
    def ending(self) -> str:
        """How it ended, for the history."""
        return str(self.verdict)

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process if this were the only backup."""
        verdicts = {self.verdict, *([self.of_wal.verdict] if self.of_wal else [])}
        return ExitCode.OK if verdicts == {Verdict.PROVEN} else ExitCode.FAILURE
