"""wb remove-dirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wb_cli.cli.context import get_wb
from wb_cli.cli.hosts import select_on_one
from wb_cli.cli.options import DryRun, Json, Selectors, Wait, Yes
from wb_cli.cli.show.refused import make_documents, name_refused
from wb_cli.errors import EngineUnreachableError, WbError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wb_cli.cli.console import Console
    from wb_cli.cli.context import Wb
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.ended import Ended
    from wb_cli.lifecycle.removal import FolderRemoval, Removal

    # By the instance's id: what was or would be removed, or the error.
    Outcomes = Mapping[str, Removal | WbError]

ForgetSecrets = Annotated[
    bool,
    typer.Option("--forget-secrets", help="Remove the generated password and token, too."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing where all goes well.")]


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command("remove-dirs")(remove_dirs)


def remove_dirs(
    ctx: typer.Context,
    selectors: Selectors,
    forget_secrets: ForgetSecrets = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    wait: Wait = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Remove stopped instances' folders for good.

    All data in them goes. It shows what goes, and asks for the instance's id to be typed. It
    refuses while a container of the instance is there, or any container mounts one of the folders.
    What else lies in the instance's folder stays, and so do the entry in the registry file, the
    history, and the crash records, which it names.

    Examples:
        wb remove-dirs demo --dry-run
        wb stop demo && wb remove-dirs demo
    """
    del as_json
    from wb_cli.lifecycle.batch import combine_exit_codes
    from wb_cli.lifecycle.removal import FolderRemoval

    wb, selection = select_on_one(get_wb(ctx), selectors)
    removal = FolderRemoval(wb.fleet, wb.registry, forget_secrets)
    outcomes = {instance.id: _look(removal, instance) for instance in selection.instances}
    todo = [
        instance for instance in selection.instances if _is_to_be_removed(outcomes[instance.id])
    ]
    if not dry_run and not yes:
        _confirm(wb, {instance.id: outcomes[instance.id] for instance in todo})
    if not dry_run:
        outcomes |= _remove(wb, removal, todo, wait, quiet=quiet)
    if wb.console.as_json:
        answer = [
            _make_document(id_, outcome, dry_run=dry_run) for id_, outcome in outcomes.items()
        ]
        wb.console.write_json({"instances": answer, "refused": make_documents(selection.refused)})
    else:
        _show(wb, outcomes, dry_run=dry_run, quiet=quiet)
    return name_refused(wb.console, selection.refused, combine_exit_codes(outcomes.values()))


def _look(removal: FolderRemoval, instance: Instance) -> Removal | WbError:
    try:
        return removal.plan(instance)
    except EngineUnreachableError:  # all instances would fail with it
        raise
    except WbError as error:
        return error


def _is_to_be_removed(outcome: Removal | WbError) -> bool:
    return not isinstance(outcome, WbError) and not outcome.is_empty


def _confirm(wb: Wb, outcomes: Outcomes) -> None:
    for id_, outcome in outcomes.items():
        for line in _describe(outcome, dry_run=True):
            wb.console.note(f"{id_}: {line}")
        wb.console.confirm_by_typing(id_, f"Remove this data of {id_} for good?")


class _Progress:
    """Shows what is being removed, unless the user asked for quiet."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._console, self._quiet = console, quiet

    def begin(self, instance: str, reasons: Sequence[str]) -> None:
        """Show nothing: the first step says it."""

    def tell(self, instance: str, text: str) -> None:
        """Show what an operator should know in any case."""
        self._console.note(f"{instance}: {text}")

    def update(self, instance: str, text: str) -> None:
        """Show a step that begins."""
        if not self._quiet:
            self._console.note(f"{instance}: {text}")

    def finish(self, ended: Ended[Removal]) -> None:
        """Do nothing: the results of all instances are shown at the end."""

    def answer(self, text: str) -> None:
        """Answer a further signal."""
        self._console.note(text)


def _remove(
    wb: Wb, removal: FolderRemoval, instances: Sequence[Instance], wait_s: float, *, quiet: bool
) -> dict[str, Removal | WbError]:
    from wb_cli.lifecycle.batch import Batch
    from wb_cli.lifecycle.options import RunOptions, Verb

    by_id = {instance.id: instance for instance in instances}
    batch = Batch(
        wb.fleet,
        RunOptions(Verb.REMOVE_DIRS, wait_s=wait_s, parallel=1),
        lambda id_, options: removal.remove(by_id[id_], options),
        _Progress(wb.console, quiet=quiet),
    )
    outcomes = ((ended.instance, ended.result or ended.error) for ended in batch.run([*by_id]))
    return {id_: outcome for id_, outcome in outcomes if outcome}


def _show(wb: Wb, outcomes: Outcomes, *, dry_run: bool, quiet: bool) -> None:
    for id_, outcome in outcomes.items():
        if isinstance(outcome, WbError):
            wb.console.show_error(outcome)
        elif dry_run or not quiet:
            for line in _describe(outcome, dry_run=dry_run):
                wb.console.write_line(f"{id_}: {line}")


def _describe(outcome: Removal | WbError, *, dry_run: bool) -> Iterator[str]:
    """Describe what was or would be removed, and what stays."""
    if isinstance(outcome, WbError):
        return
    if outcome.is_empty:
        yield "nothing to remove"
    done = "would be removed" if dry_run else "removed"
    for folder in outcome.folders:
        yield f"{folder} {done}"
    for path in outcome.kept:
        yield f"{path} stays: it is not wb's"
    if outcome.forgets_secrets:
        yield f"its password and its token {done}"
    if outcome.records and not outcome.is_empty:
        yield (
            f"its crash records stay in {outcome.records}: `wb prune` removes them once it has no "
            "entry"
        )


def _make_document(id_: str, outcome: Removal | WbError, *, dry_run: bool) -> dict[str, Any]:
    from wb_cli.cli.console import make_error_document

    if isinstance(outcome, WbError):
        code, error = int(outcome.exit_code), make_error_document(outcome)
        return {"id": id_, "exitCode": code, "result": "failed", "error": error}
    done = "planned" if dry_run else "removed"
    result = "nothing" if outcome.is_empty else done
    return {"id": id_, "exitCode": 0, "result": result} | outcome.as_document()
