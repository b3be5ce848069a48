"""A picture of hit shares: stacked bars as inline SVG, no script."""

from collections.abc import Iterator, Sequence

from wb_cli.server.watch.history import EVERY_S, Origins

# The picture is stretched to its place; units are those of one bar and of per cent.
HEIGHT = 100
LEAST_BARS = 30
GAP = 0.12
SECONDS_PER_MINUTE = 60


def hit_shares(intervals: Sequence[Origins]) -> str:
    """One bar an interval, split by origin; empty intervals stay empty. The newest is rightmost."""
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
    """How many bars there is room for."""
    return max(LEAST_BARS, len(intervals))


def minutes_shown(intervals: Sequence[Origins]) -> float:
    """How far back the picture goes."""
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
    """The picture in words, for who cannot see it."""
    l1, l2 = sum(each.l1 for each in intervals), sum(each.l2 for each in intervals)
    database = sum(each.database for each in intervals)
    total = l1 + l2 + database
    if not total:
        return "No answers yet"
    return (
        f"Of {total:,} answers {l1 / total:.0%} came from memory, {l2 / total:.0%} from Valkey"
        f" and {database / total:.0%} from the database"
    )
