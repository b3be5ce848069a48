"""Whether upgraded instances still run well after a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.contract import Part
from wb_cli.lifecycle.record.black_box import is_called_unhealthy

if TYPE_CHECKING:
    from collections.abc import Collection

    from wb_cli.engine.types import Observed


def find_unwell(observed: Observed, ids: Collection[str]) -> dict[str, str]:
    """Find the instances whose platform does not run well any more, with the reason. Pure."""
    unwell = {}
    for id_ in ids:
        platform = observed.find_running(id_, Part.PLATFORM)
        if platform is None:
            unwell[id_] = "its platform does not run any more"
        elif is_called_unhealthy(platform):
            unwell[id_] = "its platform is unhealthy now"
    return unwell
