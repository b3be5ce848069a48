"""What a rehearsal may take of its machine."""

from __future__ import annotations

from msgspec import Struct

MEMORY = 2 * 1024**3


class Budget(Struct, frozen=True):
    """What a rehearsal may take, in bytes. Without ``disk`` it takes what it needs."""

    memory: int
    disk: int | None = None

    @property
    def share(self) -> int:
        """What each of its two containers may take of the memory: PostgreSQL, and a platform."""
        return self.memory // 2
