"""The parts that answers are made from."""

import time
from dataclasses import dataclass, field

from wb_cli.server.cache.valkey import ValkeyLink
from wb_cli.server.db.pool import Databases
from wb_cli.server.settings import Settings
from wb_cli.server.traffic import Traffic


@dataclass(frozen=True)
class Platform:
    """Built once, in ``__main__``, and handed to every answer."""

    settings: Settings
    databases: Databases
    valkey: ValkeyLink
    traffic: Traffic = field(default_factory=Traffic)
    started: float = field(default_factory=time.monotonic)

    @property
    def uptime_s(self) -> float:
        """Seconds since the process began."""
        return time.monotonic() - self.started
