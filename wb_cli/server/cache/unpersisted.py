"""The log line for each entry that L2 will not get; a few at a time, then how many more."""

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

LINES = 5
EPISODE_S = 60.0


class Unpersisted:
    """Says what was not persisted: a few lines within an episode, and their number after it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began: float | None = None
        self._noted = 0

    def note(self, key: bytes, reason: str) -> None:
        """One entry is given up."""
        self.end_episode()
        if self._began is None:
            self._began = self._clock()
        self._noted += 1
        if self._noted <= LINES:
            name = key.removeprefix(b"cache:").decode(errors="backslashreplace")
            log.warning("[Valkey] Failed to persist cache entry (%s): %s", name, reason)

    def end_episode(self, *, at_once: bool = False) -> None:
        """Say how many more there were, once a minute at most or because the process ends."""
        if self._began is None or not (at_once or self._clock() - self._began >= EPISODE_S):
            return
        if self._noted > LINES:
            more = self._noted - LINES
            log.warning("[Valkey] Failed to persist %d more cache entries", more)
        self._began, self._noted = None, 0
