"""What an upgrade of PostgreSQL did. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from wb_cli.backup.another_postgres.target import Step
from wb_cli.errors import ExitCode
from wb_cli.quantities import describe_size


class Ending(StrEnum):
    """How an upgrade ended."""

    PLANNED = "planned"
    UPGRADED = "upgraded"
    UNCHANGED = "unchanged"


class Upgraded(Struct, frozen=True, kw_only=True):
    """What an upgrade did, or would do.

    ``away_s`` is how long the platform was away, in seconds. ``tables`` and ``rows`` were compared.
    """

    ending: Ending
    step: Step
    image: str
    before: str
    after: str
    database_bytes: int = 0
    tables: int = 0
    rows: int = 0
    url: str = ""
    away_s: float = 0.0
    seconds: float = 0.0
    platform: str = ""

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process."""
        return ExitCode.OK

    def describe(self) -> str:
        """Describe it in a line."""
        size = f", {describe_size(self.database_bytes)} of databases" if self.database_bytes else ""
        match self.ending:
            case Ending.UNCHANGED:
                return f"runs PostgreSQL {self.before} of {self.image} already"
            case Ending.PLANNED if self.step is Step.RESTART:
                return f"would be restarted on {self.image}: PostgreSQL {self._change}"
            case Ending.PLANNED:
                return f"would be moved to {self.image}: PostgreSQL {self._change}{size}"
        same = f", the same {self.rows:,} rows in {self.tables} tables" if self.tables else ""
        return (
            f"PostgreSQL {self._change}{same}: {self.url}; away for {self.away_s:.1f} s "
            f"({self.seconds:.1f} s)"
        )

    def as_done(self, url: str, platform: str, away_s: float) -> Upgraded:
        """Give what a planned upgrade is once it is done."""
        return replace(self, ending=Ending.UPGRADED, url=url, platform=platform, away_s=away_s)

    @property
    def _change(self) -> str:
        return f"{self.after} in the place of {self.before}"

    def as_document(self) -> dict[str, Any]:
        """Give it for ``--json``."""
        return {
            "result": self.ending,
            "step": self.step,
            "image": self.image,
            "before": self.before,
            "after": self.after,
            "databaseBytes": self.database_bytes,
            "tables": self.tables,
            "rows": self.rows,
            "url": self.url or None,
            "awaySeconds": round(self.away_s, 3),
            "seconds": round(self.seconds, 3),
        }
