"""The status page as HTML. Its functions are pure: they turn a view into text."""

from functools import cache
from html import escape
from importlib.resources import files
from string import Template

from wb_cli.server.cache import LinkState
from wb_cli.server.page.chart import TIERS, hit_shares, minutes_shown, numbers, sum_of, summary
from wb_cli.server.page.projects import projects
from wb_cli.server.page.units import duration, number, size
from wb_cli.server.page.view import PageView
from wb_cli.server.warmup.progress import Phase, Progress

NOTHING_TO_LOAD = "There was nothing to load when this server started."
PHASES = {
    Phase.WAITING: "waits for the database",
    Phase.VERSIONS: "reads what there is",
    Phase.L2: "fetches from Valkey",
    Phase.DATABASE: "loads the rest from the database",
    Phase.DONE: "done",
}
VALKEY_NOTES = {
    LinkState.CONNECTING: "It has not answered yet.",
    LinkState.LOADING: "It reads its snapshot.",
    LinkState.CLOSED: "This server is stopping.",
}


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
        now=f"{view.now:%Y-%m-%dT%H:%M:%SZ}",
        clock=f"{view.now:%H:%M:%S} UTC",
        notice=escape(view.notice),
        warm_up=warm_up(view),
        tiers=tiers(view),
        shares=shares(view),
        projects=projects(view.progress),
        metrics_need=" (needs the token)" if view.has_token else "",
    )


@cache
def template() -> Template:
    """The page's frame."""
    return Template(files(__package__).joinpath("templates/page.html").read_text("utf-8"))


def warm_up(view: PageView) -> str:
    """The warm-up's bar, its phase, and how long it will take."""
    progress = view.progress
    problem = (
        f'<p class="bad">It failed: {escape(progress.problem)}</p>' if progress.problem else ""
    )
    total, done = progress.total("entries"), progress.total("done")
    which, _, count = view.workers
    if count > 1:  # each warms its own memory
        problem += f'<p class="soft">This is worker {which} of {count}.</p>'
    if not total:
        words = NOTHING_TO_LOAD if progress.is_warm else f"It {PHASES[progress.phase]}."
        return f'<p class="soft">{words}</p>{problem}'
    if not view.has_database:
        # A full bar would say that all is well.
        loaded = done - progress.total("failed")
        words = f"{loaded:,} of {number(total, 'entry')} were loaded when the database went away."
        return f"<p>{words}</p>{problem}"
    failed = f"{progress.total('failed'):,} failed"
    if progress.total("failed"):
        failed = f'<span class="bad">{failed}</span>, which the log names'
    return (
        f'<progress max="{total}" value="{done}" aria-label="Warm-up"></progress>'
        f"<p>{done:,} of {number(total, 'entry')}: {progress.total('from_l2'):,} from Valkey,"
        f" {progress.total('from_database'):,} from the database, {failed}</p>"
        f'<p class="soft">{pace(progress)}</p>{problem}'
    )


def pace(progress: Progress) -> str:
    """What the warm-up does, for how long, and the estimate of the time to go."""
    taken, left = duration(progress.elapsed_s), progress.remaining_s
    if progress.is_warm:
        return f"done in {taken}"
    to_go = f"; about {duration(left)} to go" if left else ""
    return f"{PHASES[progress.phase]}, for {taken} so far{to_go}"


def tiers(view: PageView) -> str:
    """L1, L2, the database, and the time that the first two saved."""
    answers = view.answers
    return "".join(
        (
            card(
                "Memory (L1)",
                number(view.l1_entries, "entry"),
                f"{size(view.l1_bytes)} of {size(view.l1_max_bytes)}",
                share(answers.l1, answers.total, "of all answers"),
            ),
            valkey_card(view),
            database_card(view),
            card("Saved", duration(view.saved_s), "of waiting for the database", SINCE_START),
        )
    )


SINCE_START = "since this server started"


def share(part: int, whole: int, of: str) -> str:
    """``75% of all answers``; nothing if there were none."""
    return f"gave {part / whole:.0%} {of} {SINCE_START}" if whole else ""


def valkey_card(view: PageView) -> str:
    """What Valkey holds, and how much it helps; or why it does not."""
    title, usage = "Valkey (L2)", view.l2_usage
    if not view.has_valkey:
        note = VALKEY_NOTES.get(view.l2, view.l2_reason)
        return card(title, view.l2, note, "Nothing is kept over a restart now.")
    given = view.answers.l2 + view.progress.total("from_l2")  # to requests, and to the warm-up
    helped = share(given, given + view.answers.database, "of what memory lacked")
    if usage is None:
        return card(title, view.l2, "Its numbers are not known yet.", helped)
    bound = f" of {size(usage.max_bytes)}" if usage.max_bytes else ", without a bound"
    return card(title, number(usage.keys, "key"), f"{size(usage.bytes)}{bound}", helped)


def database_card(view: PageView) -> str:
    """What the database does; or why it does not."""
    if not view.has_database:
        return card("PostgreSQL", "away", view.database)
    connections = number(view.database_connections, "connection")
    loads = number(view.answers.database, "load")
    return card("PostgreSQL", "connected", f"{connections} for queries", f"{loads} {SINCE_START}")


def card(title: str, value: str, *notes: str) -> str:
    """One fact in a box, with a line for each note."""
    lines = "".join(f'<p class="soft">{escape(note)}</p>' for note in notes if note)
    return (
        f'<div class="card"><h3>{escape(title)}</h3><strong>{escape(value)}</strong>{lines}</div>'
    )


def shares(view: PageView) -> str:
    """The chart with its scale, legend and numbers; or a sentence if there were no answers."""
    minutes = minutes_shown(view.intervals)
    shown = sum_of(view.intervals)
    if not shown.total:
        words = f"No answers in the last {minutes} min" if view.answers.total else summary(shown)
        return f'<p class="empty chart">{words}.</p>'
    legend = "".join(f'<span><i class="key {name}"></i>{text}</span>' for name, text in TIERS)
    return (
        f'<figure><p class="soft hint">Share of the answers. Point at a bar, or tap it, for its'
        f" numbers.</p>"
        f'<div class="plot"><div class="scale" aria-hidden="true"><b>100%</b><b>50%</b><b>0%</b>'
        f"</div>{hit_shares(view.intervals)}"
        f'<div class="axis"><b>{minutes} min ago</b><b>now</b></div></div>'
        f"<figcaption>{legend}<p>{summary(shown)}, the warm-up's loads included.</p></figcaption>"
        f'<details id="numbers"><summary id="numbers-summary">The numbers</summary>'
        f"{numbers(view.intervals)}</details></figure>"
    )
