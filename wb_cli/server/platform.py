"""The running platform: everything that an answer is made from."""

import time
from dataclasses import dataclass, field

from wb_cli.server.cache import ValkeyLink
from wb_cli.server.db.pool import Databases
from wb_cli.server.process.siblings import Place, Siblings
from wb_cli.server.results.bus import VersionBus
from wb_cli.server.results.caches import Caches
from wb_cli.server.settings import Settings
from wb_cli.server.warmup.progress import Progress
from wb_cli.server.watch.history import History
from wb_cli.server.watch.last_hour import LastHour
from wb_cli.server.watch.loop_lag import LoopLag
from wb_cli.server.watch.stored import Stored
from wb_cli.server.watch.traffic import Traffic


@dataclass(frozen=True)
class Platform:
    """The server's settings, databases, caches and counters. ``__main__`` builds it once."""

    settings: Settings
    databases: Databases
    valkey: ValkeyLink
    caches: Caches
    bus: VersionBus
    warm_up: Progress
    history: History
    loop_lag: LoopLag
    stored: Stored
    siblings: Siblings = field(default_factory=lambda: Siblings(Place()))
    traffic: Traffic = field(default_factory=Traffic)
    last_hour: LastHour = field(default_factory=LastHour)
    started: float = field(default_factory=time.monotonic)

    @property
    def uptime_s(self) -> float:
        """Seconds since the process began."""
        return time.monotonic() - self.started

    @property
    def server_uptime_s(self) -> float:
        """Seconds since the server began. A worker that was replaced began later."""
        return time.monotonic() - self.siblings.place.began
