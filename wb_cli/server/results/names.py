"""How an entry of a cache is named: the cache, the thing, and the state of the thing."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CacheKey:
    """A thing and its version. A version of None says that the thing is unsettled now."""

    cache: str
    uniqueness: str
    version: str | None


# The separators of parts, and the escape character. Only the last part of a hash needs no escape.
SEPARATING = re.compile("[|:%]")


def head(uniqueness: str) -> str:
    """The first part of a hash, as :func:`part` gives it."""
    return uniqueness.partition("|")[0].partition(":")[0]


def part(text: str) -> str:
    """An id as a part of a hash, with its separators escaped, so that no two ids look alike."""
    return SEPARATING.sub(lambda found: f"%{ord(found[0]):02X}", text)
