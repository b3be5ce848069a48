"""The hours of the day in which an instance may be upgraded, in its own time. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from wb_cli.instances.deploy_hours import parse_deploy_hours

if TYPE_CHECKING:
    from datetime import datetime

MINUTES_OF_DAY = 24 * 60


def find_opening(hours: str | None, zone: str | None, now: datetime) -> datetime | None:
    """Find when the hours begin next; ``None`` if it is time now.

    ``hours`` are as the field ``deployHours`` has them; without them it is always time. ``now`` has
    a time zone. Without ``zone`` the hours are those of this machine.
    """
    if not hours:
        return None
    first, last = parse_deploy_hours(hours)
    here = now.astimezone(ZoneInfo(zone) if zone else None)
    minute = here.hour * 60 + here.minute
    if (minute - first) % MINUTES_OF_DAY < (last - first) % MINUTES_OF_DAY:
        return None
    begins = here.replace(second=0, microsecond=0)
    return begins + timedelta(minutes=(first - minute) % MINUTES_OF_DAY)
