"""wb config edit."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.commands.declaring.moves import refuse_moves
from wb_cli.cli.commands.declaring.texts import examples, note, suggest_steps
from wb_cli.cli.context import Wb, get_wb
from wb_cli.cli.hosts import go_to
from wb_cli.errors import UsageError, WbError

if TYPE_CHECKING:
    from wb_cli.instances.declaring.comparison import Comparison
    from wb_cli.instances.declaring.draft import Verdict
    from wb_cli.instances.registry_file.drafts import Draft


def add_to(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command(
        epilog=examples("wb config edit", "EDITOR=nano wb config edit"),
    )(edit)


Force = Annotated[
    bool,
    typer.Option(
        "--force", help="Do not ask the engine whether removed instances have containers."
    ),
]


def edit(
    ctx: typer.Context,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="COPY", help="Go on with a copy that an earlier edit has kept."),
    ] = None,
    force: Force = False,
) -> None:
    """Edit the registry file in your editor.

    The editor is $VISUAL or $EDITOR, and you edit a copy. When the editor ends, the copy is
    checked, the differences are shown, and it takes the file's place. If something is wrong, the
    file stays as it is and the copy is kept. What somebody else changed meanwhile is merged.
    """
    from wb_cli.instances.registry_file import drafts

    wb = get_wb(ctx)
    if resume:
        draft = drafts.Draft(resume.absolute())
        draft.read_base()  # raises if it is no copy of an edit
    else:
        draft = drafts.begin(wb.registry_file.path, wb.registry_file.read_content())
    try:
        verdict = _edit_until_taken(wb, draft, force=force)
    except WbError as error:
        way = f"Your text is kept: {_describe_way(draft)}"
        error.hint = f"{error.hint} {way}".strip()
        error.details = (*error.details, way) if error.details else ()
        raise
    except BaseException:
        wb.console.note(f"your text is kept: {_describe_way(draft)}")
        raise
    draft.remove()
    _report(wb, verdict)


def _describe_way(draft: Draft) -> str:
    return f"`wb config edit --resume {draft.path}` goes on with it."


def _edit_until_taken(wb: Wb, draft: Draft, *, force: bool) -> Verdict | None:
    """Open the editor until the draft is taken. On a terminal, ask before it is opened again."""
    from wb_cli.host import editor
    from wb_cli.instances.registry_file import drafts

    while True:
        before = draft.read()
        editor.open_file(draft.path, os.environ)
        if draft.read() == before == (draft.read_base() or drafts.EMPTY):
            return None
        try:
            return _take(wb, draft, force=force)
        except UsageError as error:
            if not _wants_to_go_on(wb, error):
                raise


def _take(wb: Wb, draft: Draft, *, force: bool) -> Verdict:
    """Put the draft in the place of the file, under the file's lock."""
    from wb_cli.instances.declaring.draft import ConflictError, judge_draft

    verdicts: list[Verdict] = []

    def decide(present: bytes | None) -> bytes:
        try:
            verdict = judge_draft(draft.read_base(), draft.read(), present or None, str(draft.path))
        except ConflictError as conflict:
            draft.write(conflict.merged, present)
            raise
        if not force:
            refuse_lost_containers(wb, verdict.comparison)
        verdicts.append(verdict)
        return verdict.content

    wb.registry_file.rewrite(decide)
    return verdicts[0]


def refuse_lost_containers(wb: Wb, comparison: Comparison) -> None:
    """Refuse a content in which an instance that has containers is no longer declared there."""
    from wb_cli.lifecycle.guard.declared import refuse_while_present

    refuse_moves(wb, comparison.changed_instances)
    for id_ in comparison.removed_ids:
        host = go_to(wb, id_)  # by the file as it is now
        refuse_while_present(id_, wb.settings, partial(getattr, host, "engine"))


def note_changes(wb: Wb, comparison: Comparison) -> None:
    """Write each change to the history of its instance."""
    for change in comparison.changes:
        note(wb, change.name, change.verb, "by hand")


def _wants_to_go_on(wb: Wb, error: UsageError) -> bool:
    if not sys.stdin.isatty():
        return False
    wb.console.show_error(error)
    try:
        wb.console.confirm("Edit it again?", yes=False)
    except UsageError:
        return False
    return True


def _report(wb: Wb, verdict: Verdict | None) -> None:
    if verdict is None or not verdict.comparison.changes:
        wb.console.note("nothing was changed")
        return
    note_changes(wb, verdict.comparison)
    for change in verdict.comparison.changes:
        wb.console.write_line(str(change))
    for doubt in verdict.doubts:
        wb.console.note(f"warning: {doubt.id}: {doubt.text}")
    for step in suggest_steps(wb, verdict.comparison.changed_instances):
        wb.console.note(f"next: {step}")
