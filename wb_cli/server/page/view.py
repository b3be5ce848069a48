"""What the status page shows: facts, and what follows from them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from wb_cli.server.cache import LinkState, Usage
from wb_cli.server.http.health import Health
from wb_cli.server.warmup.progress import Progress
from wb_cli.server.watch.history import Origins

DEGRADED = "degraded"


@dataclass(frozen=True)
class PageView:
    """Everything the page shows."""

    id: str
    label: str
    version: str
    wb: str
    now: datetime
    status: Health
    uptime_s: float
    database: str
    database_connections: int
    l2: LinkState
    l2_reason: str
    l2_usage: Usage | None
    l1_entries: int
    l1_bytes: int
    l1_max_bytes: int
    saved_s: float
    has_token: bool
    progress: Progress
    answers: Origins
    intervals: Sequence[Origins]
    workers: tuple[int, int, int] = (1, 1, 1)  # which one answers, how many are known, and all

    @property
    def has_database(self) -> bool:
        """Whether PostgreSQL answers."""
        return self.status is not Health.WAITING

    @property
    def has_valkey(self) -> bool:
        """Whether Valkey is ready, which keeps entries over a restart."""
        return self.l2 is LinkState.READY

    @property
    def pill(self) -> str:
        """The state in a word. It is never a good word while there is a notice."""
        is_first_wait = not self.has_database and not self.progress.has_begun
        return DEGRADED if self.notice and not is_first_wait else self.status

    @property
    def notice(self) -> str:
        """What is wrong, and what it means for users; empty if nothing is wrong."""
        notices = (self._database_notice(), self._valkey_notice(), self._workers_notice())
        return " ".join(filter(None, notices))

    def _database_notice(self) -> str:
        if self.has_database:
            return ""
        reason = self.database if self.database.endswith("?") else f"{self.database}."
        return f"No database: {reason} Until it is back, requests for data are answered with 503."

    def _workers_notice(self) -> str:
        _, known, count = self.workers
        if known == count:
            return ""
        return f"{known} of {count} workers answer: the numbers are theirs."

    def _valkey_notice(self) -> str:
        match self.l2:
            case LinkState.LOST:
                return "Valkey is lost: the cache is in memory only."
            case LinkState.LOADING:
                return "Valkey reads its snapshot: until then the cache is in memory only."
            case _:
                return ""
