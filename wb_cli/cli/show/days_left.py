"""How long a certificate lasts, in a cell of a table."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from wb_cli.cli.show.tables import StateCell
from wb_cli.errors import WbError

if TYPE_CHECKING:
    from wb_cli.cli.show.tables import Cell
    from wb_cli.observe.certificates import CertificateStatus

UNKNOWN, NONE = "?", "-"


def show_certificate(status: CertificateStatus | WbError | None) -> Cell:
    """Show the days that are left. What is soon over has the colour of a warning."""
    if isinstance(status, WbError) or (status and status.problem):
        return UNKNOWN
    now = time.time()
    days = status.count_days(now) if status else None
    if days is None or not status or not status.current:
        return NONE
    from wb_cli.edge.certificates import Haste, judge_haste

    # The states whose colours say how soon a certificate is over.
    states = {
        Haste.NONE: "healthy",
        Haste.SOON: "degraded",
        Haste.VERY_SOON: "failed",
        Haste.EXPIRED: "broken",
    }
    haste = judge_haste(status.current, now)
    return StateCell(states[haste], "expired" if haste is Haste.EXPIRED else f"{days}d")
