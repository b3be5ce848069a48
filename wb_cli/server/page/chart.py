"""A chart of where answers came from: stacked bars as inline SVG, and its numbers as a table.

It works without a script. A bar that is pointed at, tapped or focused shows its numbers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wb_cli.server.page.units import number
from wb_cli.server.watch.history import EVERY_S, Origins

# So few bars that a finger hits one on a phone. If they do not suffice, each spans more intervals.
BARS = 30
SPANS = (1, 3, 6)  # intervals in a bar: 5, 15 or 30 minutes in all
WIDTH = 100 / BARS  # per cent of the chart
GAP = 0.12  # of a bar
FULL = 100.0
MINUTE = 60
DASH = "&#8211;"
TIERS = (("l1", "memory"), ("l2", "Valkey"), ("db", "database"))


@dataclass(frozen=True)
class Bar:
    """The answers of one span of time. The newest bar has the age 0."""

    age: int
    seconds: int
    origins: Origins

    @property
    def when(self) -> str:
        """``the last 30 s``, ``1:00 to 0:30 min ago``, ``3 to 2 min ago``."""
        if not self.age:
            return f"the last {self.seconds} s"
        return f"{' to '.join(self.minutes_ago)} min ago"

    @property
    def minutes_ago(self) -> tuple[str, str]:
        """How many minutes ago it began and ended: ``1`` and ``0:30``."""
        return ago((self.age + 1) * self.seconds), ago(self.age * self.seconds)

    @property
    def counts(self) -> tuple[int, int, int]:
        """The number of answers from each tier, in the order of `TIERS`."""
        return self.origins.l1, self.origins.l2, self.origins.database


def ago(seconds: int) -> str:
    """Minutes, with seconds if there are any: ``3``, ``0:30``."""
    minutes, rest = divmod(seconds, MINUTE)
    return f"{minutes}:{rest:02d}" if rest else f"{minutes}"


def bars_of(intervals: Sequence[Origins]) -> list[Bar]:
    """The bars, the oldest first. Intervals are put together if there are more than bars."""
    span = span_of(intervals)
    newest_first = list(reversed(intervals))[: span * BARS]
    groups = [newest_first[start : start + span] for start in range(0, len(newest_first), span)]
    seconds = round(span * EVERY_S)
    bars = [Bar(age, seconds, sum_of(group)) for age, group in enumerate(groups)]
    return bars[::-1]


def span_of(intervals: Sequence[Origins]) -> int:
    """The number of intervals in a bar: the least with which all of them have room."""
    return next((span for span in SPANS if len(intervals) <= span * BARS), SPANS[-1])


def minutes_shown(intervals: Sequence[Origins]) -> int:
    """The minutes that the chart goes back."""
    return round(span_of(intervals) * BARS * EVERY_S / MINUTE)


def sum_of(origins: Sequence[Origins]) -> Origins:
    """All of these answers."""
    return Origins(
        sum(each.l1 for each in origins),
        sum(each.l2 for each in origins),
        sum(each.database for each in origins),
    )


def hit_shares(intervals: Sequence[Origins]) -> str:
    """A bar for each span with answers, split by origin. The newest is at the right."""
    lines = "".join(
        f'<line class="grid" x1="0" x2="100%" y1="{y}%" y2="{y}%"/>' for y in (0, 25, 50, 75, 100)
    )
    bars = "".join(drawn(bar) for bar in bars_of(intervals) if bar.origins.total)
    return (
        f'<svg class="bars" role="group" aria-label="{summary(sum_of(intervals))}">'
        f"{lines}{bars}</svg>"
    )


def drawn(bar: Bar) -> str:
    """One bar, and the text that it shows when it is pointed at."""
    left = FULL - (bar.age + 1) * WIDTH
    when = f"{bar.when}: {number(bar.origins.total, 'answer')}"
    shares = shares_in_words(bar.origins)
    return (
        f'<g class="bar" id="bar-{bar.age}" tabindex="0" role="img">'
        f"<title>{when}: {shares}</title>"
        f'<rect class="hit" x="{left:.2f}%" y="0" width="{WIDTH:.2f}%" height="100%"/>'
        f"{''.join(stack(left, bar))}"
        f'<text class="tip" y="-2.2em"><tspan x="-3em">{when}</tspan>'
        f'<tspan x="-3em" dy="1.2em">{shares}</tspan></text></g>'
    )


def stack(left: float, bar: Bar) -> Iterator[str]:
    """The parts of one bar, from the bottom up."""
    bottom = FULL
    for (name, _), count in zip(TIERS, bar.counts, strict=True):
        if count:
            height = FULL * count / bar.origins.total
            bottom -= height
            yield (
                f'<rect class="{name}" x="{left + WIDTH * GAP / 2:.2f}%" y="{bottom:.1f}%"'
                f' width="{WIDTH * (1 - GAP):.2f}%" height="{height:.1f}%"/>'
            )


def shares_in_words(origins: Origins) -> str:
    """``75% memory, 0% Valkey, 25% database``."""
    counts = (origins.l1, origins.l2, origins.database)
    return ", ".join(
        f"{count / origins.total:.0%} {tier}"
        for count, (_, tier) in zip(counts, TIERS, strict=True)
    )


def summary(answers: Origins) -> str:
    """The chart as a sentence."""
    total = answers.total
    if not total:
        return "No answers yet"
    l1, l2, database = (count / total for count in (answers.l1, answers.l2, answers.database))
    return (
        f"Of {number(total, 'answer')} {l1:.0%} came from memory, {l2:.0%} from Valkey"
        f" and {database:.0%} from the database"
    )


def numbers(intervals: Sequence[Origins]) -> str:
    """The chart as a table, the newest first. Spans without answers are left out."""
    heads = ("Min ago", "Answers", *(tier.capitalize() for _, tier in TIERS))
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    rows = "".join(
        f'<tr><th scope="row">{DASH.join(bar.minutes_ago)}</th>'
        f"{''.join(f'<td>{count:,}</td>' for count in (bar.origins.total, *bar.counts))}</tr>"
        for bar in reversed(bars_of(intervals))
        if bar.origins.total
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
