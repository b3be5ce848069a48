"""Read a platform's health check: whether it has its database, and what its cache holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli.lifecycle.readiness import warmup
from wb_cli.quantities import describe_size

if TYPE_CHECKING:
    from wb_cli.lifecycle.readiness.warmup import WarmUp

# PostgreSQL's message about a wrong password. Waiting does not help then.
WRONG_PASSWORD = "password authentication failed"  # noqa: S105  (a message)
# A platform has no database in the first moments of its start.
YOUNG_S = 10.0


class HealthReport(Struct, frozen=True):
    """A platform's own report.

    ``entries`` and ``bytes_`` say what its memory holds now, or are ``None`` if it does not tell.
    """

    has_database: bool
    reason: str
    uptime_s: float
    warm_up: WarmUp
    entries: int | None
    bytes_: int | None

    @property
    def is_young(self) -> bool:
        """Whether it has only just begun to look for its database."""
        return self.warm_up.phase == "waiting" and self.uptime_s < YOUNG_S

    @property
    def is_refused(self) -> bool:
        """Whether its database refuses the password."""
        return not self.has_database and WRONG_PASSWORD in self.reason

    def __str__(self) -> str:
        if not self.has_database:
            return f"no database: {self.reason}"
        if self.entries is None or self.bytes_ is None or not self.warm_up.is_warm:
            return str(self.warm_up)
        if not self.entries:
            return "the cache is empty"
        return f"{self.entries:,} entries, {describe_size(self.bytes_)}"

    def as_document(self) -> dict[str, Any]:
        """Give the report for ``--json``."""
        document: dict[str, Any] = {
            "database": {"connected": self.has_database, "reason": self.reason or None},
            "warmUp": self.warm_up.as_document(),
        }
        if self.entries is not None:
            document["cache"] = {"entries": self.entries, "bytes": self.bytes_}
        return document


def parse(body: str) -> HealthReport | None:
    """Read the report in the body of a health check. ``None`` for platforms without one."""
    warm_up = warmup.parse(body)
    if not warm_up:
        return None
    document = json.loads(body)
    database, memory = (document.get(name) or {} for name in ("database", "l1"))
    return HealthReport(
        has_database=bool(database.get("connected", True)),
        reason=str(database.get("reason") or ""),
        uptime_s=float(document.get("uptimeSeconds") or 0),
        warm_up=warm_up,
        entries=memory.get("entries"),
        bytes_=memory.get("bytes"),
    )
