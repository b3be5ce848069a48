"""An example of everything that the page shows."""

from datetime import UTC, datetime
from typing import Any

from wb_cli.server.cache import LinkState, Usage
from wb_cli.server.http.health import Health
from wb_cli.server.page.view import PageView
from wb_cli.server.warmup.progress import Phase, Progress, Tally
from wb_cli.server.watch.history import Origins

MIB = 1024 * 1024


def progress_of(*tallies: Tally, phase: Phase = Phase.DONE) -> Progress:
    """A warm-up with these tallies, that has come to this phase."""
    progress = Progress()
    progress.tallies = {tally.label.lower(): tally for tally in tallies}
    progress.enter(phase)
    return progress


def view(**changes: Any) -> PageView:
    """A server that loads its last entries, with these changes."""
    north = Tally("North", objects=10, entries=30, from_l2=20, from_database=5)
    given: dict[str, Any] = {
        "id": "demo",
        "label": "Demo",
        "version": "1.7.0",
        "wb": "0.1.0",
        "now": datetime(2026, 3, 4, 19, 29, 30, tzinfo=UTC),
        "status": Health.READY,
        "uptime_s": 65,
        "database": "connected",
        "database_connections": 3,
        "l2": LinkState.READY,
        "l2_reason": "",
        "l2_usage": Usage(20, 2 * MIB, 256 * MIB),
        "l1_entries": 25,
        "l1_bytes": 3 * MIB,
        "l1_max_bytes": 512 * MIB,
        "saved_s": 90,
        "has_token": True,
        "progress": progress_of(north, phase=Phase.DATABASE),
        "answers": Origins(l1=60, l2=30, database=10),
        "intervals": [Origins(l1=3, database=1)],
    }
    return PageView(**{**given, **changes})
