"""How an entry of a cache is named: the cache, the thing, and the state of the thing."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CacheKey:
    """Which thing, in which state. A version of None: it is unsettled now."""

    cache: str
    uniqueness: str
    version: str | None


# What separates parts, and what escapes that. Only the last part of a hash may hold it as it is.
SEPARATING = re.compile("[|:%]")


def part(text: str) -> str:
    """An id that others follow in a hash: ordinary ones as they are, and no two ever alike."""
    return SEPARATING.sub(lambda found: f"%{ord(found[0]):02X}", text)
