"""A picture of hit shares: stacked bars as inline SVG, no script."""

from collections.abc import Iterator, Sequence

from wb_cli.server.history import EVERY_S, KEPT, Origins

WIDTH, HEIGHT = 720, 160
LEFT, TOP, BOTTOM = 36, 10, 24
PLOT_HEIGHT = HEIGHT - TOP - BOTTOM
STEP = (WIDTH - LEFT) / (KEPT + 1)
SECONDS_PER_MINUTE = 60


def hit_shares(intervals: Sequence[Origins]) -> str:
    """One bar an interval, split by origin; empty intervals stay empty. The newest is rightmost."""
    first = KEPT + 1 - len(intervals)
    bars = "".join(
        bar for place, origins in enumerate(intervals, first) for bar in stack(place, origins)
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{summary(intervals)}">'
        f"{axes()}{bars}</svg>"
    )


def stack(place: int, origins: Origins) -> Iterator[str]:
    """The parts of one bar, from the bottom up."""
    if not origins.total:
        return
    x, bottom = LEFT + place * STEP, float(TOP + PLOT_HEIGHT)
    for name, count in (("l1", origins.l1), ("l2", origins.l2), ("db", origins.database)):
        height = PLOT_HEIGHT * count / origins.total
        bottom -= height
        if count:
            yield (
                f'<rect class="{name}" x="{x:.1f}" y="{bottom:.1f}"'
                f' width="{STEP * 0.9:.1f}" height="{height:.1f}"/>'
            )


def axes() -> str:
    """Per cent upwards, minutes to the right."""
    minutes = KEPT * EVERY_S / SECONDS_PER_MINUTE
    return (
        f'<text x="4" y="{TOP + 9}">100%</text><text x="4" y="{TOP + PLOT_HEIGHT}">0%</text>'
        f'<text x="{LEFT}" y="{HEIGHT - 7}">{minutes:.0f} min ago</text>'
        f'<text x="{WIDTH - 4}" y="{HEIGHT - 7}" text-anchor="end">now</text>'
    )


def summary(intervals: Sequence[Origins]) -> str:
    """The picture in words, for who cannot see it."""
    l1, l2 = sum(each.l1 for each in intervals), sum(each.l2 for each in intervals)
    database = sum(each.database for each in intervals)
    total = l1 + l2 + database
    if not total:
        return "No answers yet"
    return (
        f"Of {total} answers {l1 / total:.0%} came from memory, {l2 / total:.0%} from Valkey"
        f" and {database / total:.0%} from the database"
    )
