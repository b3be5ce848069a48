"""Log the entries that L2 will not get: the first few by name, then the number of the others."""

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

LINES = 5
EPISODE_S = 60.0


class Unpersisted:
    """Logs entries that were not persisted: a few lines in an episode, and a count after it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began: float | None = None
        self._noted = 0

    def note(self, key: bytes, reason: str) -> None:
        """Note that an entry is given up."""
        self.end_episode()
        if self._began is None:
            self._began = self._clock()
        self._noted += 1
        if self._noted <= LINES:
            name = key.removeprefix(b"cache:").decode(errors="backslashreplace")
            log.warning("[Valkey] Failed to persist cache entry (%s): %s", name, reason)

    def end_episode(self, *, at_once: bool = False) -> None:
        """Log how many more entries there were: once a minute, or at the end of the process."""
        if self._began is None or not (at_once or self._clock() - self._began >= EPISODE_S):
            return
        if self._noted > LINES:
            more = self._noted - LINES
            log.warning("[Valkey] Failed to persist %d more cache entries", more)
        self._began, self._noted = None, 0
