"""Numbers with their units, short enough for a page."""

MINUTE, HOUR, DAY = 60, 3_600, 86_400
KIB = 1024


def duration(seconds: float) -> str:
    """A length of time in its two largest units."""
    if seconds < MINUTE:
        return f"{seconds:.1f} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE:.0f} min {seconds % MINUTE:.0f} s"
    if seconds < DAY:
        return f"{seconds // HOUR:.0f} h {seconds % HOUR // MINUTE:.0f} min"
    return f"{seconds // DAY:.0f} d {seconds % DAY // HOUR:.0f} h"


def size(count: float) -> str:
    """A number of bytes, in a unit that keeps it short."""
    for unit in ("B", "KiB", "MiB"):
        if count < KIB:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= KIB
    return f"{count:.1f} GiB"


def number(count: int, noun: str) -> str:
    """``1 entry``, ``2,000 entries``: a count with its noun."""
    if count != 1:
        noun = "entries" if noun == "entry" else f"{noun}s"
    return f"{count:,} {noun}"
