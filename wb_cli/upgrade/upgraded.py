"""What came of an upgrade or of its way back."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli.errors import ExitCode

if TYPE_CHECKING:
    from wb_cli.upgrade.target import Version

SHORT = 12


class Ending(StrEnum):
    """How it ended. The value is shown in ``--json``."""

    PLANNED = "planned"
    UPGRADED = "upgraded"
    ALREADY = "is that version"
    DECLARED = "declared"
    FATAL = "fatal before"
    WAITS = "waits for its hours"
    ROLLED_BACK = "rolled back"


LEFT_ALONE = {Ending.FATAL, Ending.WAITS}


class Upgraded(Struct, frozen=True):
    """The result for one instance. ``away_s`` is how many seconds the platform was away."""

    ending: Ending
    before: Version
    after: Version
    reason: str = ""
    away_s: float | None = None
    seconds: float = 0.0
    backup: str = ""
    url: str = ""
    platform: str = ""
    degraded: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process if this were the only instance."""
        if self.ending in LEFT_ALONE:
            return ExitCode.PARTIAL
        return ExitCode.DEGRADED if self.degraded else ExitCode.OK

    def describe(self) -> str:
        """Describe it in a line."""
        way = f"{self.before.describe()} -> {self.after.describe()}"
        match self.ending:
            case Ending.ALREADY:
                return f"is {self.after.describe()}; nothing to do"
            case Ending.PLANNED:
                return f"{way}: would be switched{f' ({self.reason})' if self.reason else ''}"
            case Ending.DECLARED:
                return f"{way}: declared; it does not run, and its next start has it"
            case Ending.FATAL:
                return f"{way}: left alone, {self.reason}; `--retry` tries again"
            case Ending.WAITS:
                return f"{way}: left alone, {self.reason}; `--any-hour` does not wait"
            case _:
                away = "" if self.away_s is None else f"; away for {self.away_s:.1f} s"
                return f"{way}: {self.ending}{away} ({self.seconds:.1f} s)"

    def as_document(self) -> dict[str, Any]:
        """Give it for ``--json``."""
        return {
            "result": str(self.ending),
            "before": make_document(self.before),
            "after": make_document(self.after),
            "reason": self.reason,
            "awaySeconds": self.away_s,
            "seconds": round(self.seconds, 3),
            "backup": self.backup or None,
            "url": self.url or None,
            "degraded": list(self.degraded),
        }


def make_document(version: Version) -> dict[str, str]:
    """Give a version for ``--json``."""
    return {"version": version.describe(), "image": version.reference, "imageId": version.id}
