"""The table of projects: what the warm-up found and did. Pure."""

from html import escape

from wb_cli.server.warmup.progress import DATASETS, Phase, Progress, Tally

NONE_YET = (
    "No projects yet: there were none when this server started. Projects that were made since "
    "then are served, and stand here after its next start."
)
# The columns after the project, the one that matters first.
COLUMNS = ("Failed", "Entries", "Valkey", "Database", "Objects", "Skipped")
LEGEND = (
    "Failed: entries that could not be loaded; the log names them. Entries: wanted in memory; some "
    "came from Valkey, some from the database. Skipped: objects without results, because their "
    "module has not run, or runs now."
)


def projects(progress: Progress) -> str:
    """A row for each project that the warm-up found, and a row for datasets if there are any."""
    if progress.phase in (Phase.WAITING, Phase.VERSIONS):
        return '<p class="empty">Not known yet.</p>'
    tallies = [
        tally
        for name, tally in progress.tallies.items()
        if name != DATASETS or tally.objects or tally.skipped
    ]
    if not tallies:
        return f'<p class="empty">{NONE_YET}</p>'
    # The sort is stable: projects without failures stay in the order of their labels.
    tallies.sort(key=lambda tally: -tally.failed)
    heads = "".join(f'<th scope="col" role="columnheader">{name}</th>' for name in COLUMNS)
    # A phone shows the rows as cards. The roles keep them rows of a table for screen readers.
    return (
        '<table class="cards-on-phone" role="table"><thead role="rowgroup"><tr role="row">'
        f'<th scope="col" role="columnheader">Project</th>{heads}</tr></thead>'
        f'<tbody role="rowgroup">{"".join(map(row, tallies))}</tbody></table>'
        f'<p class="soft">{LEGEND}</p>'
    )


def row(tally: Tally) -> str:
    """One project's numbers."""
    loaded = (tally.entries, tally.from_l2, tally.from_database)
    counts = (tally.failed, *loaded, tally.objects, tally.skipped)
    cells = "".join(
        f'<td role="cell" data-label="{column}">{count:,}</td>'
        for column, count in zip(COLUMNS, counts, strict=True)
    )
    bad = ' class="failed"' if tally.failed else ""
    name = f'<th scope="row" role="rowheader">{escape(tally.label)}</th>'
    return f'<tr role="row"{bad}>{name}{cells}</tr>'
