"""Read from a platform's health check how far its cache has warmed up."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli import contract
from wb_cli.lifecycle.readiness import probes

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

FOLLOW_WITHIN_S = 10.0
ASK_AGAIN_AFTER_S = 0.01
ASK_AGAIN_AT_MOST_AFTER_S = 0.1
READY_STATES = {"ready", "warm"}


class WarmUp(Struct, frozen=True):
    """A platform's own report: its state, and from where the entries of its cache came."""

    state: str
    phase: str
    objects: int
    entries: int
    from_l2: int
    from_database: int
    ready_s: float | None
    remaining_s: float | None

    @property
    def is_ready(self) -> bool:
        """Whether everything that Valkey had is in memory."""
        return self.state in READY_STATES

    @property
    def is_warm(self) -> bool:
        """Whether all known entries are in memory."""
        return self.state == "warm"

    def __str__(self) -> str:
        if not self.is_ready:
            return f"warming up ({self.phase})"
        if not self.entries:
            return "there was nothing to load when it started"
        took = f" in {self.ready_s:.1f} s" if self.ready_s is not None else ""
        text = f"{self.objects:,} objects, {self.from_l2:,} of {self.entries:,} entries from Valkey"
        text += took
        if self.is_warm:
            return f"{text}, {self.from_database:,} from the database"
        left = self.entries - self.from_l2 - self.from_database
        about = f", about {self.remaining_s:.0f} s" if self.remaining_s is not None else ""
        return f"{text}, {left:,} left to the database{about}"

    def as_document(self) -> dict[str, Any]:
        """Give the report for ``--json``."""
        return {
            "state": self.state,
            "phase": self.phase,
            "objects": self.objects,
            "entries": self.entries,
            "fromL2": self.from_l2,
            "fromDatabase": self.from_database,
            "readySeconds": self.ready_s,
            "remainingSeconds": self.remaining_s,
        }


def parse(body: str) -> WarmUp | None:
    """Read the warm-up in the body of a health check. ``None`` for platforms without one."""
    try:
        document = json.loads(body)
        report = document["warmUp"]
        return WarmUp(
            state=document["status"],
            phase=report["phase"],
            objects=report["objects"],
            entries=report["entries"],
            from_l2=report["fromL2"] + report["held"],
            from_database=report["fromDatabase"],
            ready_s=report["readySeconds"],
            remaining_s=report["remainingSeconds"],
        )
    except (ValueError, KeyError, TypeError):
        return None


def follow(
    host: str, port: int, report: Callable[[str], None], cancelled: threading.Event
) -> WarmUp | None:
    """Watch a platform read its cache back from Valkey, for at most 10 s.

    It returns when the entries of Valkey are in memory. It does not wait until the cache is warm.
    """
    deadline, pause = time.monotonic() + FOLLOW_WITHIN_S, ASK_AGAIN_AFTER_S
    while True:
        warm_up = parse(probes.ask_http(host, port, contract.HEALTH_PATH).text)
        if warm_up is None or warm_up.is_ready or time.monotonic() >= deadline:
            return warm_up
        report(str(warm_up))
        if cancelled.wait(pause):
            return warm_up
        pause = min(2 * pause, ASK_AGAIN_AT_MOST_AFTER_S)
