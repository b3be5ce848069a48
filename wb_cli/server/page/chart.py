"""A picture of hit shares: stacked bars as inline SVG, without a script."""

from collections.abc import Iterator, Sequence

from wb_cli.server.watch.history import EVERY_S, Origins

# The picture is stretched to its place. A unit is a bar in width, and a per cent in height.
HEIGHT = 100
LEAST_BARS = 30
GAP = 0.12
SECONDS_PER_MINUTE = 60


def hit_shares(intervals: Sequence[Origins]) -> str:
    """A bar for each interval, split by origin. The newest is at the right."""
    width = bars_of(intervals)
    first = width - len(intervals)
    bars = "".join(
        bar for place, origins in enumerate(intervals, first) for bar in stack(place, origins)
    )
    return (
        f'<svg viewBox="0 0 {width} {HEIGHT}" preserveAspectRatio="none" role="img"'
        f' aria-label="{summary(intervals)}">{bars}</svg>'
    )


def bars_of(intervals: Sequence[Origins]) -> int:
    """The number of bars that have room."""
    return max(LEAST_BARS, len(intervals))


def minutes_shown(intervals: Sequence[Origins]) -> float:
    """The minutes that the picture goes back."""
    return bars_of(intervals) * EVERY_S / SECONDS_PER_MINUTE


def stack(place: int, origins: Origins) -> Iterator[str]:
    """The parts of one bar, from the bottom up."""
    bottom = float(HEIGHT)
    for name, count in (("l1", origins.l1), ("l2", origins.l2), ("db", origins.database)):
        if count:
            height = HEIGHT * count / origins.total
            bottom -= height
            yield (
                f'<rect class="{name}" x="{place + GAP / 2:.2f}" y="{bottom:.1f}"'
                f' width="{1 - GAP}" height="{height:.1f}"/>'
            )


def summary(intervals: Sequence[Origins]) -> str:
    """The picture as a sentence, for readers who cannot see it."""
    l1, l2 = sum(origins.l1 for origins in intervals), sum(origins.l2 for origins in intervals)
    database = sum(origins.database for origins in intervals)
    total = l1 + l2 + database
    if not total:
        return "No answers yet"
    return (
        f"Of {total:,} answers {l1 / total:.0%} came from memory, {l2 / total:.0%} from Valkey"
        f" and {database / total:.0%} from the database"
    )
