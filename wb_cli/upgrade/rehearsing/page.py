"""The page for those who own the figures: what a rehearsal found, in one file. Pure.

It needs nothing from elsewhere, has no script, and everything in it is escaped.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from wb_cli.upgrade.rehearsing.rehearsed import Ending

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from wb_cli.upgrade.rehearsing.rehearsed import Rehearsed
    from wb_cli.upgrade.rehearsing.tally import Found, Group

TITLE = "What another version would change"
EXPLAINED = (
    "Every result that the version in use gives was computed by the other version from a copy of "
    "the same data, and compared. Nothing was changed."
)
OPEN_UP_TO = 20
STYLE = """\
:root{color-scheme:light dark;--line:#d5d9e0;--dim:#667;--same:#1a7f4b;--differs:#b4491f}
@media(prefers-color-scheme:dark){:root{--line:#3a3f4a;--dim:#99a;--same:#5cc98f;--differs:#f2935c}}
body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.25rem;margin-top:2.5rem}p.dim,caption{color:var(--dim)}
.same{color:var(--same)}.differs,.unknown{color:var(--differs)}
details{border:1px solid var(--line);border-radius:.4rem;margin:.6rem 0;padding:.4rem .8rem}
summary{cursor:pointer;font-weight:600}table{border-collapse:collapse;width:100%;margin:.6rem 0}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-top:1px solid var(--line)}
td.value{font-family:ui-monospace,monospace;overflow-wrap:anywhere}
@media print{details{break-inside:avoid}}
"""
CLASSES = {Ending.SAME: "same", Ending.DIFFERS: "differs", Ending.UNKNOWN: "unknown"}


def write_page(
    rehearsed: Sequence[Rehearsed], failed: Mapping[str, str], made: str
) -> Iterator[str]:
    """Write the page, piece by piece.

    ``failed`` says why instances could not be compared, ``made`` is when it was made (RFC 3339).
    """
    yield (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{TITLE}</title>\n<style>{STYLE}</style>\n<body><main><h1>{TITLE}</h1>"
        f'<p>{EXPLAINED}</p><p class="dim">Made at {escape(made)}.</p>\n'
    )
    for each in rehearsed:
        yield from _write_instance(each)
    for instance, why in failed.items():
        yield f'<h2>{escape(instance)}</h2><p class="unknown">{escape(why)}</p>\n'
    yield "</main></body></html>\n"


def _write_instance(found: Rehearsed) -> Iterator[str]:
    before, after = (escape(version.describe()) for version in (found.before, found.after))
    proven = "proven" if found.is_proven else "not proven"
    verdict = escape(_begin_large(found.verdict))
    yield (
        f"<h2>{escape(found.instance)}: {before} to {after}</h2>"
        f'<p class="{CLASSES[found.ending]}"><strong>{verdict}.</strong></p>'
        f'<p class="dim">On the backup {escape(found.backup[:8])} of {escape(found.when)}, '
        f"which is {proven}.</p>\n"
    )
    for group in found.groups:
        yield from _write_group(group)
    if found.unanswered:
        yield "<p>The version in use gave no answer to these, so they were not compared:</p><ul>"
        yield from (f"<li>{escape(name)}</li>" for name in found.unanswered)
        yield "</ul>\n"


def _write_group(group: Group) -> Iterator[str]:
    is_open = " open" if len(group.kept) <= OPEN_UP_TO else ""
    yield f"<details{is_open}><summary>{escape(_begin_large(group.describe()))}</summary><table>"
    yield "<tr><th>Result</th><th>Field</th><th>Row</th><th>Before</th><th>After</th></tr>\n"
    yield from _write_rows(group.kept)
    yield "</table>"
    if group.count > len(group.kept):
        yield f'<p class="dim">{group.count - len(group.kept):,} more are not shown.</p>'
    yield "</details>\n"


def _write_rows(kept: Iterable[Found]) -> Iterator[str]:
    for found in kept:
        cells = (found.result, found.path, found.row)
        values = (found.old, found.new)
        yield "<tr>"
        yield from (f"<td>{escape(cell)}</td>" for cell in cells)
        yield from (f'<td class="value">{escape(value)}</td>' for value in values)
        yield "</tr>\n"


def _begin_large(text: str) -> str:
    """Begin a sentence with a capital letter."""
    return text[:1].upper() + text[1:]
