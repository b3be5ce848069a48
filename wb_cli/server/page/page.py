"""The status page as HTML. Its functions are pure: they turn a view into text."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

from wb_cli.server.cache import LinkState
from wb_cli.server.http.health import Health
from wb_cli.server.page.chart import hit_shares, minutes_shown, summary
from wb_cli.server.warmup.progress import DATASETS, Phase, Progress, Tally
from wb_cli.server.watch.history import Origins

DEGRADED = "degraded"
NOTHING_TO_LOAD = "There was nothing to load when this server started."
MINUTE, HOUR, DAY = 60, 3_600, 86_400
KIB = 1024
PHASES = {
    Phase.WAITING: "waits for the database",
    Phase.VERSIONS: "reads what there is",
    Phase.L2: "fetches from Valkey",
    Phase.DATABASE: "loads the rest from the database",
    Phase.DONE: "done",
}


@dataclass(frozen=True)
class PageView:
    """Everything the page shows."""

    id: str
    label: str
    version: str
    wb: str
    status: Health
    uptime_s: float
    database: str
    l2: LinkState
    l1_entries: int
    l1_bytes: int
    l1_max_bytes: int
    saved_s: float
    progress: Progress
    intervals: Sequence[Origins]

    @property
    def has_valkey(self) -> bool:
        """Whether Valkey is ready, which keeps entries over a restart."""
        return self.l2 is LinkState.READY

    @property
    def pill(self) -> str:
        """The state in a word: how far the server has come, or that something is missing."""
        is_degraded = self.l2 is LinkState.LOST and self.status is not Health.WAITING
        return DEGRADED if is_degraded else self.status

    @property
    def notice(self) -> str:
        """What is wrong; empty if nothing is."""
        if self.status is Health.WAITING:
            return f"No database: {self.database}."
        return "" if self.has_valkey else f"Valkey is {self.l2}: the cache is in memory only."


def page(view: PageView) -> str:
    """The whole page."""
    return template().substitute(
        label=escape(view.label),
        id=escape(view.id),
        version=escape(view.version),
        wb=escape(view.wb),
        status=view.status,
        pill=view.pill,
        uptime=duration(view.uptime_s),
        notice=escape(view.notice),
        warm_up=warm_up(view.progress),
        tiers=tiers(view),
        shares=shares(view.intervals),
        projects=projects(view.progress),
    )


@cache
def template() -> Template:
    """The page's frame."""
    return Template(files(__package__).joinpath("templates/page.html").read_text("utf-8"))


def warm_up(progress: Progress) -> str:
    """The warm-up's bar, its phase, and how long it will take."""
    total, done = progress.total("entries"), progress.total("done")
    if not total:
        words = NOTHING_TO_LOAD if progress.is_warm else PHASES[progress.phase]
        return f'<p class="soft">{words}</p>'
    return (
        f'<progress max="{total}" value="{done}" aria-label="Warm-up"></progress>'
        f"<p>{done:,} of {total:,} entries: {progress.total('from_l2'):,} from Valkey,"
        f" {progress.total('from_database'):,} from the database,"
        f" {progress.total('failed'):,} failed</p>"
        f'<p class="soft">{PHASES[progress.phase]}, {duration(progress.elapsed_s)}'
        f"{remaining(progress)}</p>"
    )


def remaining(progress: Progress) -> str:
    """The estimate of the time to go, if there is one."""
    seconds = progress.remaining_s
    return f"; about {duration(seconds)} to go" if seconds else ""


def tiers(view: PageView) -> str:
    """L1, L2 and the database."""
    used = f"{size(view.l1_bytes)} of {size(view.l1_max_bytes)}"
    has_database = view.status is not Health.WAITING
    keeps = "keeps what was loaded over restarts"
    return "".join(
        (
            card("Memory (L1)", f"{view.l1_entries:,} entries", used),
            card("Valkey (L2)", view.l2, keeps if view.has_valkey else "nothing is kept there now"),
            card(
                "PostgreSQL",
                "connected" if has_database else "away",
                "the source" if has_database else view.database,
            ),
            card(
                "Saved",
                duration(view.saved_s),
                "of waiting for the database, since this server started",
            ),
        )
    )


def card(title: str, value: str, note: str) -> str:
    """One fact in a box."""
    return (
        f'<div class="card"><h3>{escape(title)}</h3><strong>{escape(value)}</strong>'
        f'<p class="soft">{escape(note)}</p></div>'
    )


def shares(intervals: Sequence[Origins]) -> str:
    """The picture with its legend, or a sentence if there were no answers."""
    if not any(origins.total for origins in intervals):
        return f'<p class="soft">{summary(intervals)}.</p>'
    legend = "".join(
        f'<span><i class="key {name}"></i>{text}</span>'
        for name, text in (("l1", "memory"), ("l2", "Valkey"), ("db", "database"))
    )
    axis = f'<p class="axis"><b>{minutes_shown(intervals):.0f} min ago</b><b>now</b></p>'
    caption = f"<figcaption>{legend}<p>{summary(intervals)}.</p></figcaption>"
    return f"<figure>{hit_shares(intervals)}{axis}{caption}</figure>"


def projects(progress: Progress) -> str:
    """A row for each project that the warm-up found, and a row for datasets if there are any."""
    if progress.phase in (Phase.WAITING, Phase.VERSIONS):
        return '<p class="soft">Not known yet.</p>'
    tallies = [
        tally
        for name, tally in progress.tallies.items()
        if name != DATASETS or tally.objects or tally.skipped
    ]
    if not tallies:
        return '<p class="soft">There were none.</p>'
    heads = ("Project", "Objects", "Skipped", "Entries", "Valkey", "Database", "Failed")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>'
        f"{''.join(map(row, tallies))}</tbody></table></div>"
    )


def row(tally: Tally) -> str:
    """One project's numbers."""
    counts = (tally.objects, tally.skipped, tally.entries, tally.from_l2)
    cells = "".join(f"<td>{n:,}</td>" for n in (*counts, tally.from_database, tally.failed))
    return f"<tr><td>{escape(tally.label)}</td>{cells}</tr>"


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
