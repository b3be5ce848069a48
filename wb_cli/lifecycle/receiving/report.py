"""What a receiver of WAL says of itself. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from wb_cli.quantities import describe_duration, describe_size

# It looks every minute. What it has not noted for this long, it has not got.
LATE_AFTER_S = 300.0


class Report(Struct, frozen=True):
    """How far a receiver is.

    Up to ``until``, in seconds since the epoch, it has everything; 0 if that was never so.
    ``behind`` are the bytes that were still to come when it last looked.
    """

    stretch: str
    until: float
    behind: int

    @property
    def began(self) -> datetime | None:
        """When the stretch began, which its name says; ``None`` if it does not."""
        try:
            return datetime.fromisoformat(self.stretch.partition(".")[0]).astimezone(UTC)
        except ValueError:
            return None

    def is_late(self, now: float) -> bool:
        """Whether too much would be lost with the database."""
        return now - self.until > LATE_AFTER_S

    def describe(self, now: float) -> str:
        """Say in a line what would be lost now if the database were."""
        if not self.until:
            return f"receives WAL; {describe_size(self.behind)} to come"
        ago = describe_duration(max(0.0, now - self.until))
        behind = f", {describe_size(self.behind)} to come" if self.behind else ""
        return f"has all WAL until {ago} ago{behind}"

    def as_document(self) -> dict[str, Any]:
        """Give it for ``--json``."""
        until = datetime.fromtimestamp(self.until, UTC).isoformat().replace("+00:00", "Z")
        return {"receivedUntil": until if self.until else None, "behindBytes": self.behind}


def parse(text: str) -> Report | None:
    """Read a report; ``None`` if it is none."""
    try:
        stretch, until, behind = text.split()
        return Report(stretch, float(until), int(behind))
    except ValueError:
        return None
